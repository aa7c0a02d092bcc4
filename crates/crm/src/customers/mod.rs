//! Customers: the people and companies that an organization sells to.
//!
//! A customer is known by an id of ours, may carry the organization's own reference (unique within
//! it) and a mail address (not unique: families and offices share them). Customers are never
//! deleted here: they are archived, which takes them out of the daily lists and can be undone.
//! Every change leaves an audit line, an event and a line in the customer's timeline.

mod actions;
pub mod customer;
mod difference;
pub mod events;
mod fault;
mod form_page;
mod known;
pub(crate) mod migration;
mod page;
mod routes;
mod store;

use host::Registry;
use kernel::Permission;
use kernel::permission::BuiltinRole;
use web::{NavItem, Routes as _};

pub use actions::{archive, change, create, find, find_many, find_or_create, list, restore};
pub use customer::{ChangeCustomer, CustomerView, Model as Customer, NewCustomer};
pub use fault::CustomerFault;
pub use known::Known;
pub use store::{Shown, Wanted};

/// See customers and what happened to them.
pub const CUSTOMERS_READ: Permission = Permission::new("customers:read", BuiltinRole::Viewer, "See customers and what happened to them.");
/// Add, change, archive and restore customers.
pub const CUSTOMERS_WRITE: Permission =
    Permission::new("customers:write", BuiltinRole::User, "Add, change, archive and restore customers.");

::store::org_scoped!(customer);

pub(crate) fn register(app: &mut Registry) {
    app.permissions(&[CUSTOMERS_READ, CUSTOMERS_WRITE]);
    app.faults::<CustomerFault>();
    app.migrations([migration::STEP, migration::BY_ADDRESS]);
    app.routes(routes::routes());
    app.pages(page::routes().merge(form_page::routes()));
    app.nav(NavItem { href: "/customers", label: "Customers", order: 200, permission: Some(CUSTOMERS_READ) });
}
