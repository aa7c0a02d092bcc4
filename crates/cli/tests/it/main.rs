//! The built program, run as a process: its words and exit codes, its signals, several of it on one
//! database, and what is left when it is killed.

mod away;
mod commands;
mod configuring;
mod freezing;
mod killing;
mod migrating;
mod replicas;
mod safety;
mod stopping;
mod story;

pub(crate) use chaos::{Place, Server, Somebody, place, postgres, program, somebody};
