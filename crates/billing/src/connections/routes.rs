//! The HTTP face.

use host::{Core, Registry};
use kernel::ConnectionId;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, CreatedAnswer, Ctx, EmptyAnswer, Json, ListQuery, Path, Query, Routes as _};

use super::{ChangeConnection, ConnectionFault, ConnectionView, NewConnection, actions};
use crate::permissions::{PAYMENTS_READ, PAYMENTS_WRITE};

pub(super) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(list_payment_connections, create_payment_connection)).routes(routes!(
        get_payment_connection,
        change_payment_connection,
        delete_payment_connection
    )));
}

/// A person connects a provider, changes it or removes it only with an address that is theirs; a key was made by one.
pub(super) fn may_connect(ctx: &Ctx) -> Result<(), kernel::Failure> {
    if ctx.caller()?.account.is_some() {
        tenancy::verification::verified_person(ctx)?;
    }
    Ok(())
}

/// List the connections to payment providers
#[utoipa::path(get, path = "/payment-connections", tag = "payments", operation_id = "list_payment_connections", params(ListQuery))]
async fn list_payment_connections(ctx: Ctx, Query(query): Query<ListQuery>) -> Answer<Vec<ConnectionView>, ConnectionFault> {
    let (limit, after) = ctx.list(&query)?;
    let mut tx = ctx.begin(PAYMENTS_READ).await?;
    let page = actions::list(&mut tx, limit, after.as_ref()).await?;
    let core = ctx.core();
    Ok(tx.page(page.map(|row| ConnectionView::of(core, row))).await?)
}

/// Connect a payment provider
#[utoipa::path(post, path = "/payment-connections", tag = "payments", operation_id = "create_payment_connection", extensions(("x-permission" = json!("payments:write"))))]
async fn create_payment_connection(ctx: Ctx, Json(new): Json<NewConnection>) -> CreatedAnswer<ConnectionView, ConnectionFault> {
    may_connect(&ctx)?;
    let mut tx = ctx.begin(PAYMENTS_WRITE).await?;
    let row = actions::add(&mut tx, ctx.core().environment, new).await?;
    Ok(tx.created(ConnectionView::of(ctx.core(), row)).await?)
}

/// Show a connection
#[utoipa::path(get, path = "/payment-connections/{id}", tag = "payments", operation_id = "get_payment_connection", params(("id" = ConnectionId, Path)))]
async fn get_payment_connection(ctx: Ctx, Path(id): Path<ConnectionId>) -> Answer<ConnectionView, ConnectionFault> {
    let mut tx = ctx.begin(PAYMENTS_READ).await?;
    let row = actions::find(&mut tx, id).await?;
    Ok(tx.answer(ConnectionView::of(ctx.core(), row)).await?)
}

/// Change a connection, or replace its secrets
#[utoipa::path(patch, path = "/payment-connections/{id}", tag = "payments", operation_id = "change_payment_connection", params(("id" = ConnectionId, Path)), extensions(("x-permission" = json!("payments:write"))))]
async fn change_payment_connection(
    ctx: Ctx,
    Path(id): Path<ConnectionId>,
    Json(change): Json<ChangeConnection>,
) -> Answer<ConnectionView, ConnectionFault> {
    may_connect(&ctx)?;
    let mut tx = ctx.begin(PAYMENTS_WRITE).await?;
    let row = actions::change(&mut tx, ctx.core().environment, id, change).await?;
    Ok(tx.answer(ConnectionView::of(ctx.core(), row)).await?)
}

/// Remove a connection and its secrets
#[utoipa::path(delete, path = "/payment-connections/{id}", tag = "payments", operation_id = "delete_payment_connection", params(("id" = ConnectionId, Path)))]
async fn delete_payment_connection(ctx: Ctx, Path(id): Path<ConnectionId>) -> EmptyAnswer<ConnectionFault> {
    may_connect(&ctx)?;
    let mut tx = ctx.begin(PAYMENTS_WRITE).await?;
    actions::remove(&mut tx, id).await?;
    Ok(tx.no_content().await?)
}
