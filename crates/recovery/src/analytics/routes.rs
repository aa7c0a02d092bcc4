//! The HTTP face.

use host::{Core, Registry};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::answer::NoFault;
use web::{Answer, Ctx, Query, Routes as _};

use super::range::RangeQuery;
use super::view::{RecoveryRates, Summary, rates, summary};
use crate::permissions::ANALYTICS_READ;

pub(super) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(recovery_rate)).routes(routes!(analytics_summary)));
}

/// How much of what failed came back
///
/// Per currency, by count and by amount, with the definition of every number.
#[utoipa::path(get, path = "/analytics/recovery_rate", tag = "analytics", operation_id = "recovery_rate", params(RangeQuery))]
async fn recovery_rate(ctx: Ctx, Query(query): Query<RangeQuery>) -> Answer<RecoveryRates, NoFault> {
    let range = query.read(ctx.now())?;
    let mut tx = ctx.begin(ANALYTICS_READ).await?;
    let rates = rates(&mut tx, range).await?;
    Ok(tx.answer(rates).await?)
}

/// What became of failed payments, and what was done about them
#[utoipa::path(get, path = "/analytics/summary", tag = "analytics", operation_id = "analytics_summary", params(RangeQuery))]
async fn analytics_summary(ctx: Ctx, Query(query): Query<RangeQuery>) -> Answer<Summary, NoFault> {
    let range = query.read(ctx.now())?;
    let mut tx = ctx.begin(ANALYTICS_READ).await?;
    let summary = summary(&mut tx, range).await?;
    Ok(tx.answer(summary).await?)
}
