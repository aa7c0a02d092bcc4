//! The commands that every program made of modules has.

mod backup;
mod completions;
mod config;
mod doctor;
mod flows;
mod migrate;
mod openapi;
mod serve;
mod users;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use host::telemetry::Stream;
use host::{Prepared, Sources};

use crate::App;
use crate::start::Ended;

pub use serve::{stop_signal, until_stopped};

/// What the program is asked to do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Answer requests and work off durable work (the default).
    Serve(serve::Serve),
    /// Work off durable work beside a server on the same PostgreSQL database.
    Worker(Shared),
    /// Change the database's schema.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Copy the whole database, and bring a copy back.
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Look at the settings in force.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the OpenAPI document.
    Openapi(Shared),
    /// Look after accounts.
    #[command(subcommand)]
    Users(users::Users),
    /// Say what is wrong here, and how to mend it.
    Doctor(doctor::Doctor),
    /// Print a script that completes the commands of this program in a shell.
    Completions(completions::Completions),
    /// Look after durable work.
    #[command(subcommand)]
    Flows(flows::Flows),
}

impl Default for Command {
    fn default() -> Self {
        Self::Serve(serve::Serve::default())
    }
}

/// What every command takes that touches data or settings.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Shared {
    /// Where files are kept that the program makes.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Shared {
    /// The settings' sources of this process and command line.
    pub fn sources(&self) -> Sources {
        Sources { data_dir: self.data_dir.clone(), config: self.config.clone(), ..Sources::of_process() }
    }
}

/// Runs one command to its end and tells how it went. `line` is the whole command line of the
/// program, which only a script that completes it asks for.
pub fn execute(app: App, command: Command, line: impl FnOnce() -> clap::Command) -> ExitCode {
    finish(run(app, command, line))
}

/// Prints why a command ended and turns it into the exit code.
#[expect(clippy::print_stderr, reason = "the command line talks on stderr")]
pub fn finish(end: Result<(), Ended>) -> ExitCode {
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            eprintln!("error: {ended}");
            ExitCode::from(ended.code)
        }
    }
}

fn run(app: App, command: Command, line: impl FnOnce() -> clap::Command) -> Result<(), Ended> {
    match command {
        Command::Serve(serve) => block_on(serve::serve(app, serve)),
        Command::Worker(shared) => block_on(serve::worker(app, &shared)),
        Command::Migrate(migrate) => block_on(migrate::run(app, migrate)),
        Command::Backup(asked) => block_on(backup::run(app, asked)),
        Command::Config(config) => config::run(app, config),
        Command::Openapi(shared) => block_on(openapi::print(app, &shared)),
        Command::Users(users) => block_on(users::run(app, users)),
        Command::Doctor(asked) => block_on(doctor::run(app, asked)),
        Command::Completions(asked) => {
            completions::print(&asked, line(), app.name());
            Ok(())
        }
        Command::Flows(flows) => block_on(flows::run(app, flows)),
    }
}

/// Stack of a worker. Without optimization each step of nested work lies on it whole, and the usual
/// two megabytes are little; what is not touched costs only addresses.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// The runtime of a command. TLS gets its one provider here, before anything can ask for it.
pub fn block_on(work: impl Future<Output = Result<(), Ended>>) -> Result<(), Ended> {
    // Only the first call in a process installs it; later ones find it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK_BYTES).enable_all().build();
    runtime.map_err(|error| Ended::failed(format!("the runtime can't start: {error}")))?.block_on(work)
}

/// Logs go to stdout for a server, to stderr for a command whose stdout is data.
pub fn log_to(prepared: &Prepared, stream: Stream) {
    let terminal = match stream {
        Stream::Stdout => std::io::stdout().is_terminal(),
        Stream::Stderr => std::io::stderr().is_terminal(),
    };
    host::telemetry::init(&prepared.telemetry(stream, terminal));
}

/// Prints data, one line. A reader that has seen enough and went away is no fault.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Talks to the person at the terminal.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
