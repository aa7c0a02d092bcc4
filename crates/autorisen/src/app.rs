//! An application: a name and its modules.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use host::{Boot, ConfigError, Examined, Module, Prepared, Sources};

use crate::command::{self, Command};

/// The built-in modules, in the order in which they register: lower rooms first.
pub fn standard() -> Vec<Box<dyn Module>> {
    vec![
        Box::new(web::Module),
        Box::new(flows::Module),
        Box::new(console::Module),
        Box::new(mail::Module),
        Box::new(tenancy::Module),
        Box::new(identity::Module),
        Box::new(crm::Module),
        Box::new(billing::Module),
        Box::new(recovery::Module),
        Box::new(crate::backups::Module),
        Box::new(crate::dev::Module),
    ]
}

/// A program made of modules.
pub struct App {
    name: &'static str,
    modules: Vec<Box<dyn Module>>,
}

impl App {
    /// An application without any module; the name stands in every log line.
    pub fn new(name: &'static str) -> Self {
        Self { name, modules: vec![] }
    }

    #[must_use]
    pub fn module(mut self, module: impl Module) -> Self {
        self.modules.push(Box::new(module));
        self
    }

    #[must_use]
    pub fn modules(mut self, modules: impl IntoIterator<Item = Box<dyn Module>>) -> Self {
        self.modules.extend(modules);
        self
    }

    /// Reads the settings and lets each module register; touches no database yet.
    pub fn prepare(self, sources: Sources) -> Result<Prepared, ConfigError> {
        Boot::new(self.name, self.modules).sources(sources).prepare()
    }

    /// As [`App::prepare`], and goes on where that would end: for whoever looks for faults.
    pub fn examine(self, sources: Sources) -> Examined {
        Boot::new(self.name, self.modules).sources(sources).examine()
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the command that the program was started with; none means `serve`.
    pub fn run(self) -> ExitCode {
        let line = Line::parse();
        command::execute(self, line.command.unwrap_or_default(), Line::command)
    }
}

#[derive(clap::Parser)]
#[command(version, about = "The backend that a SaaS company starts from", arg_required_else_help = false)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
}
