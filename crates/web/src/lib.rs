//! The web room: what stands between a socket and a feature.
//!
//! A feature writes handlers that take a [`Ctx`] and return an [`Answer`]; everything else about
//! HTTP lives here: the envelope, the extractors that answer in it, who is calling and with which
//! rights, idempotency, cross-site protection, security headers, limits, the OpenAPI document,
//! health, and serving itself.
//!
//! Absences: `web` knows no feature, no table but the counters of its limits and the idempotency keys
//! behind the store's own calls, and no page but the frame that a [`Shell`] draws.

pub mod address;
pub mod answer;
pub mod caller;
pub mod cookies;
pub mod csrf;
mod ctx;
mod cursor;
mod errors_page;
pub mod extract;
mod health;
mod layers;
pub mod limits;
mod metrics;
mod mount;
pub mod openapi;
pub mod page;
mod port_holder;
mod reference;
mod request_tx;
mod serve;
mod settings;

pub use answer::{Answer, CreatedAnswer, Done, EmptyAnswer, Envelope, NoContent, Once, OnceAnswer, Refusal, Soon, SoonAnswer};
pub use caller::{Authenticator, Caller, Via};
pub use ctx::Ctx;
pub use cursor::ListQuery;
pub use errors_page::errors_markdown;
pub use extract::{Form, Json, Path, Query, RawBody};
pub use health::{Health, health_of};
pub use mount::{Assembled, Routes, assemble, document};
pub use page::{Html, NavEntry, NavItem, PageFault, See, Shell, ShellPage};
pub use request_tx::RequestTx;
pub use serve::{ListenError, Listening, Module, listen};
pub use settings::Settings;
