//! The edge: over raw sockets what no client library would send, through a browser's eyes what other
//! sites may do, how much of it anybody may have, and what becomes of it when the server behind its
//! counts goes away.

mod bodies;
mod browsers;
mod flow;
mod framing;
mod hosts;
mod http2;
mod http2_floods;
mod limits;
mod methods;
mod pace;
mod read_only;
mod said;
mod telling;
mod valkey;

use testkit::{Options, TestApp, TestEngine};

/// An application on which everything that may take long takes a second.
pub(crate) async fn app() -> TestApp {
    let short = ["server.header_read_timeout_s", "server.stall_timeout_s"];
    with(Options { settings: short.map(|key| (key.to_owned(), "1".to_owned())).into(), ..Options::default() }).await
}

/// An application with these settings.
pub(crate) async fn with(options: Options) -> TestApp {
    TestApp::start_with(TestEngine::Sqlite, modules(), options).await
}

/// An application on which these keys are set.
pub(crate) async fn configured(settings: &[(&str, &str)]) -> TestApp {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    with(Options { settings, ..Options::default() }).await
}

/// The rooms that these stories need.
fn modules() -> Vec<Box<dyn host::Module>> {
    testkit::rooms()
}
