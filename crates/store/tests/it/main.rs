//! Stories of the store, each on SQLite and, where a server is found, on Postgres.

#![expect(clippy::unwrap_used, reason = "a story that can't go on fails where it stands")]

mod backups;
mod crashing;
mod doors;
mod failures;
mod idempotency;
mod isolation;
mod migrations;
mod races;
mod refusals;
mod rights;
mod trips;
mod world;
