//! The pages: the dashboard, the list of failed payments, one case, and the panel on a customer's
//! page.

mod case_page;
mod dashboard;
mod panel;
mod payments;
mod row;
mod words;

use crm::CustomerPage as _;
use host::Registry;
use web::{NavItem, Routes as _};

use crate::permissions::CASES_READ;

/// Where the panel stands among those of other rooms.
const PANEL_ORDER: u16 = 10;

pub(crate) fn register(app: &mut Registry) {
    app.pages(dashboard::routes().merge(payments::routes()).merge(case_page::routes()));
    app.nav(NavItem { href: dashboard::PATH, label: "Dashboard", order: 10, permission: Some(CASES_READ) });
    app.nav(NavItem { href: payments::PATH, label: "Payments", order: 30, permission: Some(CASES_READ) });
    app.customer_panel(PANEL_ORDER, |ctx, tx, customer| Box::pin(panel::panel(ctx, tx, customer)));
}
