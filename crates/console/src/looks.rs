//! Walks over the stylesheet and over every room's templates: what a reviewer would have to
//! remember, checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::asset::STYLESHEET;

/// Text on its ground, at least 4.5 to 1 (WCAG 2.2, 1.4.3).
const TEXT: &[(&str, &str)] = &[
    ("ink", "canvas"),
    ("ink", "surface"),
    ("ink", "sunken"),
    ("ink", "accent-wash"),
    ("ink", "ok-wash"),
    ("ink", "warn-wash"),
    ("ink", "bad-wash"),
    ("ink-soft", "canvas"),
    ("ink-soft", "surface"),
    ("ink-soft", "sunken"),
    ("accent", "canvas"),
    ("accent", "surface"),
    ("accent-strong", "accent-wash"),
    ("accent-strong", "surface"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("ok", "ok-wash"),
    ("warn", "warn-wash"),
    ("bad", "bad-wash"),
    ("bad", "surface"),
    ("bad", "canvas"),
    ("bad-strong", "bad-wash"),
];

/// Edges of controls, focus rings and bars against their ground, at least 3 to 1 (1.4.11).
const SHAPES: &[(&str, &str)] = &[
    ("line-strong", "surface"),
    ("line-strong", "canvas"),
    ("accent", "canvas"),
    ("accent", "surface"),
    ("chart-first", "surface"),
    ("chart-second", "surface"),
];

/// The tokens of one scheme: the sheet names light first, dark second.
fn colour(scheme: &str, name: &str) -> [f64; 3] {
    let key = format!("--{name}: #");
    let at = scheme.find(&key).unwrap_or_else(|| panic!("the token `{name}` has no colour")) + key.len();
    let channel = |place: usize| f64::from(u8::from_str_radix(&scheme[at + place..at + place + 2], 16).expect("six hex digits")) / 255.0;
    [channel(0), channel(2), channel(4)]
}

fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn both_schemes_have_enough_contrast() {
    let (light, dark) = STYLESHEET.split_once("prefers-color-scheme: dark").expect("two schemes");
    for (scheme, tokens) in [("light", light), ("dark", dark)] {
        for (pairs, least) in [(TEXT, 4.5), (SHAPES, 3.0)] {
            for (front, ground) in pairs {
                let found = contrast(colour(tokens, front), colour(tokens, ground));
                assert!(found >= least, "{scheme}: {front} on {ground} has {found:.2}, needs {least}");
            }
        }
    }
}

#[test]
fn only_the_tokens_name_colours() {
    let tokens = include_str!("../assets/tokens.css");
    for line in STYLESHEET.replace(tokens, "").lines() {
        let named = line.contains(": #") && !line.contains("#fff;");
        assert!(!named && !line.contains("rgb("), "{line}");
    }
}

/// Every template of pages, in every room. One that has a twin in plain text is a mail, and mails
/// have looks of their own.
fn templates() -> Vec<(PathBuf, String)> {
    let rooms = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(rooms).expect("the rooms").map(|room| room.expect("a room").path().join("templates")).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") && !path.with_extension("txt").exists() {
                found.push((path.clone(), fs::read_to_string(&path).expect("a template")));
            }
        }
    }
    found
}

/// The classes that a template writes out; computed ones are the business of whoever computes them.
fn classes(template: &str) -> BTreeSet<String> {
    let marked = replaced(&replaced(template, "{{", "}}", "{}"), "{%", "%}", " ");
    let lists = marked.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next());
    lists.flat_map(str::split_whitespace).filter(|class| !class.contains("{}")).map(str::to_owned).collect()
}

/// The text with everything from each `open` to the next `close` replaced.
fn replaced(text: &str, open: &str, close: &str, by: &str) -> String {
    let mut parts = text.split(open);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + by + part.split_once(close).map_or(part, |(_, rest)| rest))
}

#[test]
fn every_class_in_a_template_exists() {
    let known: BTreeSet<&str> = STYLESHEET
        .split('.')
        .skip(1)
        .map(|rest| rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next().unwrap_or_default())
        .collect();
    for (path, template) in templates() {
        for class in classes(&template) {
            assert!(known.contains(class.as_str()), "{}: the stylesheet has no `.{class}`", path.display());
        }
    }
}

#[test]
fn no_page_carries_what_the_policy_forbids() {
    for (path, template) in templates() {
        let lower = template.to_lowercase();
        for forbidden in
            ["<script", "<style", " style=", " onclick=", " onload=", " onchange=", " onsubmit=", "javascript:", "//cdn", "http://"]
        {
            let allowed = forbidden == "http://" && lower.contains("http://www.w3.org");
            assert!(allowed || !lower.contains(forbidden), "{}: `{forbidden}`", path.display());
        }
    }
}

#[test]
fn the_policy_of_components_holds_too() {
    let sources = [include_str!("form.rs"), include_str!("part.rs")];
    for source in sources {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(!code.contains("style="), "a component has no inline style");
    }
}
