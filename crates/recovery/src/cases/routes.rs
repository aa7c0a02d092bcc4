//! The HTTP face.

use host::{Core, Registry};
use kernel::CaseId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, Ctx, ListQuery, Path, Query, Routes as _};

use super::view::{CaseView, view, views};
use super::{CaseFault, CaseState, actions, pausing};
use crate::permissions::{CASES_READ, CASES_WRITE};
use crate::settings::RecoveryConfig;

pub(super) fn register(app: &mut Registry) {
    let reading = OpenApiRouter::<Core>::new().routes(routes!(list_cases)).routes(routes!(get_case)).routes(routes!(get_recovery_by_ref));
    app.routes(reading.routes(routes!(pause_case)).routes(routes!(resume_case)));
}

/// What the list of cases takes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CasesQuery {
    /// Only cases in this state.
    state: Option<CaseState>,
    /// Rows in a page, 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
}

/// List recovery cases, newest first
#[utoipa::path(get, path = "/cases", tag = "cases", operation_id = "list_cases", params(CasesQuery))]
async fn list_cases(ctx: Ctx, Query(query): Query<CasesQuery>) -> Answer<Vec<CaseView>, CaseFault> {
    let (limit, after) = ctx.list(&ListQuery { limit: query.limit, cursor: query.cursor })?;
    let mut tx = ctx.begin(CASES_READ).await?;
    let page = actions::list(&mut tx, query.state, limit, after).await?;
    let items = views(&mut tx, page.items).await?;
    Ok(tx.page(kernel::Page { items, next: page.next }).await?)
}

/// Show a recovery case
///
/// With its attempts, its messages, its outcome, and why the next step is what it is.
#[utoipa::path(get, path = "/cases/{id}", tag = "cases", operation_id = "get_case", params(("id" = CaseId, Path)))]
async fn get_case(ctx: Ctx, Path(id): Path<CaseId>) -> Answer<CaseView, CaseFault> {
    let mut tx = ctx.begin(CASES_READ).await?;
    let case = actions::find(&mut tx, id).await?;
    let view = view(&mut tx, case).await?;
    Ok(tx.answer(view).await?)
}

/// Find the recovery case of a provider's payment
#[utoipa::path(get, path = "/recoveries/by_ref/{ref}", tag = "cases", operation_id = "get_recovery_by_ref", params(("ref" = String, Path)))]
async fn get_recovery_by_ref(ctx: Ctx, Path(reference): Path<String>) -> Answer<CaseView, CaseFault> {
    let mut tx = ctx.begin(CASES_READ).await?;
    let case = actions::by_reference(&mut tx, &reference).await?;
    let view = view(&mut tx, case).await?;
    Ok(tx.answer(view).await?)
}

/// Pause a recovery case
///
/// Nothing is tried and nobody is written to until it is resumed. Its deadline stays.
#[utoipa::path(post, path = "/cases/{id}/pause", tag = "cases", operation_id = "pause_case", params(("id" = CaseId, Path)))]
async fn pause_case(ctx: Ctx, Path(id): Path<CaseId>) -> Answer<CaseView, CaseFault> {
    let mut tx = ctx.begin(CASES_WRITE).await?;
    let case = pausing::pause(&mut tx, id).await?;
    let view = view(&mut tx, case).await?;
    Ok(tx.answer(view).await?)
}

/// Let a paused recovery case go on
#[utoipa::path(post, path = "/cases/{id}/resume", tag = "cases", operation_id = "resume_case", params(("id" = CaseId, Path)))]
async fn resume_case(ctx: Ctx, Path(id): Path<CaseId>) -> Answer<CaseView, CaseFault> {
    let mut tx = ctx.begin(CASES_WRITE).await?;
    let case = pausing::resume(&mut tx, &ctx.part::<RecoveryConfig>(), id).await?;
    let view = view(&mut tx, case).await?;
    Ok(tx.answer(view).await?)
}
