//! The built program, run as a process: its words and exit codes, its signals, several of it on one
//! database, and what is left when it is killed.

mod away;
mod backups;
mod commands;
mod configuring;
mod freezing;
mod full;
mod killing;
mod migrating;
mod place;
mod postgres;
mod program;
mod replicas;
mod safety;
mod server;
mod somebody;
mod stopping;
mod story;

pub(crate) use place::Place;
pub(crate) use server::Server;
pub(crate) use somebody::Somebody;
