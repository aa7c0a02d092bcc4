//! The built program, run as a process: its words and exit codes, its signals, several of it on one
//! database, and what is left when it is killed.

mod away;
mod backups;
mod commands;
mod configuring;
mod doctoring;
mod freezing;
mod full;
mod killing;
mod mailing;
mod migrating;
mod planning;
mod production;
mod refusing;
mod replicas;
mod safety;
mod smoking;
mod stopping;
mod story;
mod valkey;

pub(crate) use chaos::{Place, Server, Somebody, place, program, somebody};
