//! Chaos: faults made on purpose under a process that works, and the proof of what holds all the same.
//!
//! The program is run as a process on a throw-away folder or a throw-away Postgres. Clients load it over
//! HTTP and keep a journal of everything that they were promised; then something terrible happens, and
//! when it is over the judge reads everything back and compares. Nothing here looks into the server: it
//! is judged by what it answers, by its signals and by its database's own words.
//!
//! The parts that run a process, a database and people who talk to it are also what the process tests
//! of the command line are made of.

pub mod books;
mod deeds;
mod dice;
pub mod faults;
mod hands;
mod journal;
pub mod judge;
mod load;
pub mod place;
mod probe;
pub mod program;
mod raw;
pub mod series;
pub mod server;
pub mod somebody;
pub mod table;
mod world;

pub use dice::Dice;
pub use place::Place;
pub use server::Server;
pub use somebody::Somebody;
