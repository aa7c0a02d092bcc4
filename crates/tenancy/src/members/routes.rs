//! The HTTP face.

use host::{Core, Registry};
use kernel::MemberId;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, Ctx, EmptyAnswer, Json, ListQuery, Path, Query, Routes as _};

use super::{ChangeMember, MemberFault, MemberView, actions};
use crate::permissions::{MEMBERS_READ, MEMBERS_WRITE};
use crate::roles::gives;

pub(super) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(list_members)).routes(routes!(change_member, remove_member)));
}

/// List members, newest first
#[utoipa::path(get, path = "/org/members", tag = "members", operation_id = "list_members", params(ListQuery))]
async fn list_members(ctx: Ctx, Query(query): Query<ListQuery>) -> Answer<Vec<MemberView>, MemberFault> {
    let (limit, after) = ctx.list(&query)?;
    let mut tx = ctx.begin(MEMBERS_READ).await?;
    let page = actions::list(&mut tx, limit, after).await?;
    Ok(tx.page(page.map(MemberView::from)).await?)
}

/// Change a member's role or standing
///
/// Holds from that person's next request. The last active admin stays one. A key gives nobody more than its own scopes hold.
#[utoipa::path(patch, path = "/org/members/{id}", tag = "members", operation_id = "change_member", params(("id" = MemberId, Path)), extensions(("x-permission" = json!("members:write"))))]
async fn change_member(ctx: Ctx, Path(id): Path<MemberId>, Json(change): Json<ChangeMember>) -> Answer<MemberView, MemberFault> {
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    let member = actions::change(&mut tx, id, change, &gives(&ctx)?).await?;
    Ok(tx.answer(MemberView::from(member)).await?)
}

/// Remove a member
///
/// The person keeps the account; the keys that they made here stop working.
#[utoipa::path(delete, path = "/org/members/{id}", tag = "members", operation_id = "remove_member", params(("id" = MemberId, Path)))]
async fn remove_member(ctx: Ctx, Path(id): Path<MemberId>) -> EmptyAnswer<MemberFault> {
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    actions::remove(&mut tx, id).await?;
    Ok(tx.no_content().await?)
}
