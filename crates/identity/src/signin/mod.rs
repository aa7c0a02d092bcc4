//! Signing in with a password, and what stands in the way of those who guess.

mod actions;
pub(crate) mod device;
mod devices;
mod fault;
mod place;
mod routes;

use host::Registry;

pub(crate) use actions::confirm;
pub use actions::{Credentials, SignedIn, sign_in};
pub(crate) use devices::remember as remember_device;
pub use fault::SignInFault;
pub(crate) use place::{person_at, person_within};

pub(crate) fn register(app: &mut Registry) {
    app.faults::<SignInFault>();
    routes::register(app);
}
