//! The `autorisen` program: the commands that every program made of modules has, and the demo.

mod demo;
mod merchant;
mod payer;
mod player;
mod server;
mod smoke;
mod stage;
mod story;
mod terminal;

use std::process::ExitCode;

use autorisen::command::{self, Command};
use autorisen::{App, standard};
use clap::{CommandFactory as _, Parser as _};

/// The C library's allocator keeps what was freed and walks long lists of it under load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The backend that a SaaS company starts from.
#[derive(clap::Parser)]
#[command(name = "autorisen", version, arg_required_else_help = false)]
struct Line {
    #[command(subcommand)]
    asked: Option<Asked>,
}

#[derive(clap::Subcommand)]
enum Asked {
    #[command(flatten)]
    Product(Command),
    /// See it at work: two months of made-up payments, or the main job step by step.
    Demo(demo::Demo),
    /// Try a server that runs: its health, its pages, and whether somebody can sign up.
    Smoke(smoke::Smoke),
}

fn main() -> ExitCode {
    let app = App::new("autorisen").modules(standard());
    match Line::parse().asked {
        Some(Asked::Product(command)) => command::execute(app, command, Line::command),
        Some(Asked::Demo(asked)) => command::finish(command::block_on(demo::run(asked))),
        Some(Asked::Smoke(asked)) => command::finish(command::block_on(smoke::run(asked))),
        None => command::execute(app, Command::default(), Line::command),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Line;

    #[test]
    fn the_command_line_is_well_formed() {
        Line::command().debug_assert();
    }
}
