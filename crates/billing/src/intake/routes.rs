//! The HTTP face of what callers report.

use host::{Core, Registry};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::limits::{self, Way};
use web::{Answer, Ctx, Json, OnceAnswer, Path, Routes as _};

use super::{RefView, ReportFailure, ReportFault, ReportedView, Sink, report};
use crate::permissions::{EVENTS_WRITE, PAYMENTS_READ};

pub(super) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(report_payment_failed)).routes(routes!(events_by_ref)));
}

/// Report a failed payment
///
/// 201 the first time, 200 with `duplicate: true` for an `event_id` that was reported before.
#[utoipa::path(post, path = "/events/payment_failed", tag = "payments", operation_id = "report_payment_failed", extensions(("x-permission" = json!("events:write"))))]
async fn report_payment_failed(ctx: Ctx, Json(new): Json<ReportFailure>) -> OnceAnswer<ReportedView, ReportFault> {
    limits::count_caller(&ctx, Way::Intake).await?;
    let mut tx = ctx.begin(EVENTS_WRITE).await?;
    let sink = ctx.core().parts.find::<Sink>();
    let view = report::report(&mut tx, sink.as_deref(), &new).await?;
    Ok(tx.once(!view.duplicate, view).await?)
}

/// Everything that is known under a provider's reference
#[utoipa::path(
    get,
    path = "/events/by_ref/{reference}",
    tag = "payments",
    operation_id = "events_by_ref",
    params(("reference" = String, Path, description = "The invoice, the payment intent, or any other id of the payment"))
)]
async fn events_by_ref(ctx: Ctx, Path(reference): Path<String>) -> Answer<RefView, ReportFault> {
    let mut tx = ctx.begin(PAYMENTS_READ).await?;
    let view = report::by_ref(&mut tx, &reference).await?;
    Ok(tx.answer(view).await?)
}
