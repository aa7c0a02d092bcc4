//! The host: what a module plugs into, and what a process is made of.
//!
//! A [`Module`] registers what it brings in a [`Registry`]: routes, workflows, migrations,
//! settings, listeners, checks, long-running services. The registry itself knows nothing of routes
//! or workflows: it keeps typed slots, and the rooms above add their verbs by extension traits.
//! [`Boot`] reads the settings, lets each module register, and opens the store; what runs then gets
//! a [`Core`], and what runs after a commit gets a [`Work`].

pub mod boot;
pub mod config;
pub mod environment;
pub mod events;
pub mod health;
mod high_water;
pub mod lifecycle;
mod locate;
mod master_key;
pub mod registry;
mod safety;
pub mod settings;
pub mod slots;
pub mod tasks;
pub mod telemetry;
mod valkey;
pub mod work;

pub use boot::{Boot, Examined, Sources};
pub use config::{Config, ConfigError, Key, Origin, Problem, SecretRef, SecretSource, Section, Setting};
pub use environment::Environment;
pub use events::{Dispatcher, Hears, Starter};
pub use futures::future::BoxFuture;
pub use lifecycle::{OpenError, Prepared, Roles, Running};
pub use registry::{FaultRow, Module, Registry, Role};
pub use settings::{DatabaseConfig, DevConfig, LogConfig, LogFormat, MetricsConfig, SecurityConfig, ServerConfig};
pub use slots::{Parts, Slots};
pub use tasks::Tasks;
pub use valkey::ValkeyConfig;
pub use work::{Core, Work};
