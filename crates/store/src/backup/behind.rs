//! What a restore leaves behind. A backup remembers what was ended since it was made: brought back as it
//! is, it would let in again whoever was signed out. So the rows of some tables go away in the same
//! transaction, or before the file takes its place: there is no instant at which they hold.

use super::Manifest;
use crate::platform_state::IDENTITY;

/// Where the database keeps its own name, which a restored copy does not share.
const FACTS: &str = "platform_state";

/// Which of `tables` the backup has, in the same order.
pub(super) fn tables<'a>(manifest: &Manifest, tables: &[&'a str]) -> Vec<&'a str> {
    tables.iter().copied().filter(|table| manifest.place_of(table).is_some()).collect()
}

/// The statements that leave them behind.
pub(super) fn statements(manifest: &Manifest, tables: &[&str]) -> Vec<String> {
    let mut all: Vec<String> =
        tables.iter().filter_map(|table| manifest.place_of(table)).map(|place| format!("delete from {}", quoted(place))).collect();
    let facts = manifest.place_of(FACTS).map(quoted);
    all.extend(facts.map(|facts| format!("delete from {facts} where key = '{IDENTITY}'")));
    all
}

/// `auth.sessions` as `"auth"."sessions"`.
fn quoted(place: &str) -> String {
    let parts: Vec<String> = place.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    parts.join(".")
}
