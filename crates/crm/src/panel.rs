//! Panels: what other rooms show on a customer's page.
//!
//! The page belongs to this room, which knows nothing of payments or cases. A room above adds a
//! panel: it gets the open transaction and the customer's id, and returns finished HTML.

use host::{BoxFuture, Registry};
use kernel::{CustomerId, Failure};
use store::Tx;
use web::Ctx;

/// Renders one panel, or an empty text when there is nothing to show. Write
/// `|ctx, tx, customer| Box::pin(async move { … })`, and render with a template, so that values are
/// escaped.
pub type Panel = for<'a> fn(&'a Ctx, &'a mut Tx, CustomerId) -> BoxFuture<'a, Result<String, Failure>>;

/// The panels of all rooms, in order.
#[derive(Default)]
pub struct CustomerPanels(Vec<(u16, Panel)>);

impl CustomerPanels {
    fn add(&mut self, order: u16, panel: Panel) {
        self.0.push((order, panel));
        self.0.sort_by_key(|(order, _)| *order);
    }

    /// All panels of one customer, rendered one after another: they share the transaction.
    pub(crate) async fn render(&self, ctx: &Ctx, tx: &mut Tx, customer: CustomerId) -> Result<Vec<String>, Failure> {
        let mut rendered = Vec::with_capacity(self.0.len());
        for (_, panel) in &self.0 {
            rendered.push(panel(ctx, tx, customer).await?);
        }
        rendered.retain(|html| !html.is_empty());
        Ok(rendered)
    }
}

/// The verb of this room on the registry.
pub trait CustomerPage {
    /// Adds a panel to the customer's page; smaller orders stand higher.
    fn customer_panel(&mut self, order: u16, panel: Panel);
}

impl CustomerPage for Registry {
    fn customer_panel(&mut self, order: u16, panel: Panel) {
        self.slot::<CustomerPanels>().add(order, panel);
    }
}
