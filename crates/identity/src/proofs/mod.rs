//! Proofs by mail: that an address is somebody's, and the right to choose a new password. A token
//! is a secret of 256 bits, kept as its digest, good for one use, and signs nobody in.

mod change;
mod confirm;
mod fault;
pub(crate) mod one_time_token;
mod requests;
mod reset;
mod routes;
mod store;
mod verification;

use host::Registry;

pub(crate) use confirm::confirm_password;
pub use fault::{PasswordFault, ProofFault};
pub use one_time_token::Purpose;
pub(crate) use requests::{Wanted, request};
pub(crate) use reset::reset_password;
pub(crate) use routes::{AcceptedRequestView, change};
pub(crate) use store::issue;
pub(crate) use verification::{Proof, Verified, verify_email};

pub(crate) fn register(app: &mut Registry) {
    app.faults::<ProofFault>();
    app.faults::<PasswordFault>();
    requests::register(app);
    routes::register(app);
}
