//! The built program, run as a process: its words and exit codes, its signals, several of it on one
//! database, and what is left when it is killed.

mod away;
mod commands;
mod configuring;
mod doctoring;
mod freezing;
mod killing;
mod mailing;
mod migrating;
mod place;
mod planning;
mod postgres;
mod production;
mod program;
mod refusing;
mod replicas;
mod safety;
mod server;
mod smoking;
mod somebody;
mod stopping;
mod story;
mod valkey;

pub(crate) use place::Place;
pub(crate) use server::Server;
pub(crate) use somebody::Somebody;
