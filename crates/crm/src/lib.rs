//! The customer room: who an organization sells to, and what happened to them.
//!
//! [`customers`] keeps the people and companies themselves, [`timeline`] the story of each, to
//! which every room above adds its lines. A room above may also show a panel on a customer's page
//! ([`CustomerPage::customer_panel`]).
//!
//! Absences: `crm` knows no payment, no case and no message; it only keeps what they note.

pub mod customers;
mod locale;
mod panel;
mod patch;
mod phone;
mod time_zone;
pub mod timeline;

use host::Registry;

pub use customers::{CUSTOMERS_READ, CUSTOMERS_WRITE, Customer, CustomerFault, CustomerView, Known};
pub use locale::{Locale, NotALocale};
pub use panel::{CustomerPage, CustomerPanels, Panel};
pub use patch::Patch;
pub use phone::{NotAPhone, Phone};
pub use time_zone::{NotATimeZone, TimeZone};
pub use timeline::Entry;

/// Brings customers and their timelines.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "crm"
    }

    fn register(&self, app: &mut Registry) {
        customers::register(app);
        timeline::register(app);
    }
}
