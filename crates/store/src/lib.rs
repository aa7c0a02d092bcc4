//! The store: SQLite and Postgres behind two doors.
//!
//! The tenant door ([`Store::begin`]) gives a [`Tx`] that sees and changes the rows of one
//! organization; the system door ([`Store::system`]) is the one unscoped way in, for finding out
//! *which* organization a thing belongs to and for platform tables. The connection itself never
//! leaves this room: outside there are typed, filtered queries, and plain SQL only as
//! [`TenantSql`] and [`SystemSql`], which are checked when they are compiled.
//!
//! Behind the filter of the typed queries each engine guards by itself: Postgres by row-level
//! security, SQLite by temporary views and triggers on every tenant connection.

mod error;
mod find;
mod inspect;
mod kept;
mod key_value;
mod late;
mod model;
mod postgres;
mod preview;
mod scoped;
mod session;
mod shelf;
mod sql;
mod sqlite;
mod store;
mod system;
mod tx;
mod write;

pub mod audit;
pub mod backup;
pub mod catalogue;
pub mod cipher;
pub mod idempotency;
pub mod migrate;
pub mod outbox;
pub mod platform_state;
pub mod schema;
#[doc(hidden)]
pub mod testing;

pub use audit::AuditLine;
pub use catalogue::TableFacts;
pub use cipher::{Cipher, MasterKey};
pub use error::StoreError;
pub use find::Find;
pub use idempotency::Claim;
pub use inspect::{Door, Facts, Role, inspect};
pub use kept::watched;
pub use key_value::{Counted, Ear, Heard, KeyValue, Valkey, Window};
pub use migrate::{Plan, Step, steps};
pub use model::Readable;
pub use outbox::{Listeners, StoredEvent};
pub use preview::{StatementText, StepText};
pub use schema::{Schema, TableParts};
pub use scoped::OrgScoped;
pub use sql::{Bound, SystemBound, SystemSql, TenantSql};
pub use store::{Engine, Guards, Location, Mode, Pin, Store, StoreOptions, Who};
pub use system::System;
pub use tx::Tx;

/// Builders of columns for migrations: `text("name")`, `uuid_null("account_id")`.
pub use sea_orm_migration::schema as columns;
