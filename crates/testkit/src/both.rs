//! Stories of rooms that stand below the whole application: the same body on both engines.

use host::Sources;

use crate::engine;

tokio::task_local! {
    /// The address of the PostgreSQL database of the story that runs; none on SQLite.
    static DATABASE: String;
}

/// The sources of a program on the engine of the story that runs.
pub fn on_this_engine(sources: Sources) -> Sources {
    match DATABASE.try_with(Clone::clone) {
        Ok(url) => sources.var("DATABASE_URL", url),
        Err(_) => sources,
    }
}

/// Runs a story on a fresh PostgreSQL database, where a server is found.
pub async fn on_postgres(story: impl Future<Output = ()>) {
    if let Some(server) = engine::postgres() {
        let url = server.database().await.expect("a fresh database");
        DATABASE.scope(url, story).await;
    }
}

/// Runs stories without a whole application on SQLite and, where a server is found, on PostgreSQL;
/// their programs take their sources through [`on_this_engine`].
#[macro_export]
macro_rules! both_engines {
    ($($(#[$meta:meta])* async fn $name:ident() $body:block)*) => {
        $(
            $(#[$meta])*
            mod $name {
                use super::*;
                async fn story() $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    story().await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    $crate::on_postgres(story()).await;
                }
            }
        )*
    };
}
