//! The page that says what is tested names tests and faults. Each of them is there, so that a test that
//! is renamed or goes takes its promise along.

use crate::code::root;

/// With fewer, the page would be read wrongly.
const NAMED_MIN: usize = 200;

/// The texts between backticks.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/security/asvs.md")).expect("the page is there")
}

/// The source of `room/module`: one of the room's stories, or a file by its path inside the room.
fn source(place: &str) -> Option<String> {
    let (room, module) = place.split_once('/')?;
    let room = root().join("crates").join(room);
    let read = |path: String| std::fs::read_to_string(room.join(path)).ok();
    read(format!("tests/it/{module}.rs")).or_else(|| read(format!("{module}.rs")))
}

/// Whether there is such a function, or a story of which a macro makes one.
fn holds(source: &str, name: &str) -> bool {
    let forms = [format!("fn {name}("), format!("story!({name},"), format!(" {name} ends ")];
    forms.iter().any(|form| source.contains(form))
}

#[test]
fn every_test_that_is_named_as_a_proof_exists() {
    let page = page();
    let named: Vec<_> = quoted(&page).filter_map(|text| text.split_once("::")).collect();
    assert!(named.len() > NAMED_MIN, "only {} were found", named.len());
    let missing = named.into_iter().filter(|(place, name)| !source(place).is_some_and(|source| holds(&source, name)));
    let missing: Vec<_> = missing.map(|(place, name)| format!("{place}::{name}")).collect();
    assert!(missing.is_empty(), "named as proofs and not there:\n{}", missing.join("\n"));
}

#[test]
fn every_fault_that_is_named_as_a_proof_exists() {
    for fault in quoted(&page()).filter_map(|text| text.strip_prefix("just chaos ")) {
        assert!(root().join(format!("crates/chaos/src/faults/{fault}.rs")).exists(), "there is no fault `{fault}`");
    }
}

#[test]
fn every_recipe_that_is_named_exists() {
    let justfile = std::fs::read_to_string(root().join("justfile")).expect("it is there");
    let page = page();
    for recipe in quoted(&page).filter_map(|text| text.strip_prefix("just ")?.split(' ').next()) {
        let begins = |line: &str| line.split([' ', ':']).next() == Some(recipe);
        assert!(justfile.lines().any(begins), "there is no `just {recipe}`");
    }
}
