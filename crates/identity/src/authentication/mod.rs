//! Who sent a request: an access token, an API key, or a session cookie, each checked down to a
//! living session (or key) of an account that is not frozen.

mod credential;
mod gate;
mod proven;
mod remembered;

pub(crate) use gate::{Gate, cookie_digest};
pub(crate) use proven::Proven;
pub(crate) use remembered::{Reading, Remembered, share};
