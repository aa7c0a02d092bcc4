//! A customer's payments, on the customer's page.

use askama::Template;
use console::{Badge, Tone, When};
use host::BoxFuture;
use kernel::{CustomerId, Failure, Limit};
use store::Tx;
use web::Ctx;

use super::{State, TransactionView, find};
use crate::permissions::PAYMENTS_READ;

#[derive(Template)]
#[template(path = "billing/customer_payments.html")]
struct Panel {
    payments: Vec<TransactionView>,
}

fn badge(state: State) -> Badge<'static> {
    let tone = match state {
        State::Paid => Tone::Ok,
        State::Failed | State::Disputed => Tone::Bad,
        State::Open | State::PartiallyPaid => Tone::Warn,
        State::Refunded | State::Void => Tone::Neutral,
    };
    let text = if state == State::PartiallyPaid { "partially paid" } else { state.name() };
    Badge { text, tone }
}

/// The latest payments; nothing for those who may not see payments, or where there are none.
pub(crate) fn of_customer<'a>(ctx: &'a Ctx, tx: &'a mut Tx, customer: CustomerId) -> BoxFuture<'a, Result<String, Failure>> {
    Box::pin(async move {
        if !ctx.can(PAYMENTS_READ) {
            return Ok(String::new());
        }
        let page = find::list(tx, None, Some(customer), Limit::default(), None).await?;
        if page.items.is_empty() {
            return Ok(String::new());
        }
        let payments = page.items.into_iter().map(TransactionView::from).collect();
        Panel { payments }.render().map_err(Failure::internal)
    })
}
