//! Files that are written by the program: they are committed, and a difference fails.

use std::path::Path;

use host::{Boot, Prepared, Sources};

use crate::code::{files, literals_after, pairs_after, root};
use crate::world::modules;

/// Codes of the queue's own letters: an operator reads them in a dead letter, no caller ever does.
const NEVER_ANSWERED: [&str; 2] = ["mail_refused", "mail_server_away"];

/// The standard program with nothing but defaults.
pub fn prepared() -> Prepared {
    // A folder without a settings file.
    let sources = Sources { dir: Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), ..Sources::empty() };
    Boot::new("autorisen", modules()).sources(sources).prepare().expect("the defaults are valid")
}

/// Writes the file when asked to, else compares.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says whether to write")]
#[track_caller]
fn generated(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var("AUTORISEN_GENERATE").is_ok_and(|value| value == "1") {
        std::fs::write(&file, text).expect("the documentation is writable");
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(known == text, "{path} is out of date; run `just generate`");
}

#[test]
fn generated_error_codes_are_current() {
    generated("docs/ERRORS.md", &web::errors_markdown(prepared().registry()));
}

#[test]
fn generated_settings_are_current() {
    generated("docs/config.md", &prepared().config().reference_markdown());
}

/// A fault enum that no room registers would be missing in the list.
#[test]
fn every_fault_in_the_sources_is_documented() {
    let text = web::errors_markdown(prepared().registry());
    let mut codes = 0;
    for file in files() {
        for table in file.code().split("faults! {").skip(1).filter_map(|rest| rest.split("\n}").next()) {
            for (case, rest) in
                table.lines().filter_map(|line| line.split_once(" = ")).filter(|(_, rest)| rest.starts_with(char::is_numeric))
            {
                let code = rest.split('"').nth(1).unwrap_or_else(|| panic!("{}: a fault without a code: {case}", file.path));
                let told = text.contains(&format!("| `{code}` |"));
                assert!(
                    told != NEVER_ANSWERED.contains(&code),
                    "{}: `{code}` is not registered with app.faults, or wrongly listed as never answered",
                    file.path
                );
                codes += 1;
            }
        }
    }
    assert!(codes > 40, "only {codes} codes were found");
}

/// Two rooms that mean different things must not use one code.
#[test]
fn a_code_means_one_thing() {
    let prepared = prepared();
    let mut known = std::collections::BTreeMap::new();
    for fault in prepared.registry().all_faults() {
        let before = known.insert(fault.code, *fault);
        assert!(before.is_none_or(|before| before == *fault), "`{}` means two things", fault.code);
        assert!((400..600).contains(&fault.status) && fault.message.ends_with('.'), "{fault:?}");
    }
}

/// The reader of literals, on which other walks stand.
#[test]
fn a_literal_reads_as_the_compiler_reads_it() {
    let text = "f(\"a \\\n     b\") f( \"say \\\"c\\\"\")";
    assert_eq!(literals_after(text, "f("), ["a b", "say \"c\""]);
    assert_eq!(pairs_after("g(\n \"a, b\",\n \"c\",\n)", "g("), [("a, b".to_owned(), "c".to_owned())]);
}
