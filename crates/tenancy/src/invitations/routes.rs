//! The HTTP face.

use host::{Core, Registry};
use kernel::InvitationId;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, CreatedAnswer, Ctx, EmptyAnswer, Json, ListQuery, Path, Query, Routes as _};

use super::accept::{self, Acceptor};
use super::letter::Sender;
use super::{AcceptInvitation, AcceptedView, InvitationFault, InvitationView, NewInvitation, actions, allowance};
use crate::permissions::{MEMBERS_READ, MEMBERS_WRITE};
use crate::verification::verified_person;

pub(super) fn register(app: &mut Registry) {
    let all = OpenApiRouter::<Core>::new()
        .routes(routes!(list_invitations, create_invitation))
        .routes(routes!(revoke_invitation))
        .routes(routes!(accept_invitation));
    app.routes(all);
}

/// List invitations, newest first
#[utoipa::path(get, path = "/org/invitations", tag = "members", operation_id = "list_invitations", params(ListQuery))]
async fn list_invitations(ctx: Ctx, Query(query): Query<ListQuery>) -> Answer<Vec<InvitationView>, InvitationFault> {
    let (limit, after) = ctx.list(&query)?;
    let mut tx = ctx.begin(MEMBERS_READ).await?;
    let page = actions::list(&mut tx, limit, after).await?;
    let now = tx.now();
    Ok(tx.page(page.map(|row| InvitationView::at(now, row))).await?)
}

/// Invite a person by mail
///
/// The link in the mail holds for 48 hours and only for that address.
#[utoipa::path(post, path = "/org/invitations", tag = "members", operation_id = "create_invitation", extensions(("x-permission" = json!("members:write"))))]
async fn create_invitation(ctx: Ctx, Json(new): Json<NewInvitation>) -> CreatedAnswer<InvitationView, InvitationFault> {
    allowance::count(&ctx, &new.email).await?;
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    let invitation = actions::invite(&mut tx, new, verified_person(&ctx)?, &Sender::of(&ctx)?).await?;
    let now = tx.now();
    Ok(tx.created(InvitationView::at(now, invitation)).await?)
}

/// Revoke an invitation
#[utoipa::path(delete, path = "/org/invitations/{id}", tag = "members", operation_id = "revoke_invitation", params(("id" = InvitationId, Path)))]
async fn revoke_invitation(ctx: Ctx, Path(id): Path<InvitationId>) -> EmptyAnswer<InvitationFault> {
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    actions::revoke(&mut tx, id).await?;
    Ok(tx.no_content().await?)
}

/// Accept an invitation
///
/// For the person it was sent to, signed in with that address, once.
#[utoipa::path(post, path = "/invitations/accept", tag = "members", operation_id = "accept_invitation")]
async fn accept_invitation(ctx: Ctx, Json(given): Json<AcceptInvitation>) -> Answer<AcceptedView, InvitationFault> {
    let accepted = accept::accept(ctx.core(), Acceptor::of(&ctx)?, &given.token).await?;
    Ok(ctx.answer(&accepted)?)
}
