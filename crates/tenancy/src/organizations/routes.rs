//! The HTTP face.

use host::{Core, Registry};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, Ctx, Json, Routes as _};

use super::{ChangeOrganization, OrganizationFault, OrganizationView, actions};
use crate::permissions::{ORG_READ, ORG_WRITE};

pub(super) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(get_org, change_org)));
}

/// Show the caller's organization
#[utoipa::path(get, path = "/auth/org", tag = "organization", operation_id = "get_org")]
async fn get_org(ctx: Ctx) -> Answer<OrganizationView, OrganizationFault> {
    let mut tx = ctx.begin(ORG_READ).await?;
    let organization = actions::current(&mut tx).await?;
    Ok(tx.answer(OrganizationView::from(organization)).await?)
}

/// Change the organization's name or slug
#[utoipa::path(patch, path = "/auth/org", tag = "organization", operation_id = "change_org", extensions(("x-permission" = json!("org:write"))))]
async fn change_org(ctx: Ctx, Json(change): Json<ChangeOrganization>) -> Answer<OrganizationView, OrganizationFault> {
    let mut tx = ctx.begin(ORG_WRITE).await?;
    let organization = actions::change(&mut tx, change).await?;
    Ok(tx.answer(OrganizationView::from(organization)).await?)
}
