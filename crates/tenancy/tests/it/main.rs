//! Stories of organizations: who is in them, how people and machines come in, and what the trail
//! tells of it.

// The cast signs up, invites and joins inside one future: its layout is deeper than the default.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "a story that meets nothing fails right there")]

mod audit;
mod invitations;
mod keys;
mod members;
mod organizations;
mod pages;

fn modules() -> Vec<Box<dyn host::Module>> {
    testkit::rooms()
}
