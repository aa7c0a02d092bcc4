//! The timeline over HTTP.

use host::Core;
use kernel::CustomerId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{Answer, Ctx, ListQuery, Path, Query};

use super::EntryView;
use crate::customers::{CUSTOMERS_READ, CustomerFault};
use crate::{customers, timeline};

pub(super) fn routes() -> OpenApiRouter<Core> {
    OpenApiRouter::new().routes(routes!(customer_timeline))
}

/// All that happened to a customer, newest first
#[utoipa::path(
    get,
    path = "/customers/{id}/timeline",
    tag = "customers",
    operation_id = "customer_timeline",
    params(("id" = CustomerId, Path), ListQuery)
)]
async fn customer_timeline(ctx: Ctx, Path(id): Path<CustomerId>, Query(query): Query<ListQuery>) -> Answer<Vec<EntryView>, CustomerFault> {
    let (limit, after) = ctx.list(&query)?;
    let mut tx = ctx.begin(CUSTOMERS_READ).await?;
    customers::find(&mut tx, id).await?;
    let page = timeline::list(&mut tx, id, limit, after).await?;
    Ok(tx.page(page.map(EntryView::from)).await?)
}
