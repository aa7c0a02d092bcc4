//! The testkit: a whole application on a throw-away database, people to act in it, and a clock
//! that only the test moves.
//!
//! A story is written once and runs on both engines:
//!
//! ```ignore
//! testkit::stories! {
//!     async fn archiving_twice_keeps_the_first_date(app: TestApp) { … }
//! }
//! ```

mod app;
mod both;
mod browser;
mod cast;
mod client;
mod dress;
mod engine;
mod left;
mod logs;
mod postgres;
mod smtp_sink;
mod stoppable;
mod truth;
mod valkey;
mod webhook;

pub use app::{Options, TestApp, rooms};
pub use both::{on_postgres, on_this_engine};
pub use browser::{Browser, csrf_in};
pub use cast::PASSWORD;
pub use client::{Answer, Client};
pub use dress::{DRESS, POLICY};
pub use engine::{TestEngine, available, engines, postgres, require};
pub use left::nothing_left;
pub use logs::{keep_logs, logs};
pub use postgres::{ThrowawayPostgres, is_root};
pub use serde_json::{Value, json};
pub use smtp_sink::SmtpSink;
pub use stoppable::StoppablePostgres;
pub use truth::Row;
pub use valkey::{SlowLine, ThrowawayValkey};
pub use webhook::stripe_signature;

/// Runs the same stories on SQLite and, where a server is found, on PostgreSQL. The modules come
/// from a function `modules()` in scope.
#[macro_export]
macro_rules! stories {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)*) => {
        $(
            $(#[$meta])*
            mod $name {
                use super::*;
                async fn story($app: &$crate::TestApp) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    let app = $crate::TestApp::start($crate::TestEngine::Sqlite, modules()).await;
                    story(&app).await;
                    app.finish().await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    if !$crate::available($crate::TestEngine::Postgres) { return; }
                    let app = $crate::TestApp::start($crate::TestEngine::Postgres, modules()).await;
                    story(&app).await;
                    app.finish().await;
                }
            }
        )*
    };
}
