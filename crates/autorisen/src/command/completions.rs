//! `completions`: a script for the shell, made of the command line itself.

use std::io::Write as _;

use clap_complete::Shell;

/// Print a script that completes the commands of this program in a shell.
#[derive(Debug, Clone, clap::Args)]
pub struct Completions {
    /// The shell; its manual says where such scripts go.
    shell: Shell,
}

pub(super) fn print(asked: &Completions, mut line: clap::Command, name: &str) {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut line, name, &mut script);
    // A reader that has seen enough and went away is no fault.
    let _ = std::io::stdout().lock().write_all(&script);
}
