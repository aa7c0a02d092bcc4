//! The arrows between rooms point down, as ARCHITECTURE.md draws them.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Rooms by height; a room may use only rooms that stand lower. Equal height: they don't see each other.
const HEIGHTS: [(&str, u8); 14] = [
    ("autorisen-kernel", 1),
    ("autorisen-store", 2),
    ("autorisen-host", 3),
    ("autorisen-web", 4),
    ("autorisen-flows", 4),
    ("autorisen-console", 5),
    ("autorisen-mail", 5),
    ("autorisen-tenancy", 6),
    ("autorisen-identity", 7),
    ("autorisen-crm", 8),
    ("autorisen-billing", 9),
    ("autorisen-recovery", 10),
    ("autorisen", 11),
    ("autorisen-cli", 12),
];
/// Stands beside the house: knows the rooms up to this height, and nobody depends on it but tests.
const TESTKIT: (&str, u8) = ("autorisen-testkit", 7);
/// Tools that look at the house from outside: they may see every room, and only tests use them.
const TOOLS: [&str; 2] = ["autorisen-bench", "autorisen-chaos"];

#[test]
fn arrows_point_down() {
    let heights: BTreeMap<&str, u8> = HEIGHTS.into_iter().collect();
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo describes this workspace");
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        for needed in package.dependencies.iter().filter(|needed| needed.name.starts_with("autorisen")) {
            let target = needed.name.as_str();
            if TOOLS.contains(&target) {
                assert_eq!(needed.kind, DependencyKind::Development, "{name} may use {target} in its tests only");
            } else if TOOLS.contains(&name) {
                assert!(heights.contains_key(target) || target == TESTKIT.0, "{target} is no room");
            } else if name == TESTKIT.0 {
                assert!(heights.get(target).is_some_and(|height| *height <= TESTKIT.1), "testkit must not know {target}");
            } else if target == TESTKIT.0 {
                assert_eq!(needed.kind, DependencyKind::Development, "{name} may use the testkit in its tests only");
            } else if needed.kind == DependencyKind::Normal {
                let (own, other) = (heights.get(name), heights.get(target));
                assert!(own.is_some(), "{name} has no height in the table");
                assert!(own > other, "{name} must not depend on {target}");
            }
        }
    }
    let members = metadata.workspace_packages().len();
    assert_eq!(members, HEIGHTS.len() + 1 + TOOLS.len(), "the table and the workspace name the same rooms");
}
