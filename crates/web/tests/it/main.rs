//! The edge: what clients may do to it, how much of it they may have, and what becomes of it when
//! the server behind its counts goes away.
#![expect(clippy::unwrap_used, reason = "in a story a failed unwrap names the line that matters")]

mod flow;
mod sockets;
mod valkey;

use testkit::{Options, TestApp, TestEngine};

/// The rooms that these stories need.
fn modules() -> Vec<Box<dyn host::Module>> {
    testkit::rooms()
}

/// An application with these settings.
async fn app_with(settings: &[(&str, &str)]) -> TestApp {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    TestApp::start_with(TestEngine::Sqlite, modules(), Options { settings, ..Options::default() }).await
}
