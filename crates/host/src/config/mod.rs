//! Settings: typed, documented, and traceable to the line that set them.
//!
//! Each room declares a [`Section`]; the host lays the layers upon each other (defaults, the file,
//! the file of the environment, `.env` files in development, variables, the command line) and hands
//! the room its values at registration. Nothing reads the environment or the file besides.

mod error;
mod reference;
mod secrets;
mod section;
mod show;
mod tree;
mod typed;
mod variables;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;

pub use error::{ConfigError, Problem};
pub use secrets::{SecretRef, SecretSource};
pub use section::{Key, Section, Values};
pub use show::Setting;
pub(crate) use tree::Node;
pub use tree::Origin;
pub(crate) use variables::{Variables, of_process};

use crate::{Environment, Sources};

/// The key that `DATABASE_URL` and `POSTGRES_*` set.
const DATABASE_URL: &str = "database.url";
/// The file's name when none is given.
const FILE: &str = "autorisen.yaml";

/// All settings of the program.
pub struct Config {
    environment: Environment,
    /// Where the settings file lies: relative references start there.
    folder: PathBuf,
    /// `AUTORISEN_ENV` was set: somebody decided where we run.
    environment_is_set: bool,
    tree: Node,
    variables: Variables,
    sources: Vec<Box<dyn SecretSource>>,
    /// Headings with what they are about.
    sections: BTreeMap<&'static str, &'static str>,
    keys: BTreeMap<String, Key>,
    problems: Vec<Problem>,
}

impl Config {
    /// Reads all layers. What is wrong with single values shows when the sections are read.
    pub(crate) fn load(from: &Sources, more: Vec<Box<dyn SecretSource>>) -> Result<Self, ConfigError> {
        let (environment, environment_is_set) = environment(from)?;
        let given = from.config.clone().or_else(|| from.vars.get("AUTORISEN_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        let is_given = given.is_some();
        let file = given.unwrap_or_else(|| PathBuf::from(FILE));
        let folder = from.dir.join(&file).parent().map_or_else(|| from.dir.clone(), std::path::Path::to_path_buf);
        let variables = Variables::gather(&from.vars, &folder, environment == Environment::Development)?;
        let filled_in = variables.plain();

        let mut tree = Node::empty();
        let overlay = file.with_extension(format!("{environment}.yaml"));
        for (path, required) in [(file, is_given), (overlay, false)] {
            let shown: Arc<str> = path.to_string_lossy().into();
            match std::fs::read_to_string(from.dir.join(&path)) {
                Ok(text) => tree.merge(yaml::read(&shown, &text, &filled_in)?),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {}
                Err(error) => return Err(Problem::new(format!("the settings file {shown} can't be read: {error}")).into()),
            }
        }
        for (path, value) in &from.overrides {
            tree.put(path, Node::text(value.clone(), Origin::CommandLine));
        }
        let mut sources: Vec<Box<dyn SecretSource>> =
            vec![Box::new(secrets::FileSource(folder.clone())), Box::new(secrets::VariableSource(variables.clone()))];
        sources.extend(more);
        let (sections, keys, problems) = Default::default();
        Ok(Self { environment, folder, environment_is_set, tree, variables, sources, sections, keys, problems })
    }

    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// Whether `AUTORISEN_ENV` was set, rather than left to its default.
    pub fn environment_is_set(&self) -> bool {
        self.environment_is_set
    }

    /// Every setting of every registered section.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.values()
    }

    /// The files that secrets are read from, by the key that names them.
    pub fn secret_files(&self) -> Vec<(String, PathBuf)> {
        let file = |key: &Key| match self.found(key)? {
            Node::Leaf { value: serde_json::Value::String(text), .. } => {
                Some((key.path.clone(), self.folder.join(text.strip_prefix("file:")?)))
            }
            _ => None,
        };
        self.keys.values().filter(|key| key.secret).filter_map(file).collect()
    }

    pub(crate) fn section<S: Section>(&mut self) -> S {
        self.sections.insert(S::NAME, S::ABOUT);
        for key in S::keys() {
            self.keys.insert(key.path.clone(), key);
        }
        S::read(&mut Values { config: self, section: S::NAME })
    }

    fn value<T: DeserializeOwned>(&mut self, path: &str) -> Option<T> {
        let key = self.keys.get(path)?;
        let node = self.found(key)?;
        let read = self.plain(key, path, &node).and_then(|json| {
            typed::read(json, node.is_text()).map_err(|expected| {
                let told = if key.secret { "expected a text, or a reference such as `env:NAME`".to_owned() } else { expected };
                Problem::new(told).key(path).at(node.origin().clone())
            })
        });
        read.map_err(|problem| self.note(problem)).ok()
    }

    /// What the layers say about `key`, the highest first.
    fn found(&self, key: &Key) -> Option<Node> {
        let in_tree = self.tree.find(&key.path);
        if in_tree.is_some_and(|node| *node.origin() == Origin::CommandLine) {
            return in_tree.cloned();
        }
        let variable = if key.path == DATABASE_URL { self.variables.database_url() } else { self.variables.first(key.env) };
        variable.map(|(value, origin)| Node::text(value, origin)).or_else(|| in_tree.cloned())
    }

    /// Notes that a value is wrong, once.
    pub(crate) fn note(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn origin_of(&self, path: &str) -> Origin {
        self.keys.get(path).and_then(|key| self.found(key)).map_or(Origin::Default, |node| node.origin().clone())
    }

    /// Whether the value of a key was told to be wrong already: what stands in for it proves nothing.
    fn is_in_doubt(&self, path: &str) -> bool {
        self.problems.iter().any(|problem| problem.key.as_deref() == Some(path))
    }

    pub(crate) fn fault(&mut self, path: &str, message: impl Into<String>) {
        if self.is_in_doubt(path) {
            return;
        }
        let problem = Problem::new(message).key(path).at(self.origin_of(path));
        self.note(problem);
    }

    pub(crate) fn refuse(&mut self, path: &str, message: impl Into<String>) {
        if self.is_in_doubt(path) {
            return;
        }
        let problem = Problem::new(message).key(path).at(self.origin_of(path)).refused();
        self.note(problem);
    }

    /// To be called when all sections are registered: everything that is wrong, or nothing.
    pub(crate) fn finish(&mut self) -> Result<(), ConfigError> {
        for problem in self.unknown() {
            self.note(problem);
        }
        let mut problems = std::mem::take(&mut self.problems);
        // From the top of the file to its end, as one mends it.
        problems.sort_by_key(|problem| match &problem.origin {
            Some(Origin::File { path, line } | Origin::EnvFile { path, line, .. }) => (0, path.to_string(), *line),
            _ => (1, String::new(), 0),
        });
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }
}

fn environment(from: &Sources) -> Result<(Environment, bool), Problem> {
    let Some(text) = from.vars.get("AUTORISEN_ENV").filter(|text| !text.is_empty()) else {
        return Ok((Environment::Development, false));
    };
    let origin = Origin::Variable { name: "AUTORISEN_ENV".into() };
    text.parse().map(|environment| (environment, true)).map_err(|expected| Problem::new(format!("{expected}, found {text:?}")).at(origin))
}

#[cfg(test)]
mod tests;
