//! The environment's variables, and the `.env` files that stand in for them in development.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::{Origin, Problem};

/// Read in this order in development; a later one wins, and the process's own environment wins over
/// all of them.
pub(crate) const ENV_FILES: [&str; 3] = [".env", ".env.dev", ".env.host"];

/// A snapshot of the process's environment; variables that are not UTF-8 can't be settings and are
/// left out.
pub(crate) fn of_process() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// Variables by name, each with where it was set. An empty variable counts as unset: that is how
/// compose files and shells say "nothing".
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(BTreeMap<String, (String, Origin)>);

impl Variables {
    /// Variables of the process over those of the `.env` files in `folder`, which are read only when
    /// `env_files` says so.
    pub(crate) fn gather(process: &BTreeMap<String, String>, folder: &Path, env_files: bool) -> Result<Self, Problem> {
        let mut all = BTreeMap::new();
        for name in ENV_FILES.iter().filter(|_| env_files) {
            match std::fs::read_to_string(folder.join(name)) {
                Ok(text) => read_env_file(&mut all, &Arc::from(*name), &text)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Problem::new(format!("{name} can't be read: {error}"))),
            }
        }
        let process = process.iter().filter(|(_, value)| !value.is_empty());
        all.extend(process.map(|(name, value)| (name.clone(), (value.clone(), Origin::Variable { name: name.clone() }))));
        Ok(Self(all))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.as_str())
    }

    /// The first of `names` that is set, with its origin.
    pub(crate) fn first(&self, names: &[&str]) -> Option<(String, Origin)> {
        names.iter().find_map(|name| self.0.get(*name)).cloned()
    }

    /// For filling in `${NAME}`.
    pub(crate) fn plain(&self) -> HashMap<String, String> {
        self.0.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect()
    }

    /// `DATABASE_URL`, or else one composed of `POSTGRES_*`, as hosting platforms and compose files
    /// hand them out.
    pub(crate) fn database_url(&self) -> Option<(String, Origin)> {
        self.first(&["DATABASE_URL"]).or_else(|| {
            // User and password alone configure a database server, not its clients.
            let (_, origin) = self.first(&["POSTGRES_HOST", "POSTGRES_DB"])?;
            let or = |name, default| self.get(name).unwrap_or(default);
            let user = or("POSTGRES_USER", "postgres");
            let password = self.get("POSTGRES_PASSWORD").map(|password| format!(":{}", percent(password))).unwrap_or_default();
            let (host, port) = (or("POSTGRES_HOST", "localhost"), or("POSTGRES_PORT", "5432"));
            Some((format!("postgres://{}{password}@{host}:{port}/{}", percent(user), percent(or("POSTGRES_DB", user))), origin))
        })
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986, 2.3.
fn percent(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn read_env_file(all: &mut BTreeMap<String, (String, Origin)>, path: &Arc<str>, text: &str) -> Result<(), Problem> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let place = Origin::File { path: path.clone(), line: number };
        let (name, value) = line.split_once('=').ok_or_else(|| Problem::new("expected NAME=value").at(place.clone()))?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Problem::new("a variable's name has letters, digits and underscores").at(place));
        }
        let value = unquote(value.trim()).ok_or_else(|| Problem::new("the quote is not closed").at(place))?;
        // A later file that says nothing says "nothing".
        all.remove(name);
        if !value.is_empty() {
            all.insert(name.to_owned(), (value, Origin::EnvFile { path: path.clone(), line: number, name: name.to_owned() }));
        }
    }
    Ok(())
}

/// The value without its quotes, or without its comment when it has none. No escapes and no
/// references: what is written is what is meant.
fn unquote(value: &str) -> Option<String> {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).map(|(inner, _)| inner.to_owned()),
        _ => Some(value.split(" #").next().unwrap_or_default().trim_end().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn of(pairs: &[(&str, &str)]) -> Variables {
        Variables::gather(&vars(pairs), Path::new("."), false).expect("valid")
    }

    #[test]
    fn later_env_files_win_and_the_process_wins_over_them() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".env"), "# all\nA=1\nB='x # y' # why\nexport C=3 # three\nD=4\n").expect("written");
        std::fs::write(folder.path().join(".env.host"), "D=5\nE=\n").expect("written");
        let found = Variables::gather(&vars(&[("A", "9"), ("E", ""), ("C", "")]), folder.path(), true).expect("valid");
        let seen: Vec<_> = ["A", "B", "C", "D", "E"].into_iter().map(|name| found.get(name)).collect();
        assert_eq!(seen, [Some("9"), Some("x # y"), Some("3"), Some("5"), None]);
        assert_eq!(found.first(&["D"]).map(|(_, origin)| origin.to_string()), Some(".env.host:1 (D)".into()));
        let without = Variables::gather(&vars(&[]), folder.path(), false).expect("valid");
        assert_eq!(without.get("B"), None);
    }

    #[test]
    fn a_broken_env_file_names_its_line() {
        let mut all = BTreeMap::new();
        let problem = read_env_file(&mut all, &Arc::from(".env"), "A=1\nwhat is this\n").expect_err("broken");
        assert_eq!(problem.to_string(), ".env:2: expected NAME=value");
    }

    #[test]
    fn the_database_address_is_composed_when_it_is_not_given() {
        let parts = [("POSTGRES_HOST", "pg"), ("POSTGRES_USER", "ann"), ("POSTGRES_PASSWORD", "a b/c@d"), ("POSTGRES_DB", "shop")];
        assert_eq!(of(&parts).database_url().map(|(url, _)| url), Some("postgres://ann:a%20b%2Fc%40d@pg:5432/shop".into()));
        let given = [("DATABASE_URL", "sqlite:x.db"), ("POSTGRES_HOST", "pg")];
        assert_eq!(of(&given).database_url().map(|(url, _)| url), Some("sqlite:x.db".into()));
        assert_eq!(of(&[("POSTGRES_PASSWORD", "for-the-server")]).database_url(), None);
    }
}
