//! Autorisen: the backend that a SaaS company starts from, as a library.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     autorisen::App::new("bookshop").modules(autorisen::standard()).run()
//! }
//! ```
//!
//! This crate owns nothing but the putting together: it re-exports the public faces of the rooms
//! below, lists the built-in modules in [`standard`], and runs an [`App`] from the command line.
//! A built-in feature uses no door that a user's module lacks.

mod app;
mod backups;
pub mod command;
mod dev;
mod start;

pub use app::{App, standard};
pub use billing;
pub use console;
pub use crm;
pub use flows;
pub use host::{self, Core, Module, Registry, Work};
pub use identity;
pub use kernel;
pub use mail;
pub use recovery;
pub use start::{Ended, Started, migrate, start};
pub use store;
pub use tenancy;
pub use web;
