//! The layers around every handler, outermost first: `edge` (id, time limit, panic, headers, log
//! line, the words of refusals), `authenticate`, `idempotency_hint`; then those of a group of routes,
//! `flow_limit` first.

mod again;
mod edge;
mod guards;
mod headers;
mod wording;

pub(crate) use again::again;
pub(crate) use edge::edge;
pub(crate) use guards::{authenticate, flow_limit, idempotency_hint, require_caller, require_sign_in, script_csrf};
pub(crate) use wording::{page_of, refusals_as_pages};
