//! The verbs.

use chrono::TimeDelta;
use host::Environment;
use kernel::{After, Check, ConnectionId, Event, Failed, General, Limit, Page, Secret, chance};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{AuditLine, Tx};
use uuid::Uuid;

use super::connection::{ChangeConnection, Mode, Model, NewConnection};
use super::new_connection::{API_KEY, WEBHOOK_SECRET, check_key, check_name, check_secret, check_url, mode, refuse_base_url, row, sealed};
use super::{ConnectionFault, store as rows};

type Result<T, E = Failed<ConnectionFault>> = std::result::Result<T, E>;

/// How long the webhook secret before still holds: as long as Stripe lets an old one live on.
const SECRET_OVERLAP: TimeDelta = TimeDelta::hours(24);

/// A connection was made, changed or removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectionChanged {
    pub connection: ConnectionId,
    pub is_active: bool,
}

impl Event for ConnectionChanged {
    const NAME: &'static str = "billing.connection_changed";
    fn subject(&self) -> Uuid {
        self.connection.uuid()
    }
}

/// The connection, if it is this organization's.
pub async fn find(tx: &mut Tx, id: ConnectionId) -> Result<Model> {
    rows::by_id(tx, id).await?.ok_or_else(|| ConnectionFault::NotFound.into())
}

/// A page of connections, newest first.
pub async fn list(tx: &mut Tx, limit: Limit, after: Option<&After>) -> Result<Page<Model>> {
    Ok(rows::page(tx, limit, after).await?)
}

/// Connects a provider.
pub async fn add(tx: &mut Tx, environment: Environment, new: NewConnection) -> Result<Model> {
    let row = row(tx, environment, new)?;
    let row = tx.insert(row).await?;
    tx.audit(AuditLine::new("connection.added", "connection", row.id).after(shown(&row))).await?;
    tx.emit(&ConnectionChanged { connection: row.connection_id(), is_active: true }).await?;
    Ok(row)
}

/// Changes a connection.
pub async fn change(tx: &mut Tx, environment: Environment, id: ConnectionId, change: ChangeConnection) -> Result<Model> {
    let before = find(tx, id).await?;
    if change.version.is_some_and(|read| read != before.version) {
        return Err(kernel::Failure::new(General::Conflict).into());
    }
    let mut check = Check::new();
    check_name(&mut check, change.name.as_deref());
    check_key(&mut check, change.api_key.as_ref());
    if let Some(secret) = &change.webhook_secret {
        check_secret(&mut check, secret.expose());
    }
    check_url(&mut check, change.base_url.as_deref());
    let was = if before.is_live() { Mode::Live } else { Mode::Test };
    let mode = mode(&mut check, change.api_key.as_ref(), change.mode, was);
    check.done()?;
    refuse_base_url(environment, change.base_url.as_deref())?;

    let mut row = before.clone().into_active_model();
    row.mode = Set(mode.name().to_owned());
    if let Some(name) = change.name {
        row.name = Set(name.trim().to_owned());
    }
    if let Some(key) = change.api_key {
        row.api_key_hash = Set(Some(chance::digest(key.expose())));
        row.api_key = Set(Some(sealed(tx.cipher(), API_KEY, &key)));
    }
    if let Some(secret) = change.webhook_secret {
        // Sealed anew: the master key may have been replaced since, and the old one is soon taken out.
        let known = tx.cipher().open(WEBHOOK_SECRET, &before.webhook_secret)?;
        row.webhook_secret_before = Set(Some(sealed(tx.cipher(), WEBHOOK_SECRET, &known)));
        row.webhook_secret_before_until = Set(Some(tx.now() + SECRET_OVERLAP));
        row.webhook_secret = Set(sealed(tx.cipher(), WEBHOOK_SECRET, &secret));
    }
    if let Some(url) = change.base_url {
        row.base_url = Set(Some(url));
    }
    if let Some(is_active) = change.is_active {
        row.is_active = Set(is_active);
    }
    let after = tx.update(row).await?;
    tx.audit(AuditLine::new("connection.changed", "connection", after.id).before(shown(&before)).after(shown(&after))).await?;
    tx.emit(&ConnectionChanged { connection: id, is_active: after.is_active }).await?;
    Ok(after)
}

/// Removes a connection and its secrets. Its payments stay; its webhook address answers 404.
pub async fn remove(tx: &mut Tx, id: ConnectionId) -> Result<()> {
    let before = find(tx, id).await?;
    let line = AuditLine::new("connection.removed", "connection", before.id).before(shown(&before));
    let mut row = before.into_active_model();
    row.is_active = Set(false);
    row.removed_at = Set(Some(tx.now()));
    row.api_key = Set(None);
    row.api_key_hash = Set(None);
    row.webhook_secret = Set(sealed(tx.cipher(), WEBHOOK_SECRET, &Secret::default()));
    row.webhook_secret_before = Set(None);
    tx.update(row).await?;
    tx.audit(line).await?;
    tx.emit(&ConnectionChanged { connection: id, is_active: false }).await?;
    Ok(())
}

/// What the audit trail may know of it.
fn shown(row: &Model) -> Value {
    json!({
        "provider": row.provider, "name": row.name, "mode": row.mode, "base_url": row.base_url, "is_active": row.is_active,
        "has_api_key": row.api_key.is_some(),
    })
}
