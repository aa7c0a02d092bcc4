//! Connections: an organization's account at a payment provider, and the secrets to use it.
//!
//! A connection has a webhook address of its own, so the address and not the payload says whose
//! event it is and which secret must have signed it. Secrets are sealed at rest, never shown, and
//! open only for the piece of work that needs them. While a webhook secret is replaced, the one
//! before holds for a day.

mod actions;
mod connection;
mod fault;
mod gateway;
mod new_connection;
mod page;
mod routes;
mod store;

use host::Registry;

pub use actions::{ConnectionChanged, add, change, find, list, remove};
pub use connection::{ChangeConnection, ConnectionView, Mode, Model, NewConnection};
pub use fault::ConnectionFault;
pub use gateway::gateway;
pub use store::only_one_of;

pub(crate) use gateway::{Address, at_address, open_secrets};
pub(crate) use new_connection::may_name_address;
pub(crate) use store::of_account;

::store::org_scoped!(connection);

pub(crate) fn register(app: &mut Registry) {
    app.faults::<ConnectionFault>();
    routes::register(app);
    page::register(app);
}
