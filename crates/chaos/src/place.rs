//! Where a program runs: a folder of its own, no variables but those that are given, and a database.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;
use testkit::TestEngine;
use tokio::process::Command;

use crate::Server;
use crate::program::{self, Ended};

/// The program's name; cargo puts it where it puts the ones that ask for it, or one folder above.
const PROGRAM: &str = "autorisen";

/// The program that somebody named.
static NAMED: OnceLock<PathBuf> = OnceLock::new();

/// Takes this program instead of the one that is found, in the whole process. Only the first word counts.
pub fn name_the_program(path: PathBuf) {
    NAMED.get_or_init(|| path);
}

/// The program under test.
pub fn the_program() -> PathBuf {
    if let Some(named) = NAMED.get() {
        return named.clone();
    }
    let own = std::env::current_exe().expect("a process knows its own file");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("no `{PROGRAM}` beside {}; `cargo build -p autorisen-cli` makes it", own.display()))
}

/// A folder, variables and a port: enough to start the same program again after it ended.
pub struct Place {
    folder: TempDir,
    vars: Vec<(String, String)>,
    /// Another program than the one under test.
    other: Option<PathBuf>,
    pub port: u16,
}

impl Place {
    /// A person's machine on which nothing was set up. Only the figures' port is free to choose, because
    /// many programs run at once here.
    pub fn untouched() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, vars: vec![("METRICS_PORT".to_owned(), "0".to_owned())], other: None, port: free_port() }
    }

    /// A place for tests, with its data in a file.
    pub fn sqlite() -> Self {
        Self::untouched().var("AUTORISEN_ENV", "test")
    }

    /// A place for tests on a fresh database.
    pub async fn on(engine: TestEngine) -> Self {
        match engine {
            TestEngine::Sqlite => Self::sqlite(),
            TestEngine::Postgres => {
                let server = testkit::postgres().expect("stories ask whether it is there before they begin");
                Self::sqlite().var("DATABASE_URL", server.database().await.expect("a fresh database"))
            }
        }
    }

    /// The same, where the settings of another place hold, its database among them; with a port of its own.
    pub fn beside(other: &Self) -> Self {
        Self { vars: other.vars.clone(), ..Self::untouched() }
    }

    /// The same, where this program runs.
    #[must_use]
    pub fn running(mut self, program: &Path) -> Self {
        self.other = Some(program.to_owned());
        self
    }

    /// Changes a variable for what is started from now on, or takes it away.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        self.vars.retain(|(known, _)| known != name);
        self.vars.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    #[must_use]
    pub fn var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.retain(|(known, _)| known != name);
        self.vars.push((name.to_owned(), value.into()));
        self
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder, readable by its owner alone.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).expect("a file is written");
    }

    /// The program, ready to start in the folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.other.clone().unwrap_or_else(the_program));
        command.args(args).current_dir(self.folder()).env_clear().envs(self.vars.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, args: &[&str]) -> Ended {
        program::run(self.command(args)).await
    }

    /// Starts `serve` on this place's port and waits until it listens.
    pub async fn serve(&self) -> Server {
        self.serving(&[]).ready().await
    }

    /// Starts `serve` on this place's port, and does not wait.
    pub fn serving(&self, more: &[&str]) -> Server {
        let port = self.port.to_string();
        let mut args = vec!["serve", "--port", &port];
        args.extend(more);
        Server::start(self.command(&args), &format!("http://127.0.0.1:{port}"))
    }
}

/// A port that nobody listens on, below those that the system gives to outgoing connections: one of
/// those could be taken between the look and the use.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin at different places.
    let begin = u16::try_from(std::process::id() * 89 % 8_000).expect("below 8,000");
    let candidates = std::iter::repeat_with(|| 22_000 + (begin + NEXT.fetch_add(1, Ordering::SeqCst)) % 8_000);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    candidates.take(8_000).find(is_free).expect("a free port among eight thousand")
}

/// Runs the same stories on SQLite and, where a server is found, on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident: Place) $body:block)*) => {
        $(
            $(#[$meta])*
            mod $name {
                use super::*;
                async fn story($place: $crate::Place) $body

                #[tokio::test]
                async fn on_sqlite() {
                    story($crate::Place::on(testkit::TestEngine::Sqlite).await).await;
                }

                #[tokio::test]
                async fn on_postgres() {
                    if testkit::available(testkit::TestEngine::Postgres) {
                        story($crate::Place::on(testkit::TestEngine::Postgres).await).await;
                    }
                }
            }
        )*
    };
}
pub use crate::on_both;
