//! The layers around every handler, outermost first: `edge` (id, admission, time limit, panic,
//! headers, log line, the words of refusals), `authenticate`; then those of a group of routes,
//! `read_only`, `flow_limit` and `idempotency_hint` first.

mod admission;
mod again;
mod cors;
mod edge;
mod guards;
mod headers;
mod read_only;
mod wording;

pub(crate) use again::again;
pub(crate) use cors::Cors;
pub(crate) use edge::{Edge, edge, offer_options};
pub(crate) use guards::{authenticate, flow_limit, idempotency_hint, require_caller, require_sign_in, script_csrf};
pub(crate) use read_only::{GoingOn, read_only};
pub(crate) use wording::{page_of, refusals_as_pages};
