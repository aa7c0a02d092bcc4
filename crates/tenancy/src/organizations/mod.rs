//! Organizations: a company that signed up. Its id is the wall; its slug is its name in
//! addresses, unique among all. It is founded together with its first admin, inside the
//! transaction that also makes the account.

mod actions;
pub mod event;
mod fault;
mod organization;
mod page;
mod routes;
pub mod slug;
mod store;

use host::Registry;

pub(crate) use actions::hold;
pub use actions::{Founded, change, current, found};
pub use fault::OrganizationFault;
pub use organization::{ChangeOrganization, Model, NewOrganization, OrganizationView};

::store::org_scoped!(organization);

pub(crate) fn register(app: &mut Registry) {
    app.faults::<OrganizationFault>();
    routes::register(app);
    page::register(app);
}
