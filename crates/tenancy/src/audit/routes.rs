//! The HTTP face.

use host::{Core, Registry};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::answer::NoFault;
use web::{Answer, Ctx, Query, Routes as _};

use super::{AuditLineView, AuditQuery, actions};
use crate::permissions::AUDIT_READ;

pub(super) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(list_audit)));
}

/// Read the audit trail, newest first
#[utoipa::path(get, path = "/audit", tag = "audit", operation_id = "list_audit", params(AuditQuery))]
async fn list_audit(ctx: Ctx, Query(query): Query<AuditQuery>) -> Answer<Vec<AuditLineView>, NoFault> {
    let filters = query.filters()?;
    let (limit, after) = ctx.list(&query.list())?;
    let mut tx = ctx.begin(AUDIT_READ).await?;
    let page = actions::list(&mut tx, &filters, limit, after).await?;
    Ok(tx.page(page).await?)
}
