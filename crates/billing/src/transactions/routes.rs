//! The HTTP face.

use host::{Core, Registry};
use kernel::{CustomerId, Failed, Failure, TransactionId, faults};
use serde::Deserialize;
use store::Tx;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, Ctx, ListQuery, Path, Query, Routes as _};

use super::{State, TransactionView, find, transaction};
use crate::permissions::PAYMENTS_READ;

faults! {
    /// Faults of transactions.
    pub enum TransactionFault {
        NotFound = 404 "transaction_not_found" "There is no such payment.",
    }
}

pub(crate) fn register(app: &mut Registry) {
    app.faults::<TransactionFault>();
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(list_transactions)).routes(routes!(get_transaction)));
}

/// Which payments.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TransactionsQuery {
    /// Only those in this state.
    #[param(inline)]
    state: Option<State>,
    /// Only those of this customer.
    customer_id: Option<CustomerId>,
    /// Rows in a page, 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
}

/// List payments, newest first
#[utoipa::path(get, path = "/transactions", tag = "payments", operation_id = "list_transactions", params(TransactionsQuery))]
async fn list_transactions(ctx: Ctx, Query(query): Query<TransactionsQuery>) -> Answer<Vec<TransactionView>, TransactionFault> {
    let (limit, after) = ctx.list(&ListQuery { limit: query.limit, cursor: query.cursor })?;
    let mut tx = ctx.begin(PAYMENTS_READ).await?;
    let page = find::list(&mut tx, query.state, query.customer_id, limit, after.as_ref()).await?;
    Ok(tx.page(page.map(TransactionView::from)).await?)
}

/// Show a payment
#[utoipa::path(get, path = "/transactions/{id}", tag = "payments", operation_id = "get_transaction", params(("id" = TransactionId, Path)))]
async fn get_transaction(ctx: Ctx, Path(id): Path<TransactionId>) -> Answer<TransactionView, TransactionFault> {
    let mut tx = ctx.begin(PAYMENTS_READ).await?;
    let transaction = must(&mut tx, id).await?;
    Ok(tx.answer(TransactionView::from(transaction)).await?)
}

async fn must(tx: &mut Tx, id: TransactionId) -> Result<transaction::Model, Failed<TransactionFault>> {
    let found: Result<_, Failure> = find::find(tx, id).await;
    found?.ok_or_else(|| TransactionFault::NotFound.into())
}
