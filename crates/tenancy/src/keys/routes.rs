//! The HTTP face.

use host::{Core, Registry};
use kernel::ApiKeyId;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, CreatedAnswer, Ctx, EmptyAnswer, Json, ListQuery, Path, Query, Routes as _};

use super::actions::{self, Maker};
use super::{ApiKeyFault, ApiKeyView, NewApiKey, NewApiKeyView};
use crate::permissions::{KEYS_READ, KEYS_WRITE};
use crate::verification::proven_person;

pub(super) fn register(app: &mut Registry) {
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(list_api_keys, create_api_key)).routes(routes!(revoke_api_key)));
}

/// List API keys, newest first
#[utoipa::path(get, path = "/api-keys", tag = "api-keys", operation_id = "list_api_keys", params(ListQuery))]
async fn list_api_keys(ctx: Ctx, Query(query): Query<ListQuery>) -> Answer<Vec<ApiKeyView>, ApiKeyFault> {
    let (limit, after) = ctx.list(&query)?;
    let mut tx = ctx.begin(KEYS_READ).await?;
    let page = actions::list(&mut tx, limit, after).await?;
    Ok(tx.page(page.map(ApiKeyView::from)).await?)
}

/// Create an API key
///
/// The key itself is in this answer and never shown again. A browser needs a proof of the last minutes.
#[utoipa::path(post, path = "/api-keys", tag = "api-keys", operation_id = "create_api_key")]
async fn create_api_key(ctx: Ctx, Json(new): Json<NewApiKey>) -> CreatedAnswer<NewApiKeyView, ApiKeyFault> {
    let mut tx = ctx.begin(KEYS_WRITE).await?;
    let maker = Maker { account: proven_person(&ctx)?, rights: &ctx.caller()?.rights };
    let (row, secret) = actions::create(&mut tx, &ctx.core().registry, maker, new).await?;
    Ok(tx.created(NewApiKeyView { about: ApiKeyView::from(row), key: secret.expose().to_owned() }).await?)
}

/// Revoke an API key
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "api-keys", operation_id = "revoke_api_key", params(("id" = ApiKeyId, Path)))]
async fn revoke_api_key(ctx: Ctx, Path(id): Path<ApiKeyId>) -> EmptyAnswer<ApiKeyFault> {
    let mut tx = ctx.begin(KEYS_WRITE).await?;
    actions::revoke(&mut tx, id).await?;
    Ok(tx.no_content().await?)
}
