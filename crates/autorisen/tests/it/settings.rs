//! Settings and permissions: each is documented, and each is used.

use crate::code::{File, files};
use crate::generated::prepared;

/// What a name that holds a secret ends in, as the contract says.
const SECRET_ENDINGS: [&str; 4] = ["secret", "password", "token", "_key"];

#[test]
fn every_setting_is_documented() {
    let prepared = prepared();
    let mut keys = 0;
    for key in prepared.config().keys() {
        keys += 1;
        assert!(key.doc.len() > 10 && key.doc.ends_with('.'), "{}: `{}` is no sentence", key.path, key.doc);
        let named = SECRET_ENDINGS.iter().any(|ending| key.path.ends_with(ending)) || key.path.ends_with("url");
        assert!(!key.secret || named, "{} holds a secret and doesn't say so", key.path);
    }
    assert!(keys > 20, "only {keys} settings were found");
}

/// A setting that nobody reads is a promise that nobody keeps.
#[test]
fn every_setting_is_read() {
    let files = files();
    for key in prepared().config().keys() {
        let field = key.path.rsplit('.').next().expect("a key has a last part");
        let read = files.iter().any(|file| file.lines_where(|line| reads(line, field)).next().is_some());
        assert!(read, "nobody reads {}", key.path);
    }
}

/// `.field` as a whole word.
fn reads(line: &str, field: &str) -> bool {
    let wanted = format!(".{field}");
    line.split(&wanted).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn every_permission_is_told_and_demanded() {
    let files = files();
    let prepared = prepared();
    for permission in prepared.registry().all_permissions() {
        let (room, verb) = permission.code.split_once(':').expect("a permission is called room:verb");
        assert!(!room.is_empty() && matches!(verb, "read" | "write"), "{}", permission.code);
        assert!(permission.describe.ends_with('.'), "{}: `{}` is no sentence", permission.code, permission.describe);
        let name = declared(&files, permission.code);
        let demanded = files.iter().any(|file| file.text.contains(&format!("begin({name})")));
        assert!(demanded, "no route demands {} ({name})", permission.code);
    }
    let codes: std::collections::BTreeSet<_> = prepared.registry().all_permissions().iter().map(|it| it.code).collect();
    assert_eq!(codes.len(), prepared.registry().all_permissions().len(), "a permission is declared twice");
}

/// Every permission in the sources is registered, too.
#[test]
fn every_permission_in_the_sources_is_registered() {
    let prepared = prepared();
    let known: Vec<_> = prepared.registry().all_permissions().iter().map(|it| it.code).collect();
    for file in files().iter().filter(|file| file.room != "kernel") {
        for code in crate::code::literals_after(&file.text, "Permission::new(") {
            assert!(known.contains(&code.as_str()), "{}: {code} is not registered", file.path);
        }
    }
}

/// The constant that holds the permission.
pub fn declared(files: &[File], code: &str) -> String {
    let line = files.iter().find_map(|file| {
        let at = file
            .text
            .find(&format!("Permission::new(\"{code}\""))
            .or_else(|| file.text.find(&format!("Permission::new(\n        \"{code}\"")))?;
        file.text[..at].rsplit("const ").next().map(str::to_owned)
    });
    let line = line.unwrap_or_else(|| panic!("{code} is declared nowhere"));
    line.split(':').next().unwrap_or_default().trim().to_owned()
}
