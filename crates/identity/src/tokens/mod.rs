//! Access tokens: what an API client shows with each request for at most fifteen minutes.
//!
//! They are JSON Web Tokens of the profile RFC 9068, signed with EdDSA by a key that derives from
//! the master key; anybody may verify them with the key set at `/.well-known/jwks.json`. A token
//! by itself opens nothing here: it names a session, and the session has to be alive.

mod access;
#[cfg(test)]
mod hostile;
mod routes;

pub(crate) use routes::register;

pub use access::{Claims, Grant, LIFETIME_MAX_S, Refused, Signer, issuer};
