//! Walks: what must hold for every route, table, statement, code, key and page of the standard
//! modules is looked up in the running program or its sources and checked one by one, so that
//! nobody has to remember it for the next one.

// The stories behind the walks are long futures: their layout is deeper than the default.
#![recursion_limit = "256"]

mod assignment;
mod asvs;
mod bodies;
mod browsing;
mod canaries;
mod code;
mod contention;
mod everywhere;
mod forms;
mod generated;
mod headers;
mod idempotency;
mod input;
mod mails;
mod openapi;
mod operations;
mod panics;
mod plans;
mod read_only;
mod reading;
mod rights;
mod roles;
mod rooms;
mod routes;
mod samples;
mod secrets;
mod settings;
mod sources;
mod statements;
mod strangers;
mod tables;
mod world;
