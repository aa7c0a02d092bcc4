//! The sources of the rooms, for walks that read them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Tools that look at the house from outside, with servers and databases of their own.
pub const TOOLS: [&str; 2] = ["bench", "chaos"];

/// One file of a room's `src`, without its tests.
pub struct File {
    pub room: String,
    /// From the root of the repository: `crates/crm/src/lib.rs`.
    pub path: String,
    /// What runs: everything above the module of tests.
    pub text: String,
}

/// A function in a source.
pub struct Function {
    pub name: String,
    /// The line that it begins on.
    pub at: usize,
    pub lines: usize,
    /// Whether it answers an operation of the OpenAPI document.
    pub is_handler: bool,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate stands in crates/autorisen").to_owned()
}

/// Every source file of every room but the testkit, by path; files that hold only tests are left out.
pub fn files() -> Vec<File> {
    let mut found = Vec::new();
    for room in folder(&root().join("crates")).into_iter().filter(|room| !room.ends_with("testkit")) {
        collect(&room.join("src"), &mut found);
    }
    let tests: BTreeSet<PathBuf> = found.iter().flat_map(|path| test_modules(path)).collect();
    found.retain(|path| !tests.contains(path));
    found.sort();
    found.into_iter().map(|path| read(&path)).collect()
}

fn folder(path: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) {
    for path in folder(path) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> File {
    let whole = std::fs::read_to_string(path).expect("a readable source");
    let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
    let room = path.split('/').nth(1).unwrap_or_default().to_owned();
    File { room, path, text: above_tests(&whole).to_owned() }
}

/// Tests come last in a file.
fn above_tests(whole: &str) -> &str {
    whole.split_once("\n#[cfg(test)]\nmod tests {").map_or(whole, |(above, _)| above)
}

/// The files that `path` declares as `#[cfg(test)] mod name;`.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let whole = std::fs::read_to_string(path).expect("a readable source");
    let parent = path.parent().expect("a file stands in a folder");
    let beside = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") | None => parent.to_owned(),
        Some(stem) => parent.join(stem),
    };
    let declared = whole.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split_once(';'));
    let names = declared.map(|(name, _)| name).filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
    names.flat_map(|name| [beside.join(format!("{name}.rs")), beside.join(name).join("mod.rs")]).collect()
}

impl File {
    /// The text without its comments.
    pub fn code(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Every line of code that meets `wanted`, as `path:number: line`; comments are none.
    pub fn lines_where<'a>(&'a self, wanted: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = String> + 'a {
        let code = |line: &str| !line.trim_start().starts_with("//");
        let numbered = self.text.lines().enumerate();
        numbered.filter(move |(_, line)| code(line) && wanted(line)).map(|(at, line)| format!("{}:{}: {}", self.path, at + 1, line.trim()))
    }

    /// The functions with the number of their lines, from the first of the signature to the last brace.
    pub fn functions(&self) -> Vec<Function> {
        let lines: Vec<&str> = self.text.lines().collect();
        let named = lines.iter().enumerate().filter_map(|(at, line)| Some((at, function_name(line)?)));
        named
            .filter_map(|(at, name)| {
                let lines_of = length(&lines[at..])?;
                Some(Function { name, at: at + 1, lines: lines_of, is_handler: answers(&lines[..at]) })
            })
            .collect()
    }
}

/// The name behind `fn`, whatever stands before it.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let before = ["pub", "async", "const", "pub(crate)", "pub(super)", "pub(in"];
    words.by_ref().find(|word| !before.contains(word)).filter(|word| *word == "fn")?;
    Some(words.next()?.split(['(', '<']).next()?.to_owned())
}

/// Lines to the brace that closes what the first line begins.
fn length(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    if first.ends_with('}') || first.ends_with(';') {
        return Some(1);
    }
    let close = format!("{}}}", " ".repeat(first.len() - first.trim_start().len()));
    Some(lines.iter().position(|line| *line == close)? + 1)
}

/// Whether the attributes right above describe an operation.
fn answers(above: &[&str]) -> bool {
    let attributes = above.iter().rev().take_while(|line| !line.is_empty() && **line != "}");
    attributes.into_iter().any(|line| line.starts_with("#[utoipa::path"))
}

/// The texts of every `name("…")` in a source, as the program reads them.
pub fn literals_after(text: &str, name: &str) -> Vec<String> {
    text.split(name).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')).map(|rest| literal(rest).0).collect()
}

/// The texts of every `name("…", "…")`.
pub fn pairs_after(text: &str, name: &str) -> Vec<(String, String)> {
    let begun = text.split(name).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
    begun
        .filter_map(|rest| {
            let (first, rest) = literal(rest);
            Some((first, literal(rest.trim_start_matches(',').trim_start().strip_prefix('"')?).0))
        })
        .collect()
}

/// A text up to its closing quote, and what follows. A backslash at the end of a line swallows the
/// space that follows.
fn literal(rest: &str) -> (String, &str) {
    let (mut out, mut letters) = (String::new(), rest.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('\n') => letters = letters.as_str().trim_start().chars(),
                escaped => out.extend(escaped),
            },
            letter => out.push(letter),
        }
    }
    (out, letters.as_str())
}
