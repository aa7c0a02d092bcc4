//! One call to the sandbox: whose it is, what it changed, and what it has to tell.

use chrono::TimeDelta;
use kernel::{At, chance};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};
use store::System;

use super::delivery;
use super::faults::Faults;
use super::refusal::Refusal;
use super::tables::object::{self, Column, Entity};
use crate::connections;

/// Rows of one list: Stripe's own limit.
const LIST_MAX: u64 = 100;

/// The state of one call.
pub struct Call {
    pub system: System,
    /// The digest of the API key.
    pub account: String,
    connections: Vec<connections::Model>,
    /// The caller's key, shown with the charges that it made.
    pub idempotency_key: Option<String>,
    pub faults: Faults,
    /// The answer shall not arrive.
    pub is_lost: bool,
    public_url: String,
}

impl Call {
    /// 401 for a key that no active connection uses.
    pub async fn begin(core: &host::Core, api_key: &str, idempotency_key: Option<String>) -> Result<Self, Refusal> {
        let system = core.store.system("the sandbox keeps its own books").await?;
        Self::within(system, chance::digest(api_key), idempotency_key, &core.public_url).await
    }

    /// The same for an account that is known by its digest.
    pub async fn within(mut system: System, account: String, idempotency_key: Option<String>, public_url: &str) -> Result<Self, Refusal> {
        let connections = connections::of_account(&mut system, &account).await?;
        if connections.is_empty() {
            return Err(Refusal::not_an_account());
        }
        let faults = Faults::load(&system).await?;
        Ok(Self { system, account, connections, idempotency_key, faults, is_lost: false, public_url: public_url.to_owned() })
    }

    pub fn now(&self) -> At {
        self.system.now()
    }

    /// Unix seconds, as Stripe writes times.
    pub fn stamp(&self) -> i64 {
        self.now().timestamp()
    }

    /// Where the sandbox's own pages are.
    pub fn page(&self, path: &str) -> String {
        format!("{}{}{path}", self.public_url, super::BASE_PATH)
    }

    /// An object of this account.
    pub async fn load(&mut self, kind: &'static str, id: &str) -> Result<Value, Refusal> {
        Ok(self.row(kind, id).await?.ok_or_else(|| Refusal::unknown(kind, id))?.body)
    }

    async fn row(&mut self, kind: &'static str, id: &str) -> Result<Option<object::Model>, Refusal> {
        let of = self.system.find::<Entity>().filter(Column::Account.eq(&self.account)).filter(Column::Kind.eq(kind));
        Ok(of.filter(Column::PspId.eq(id)).for_update().one().await?)
    }

    /// Writes an object, new or changed; its `id` says which.
    pub async fn save(&mut self, kind: &'static str, parent: Option<&str>, body: &Value) -> Result<(), Refusal> {
        let id = text(body, "id");
        if let Some(row) = self.row(kind, &id).await? {
            let mut row = row.into_active_model();
            row.body = Set(body.clone());
            self.system.update(row).await?;
            return Ok(());
        }
        let row = object::ActiveModel {
            account: Set(self.account.clone()),
            kind: Set(kind.to_owned()),
            psp_id: Set(id),
            parent: Set(parent.map(ToOwned::to_owned)),
            body: Set(body.clone()),
            ..Default::default()
        };
        self.system.insert(row).await?;
        Ok(())
    }

    /// Objects of a parent, newest first.
    pub async fn children(&mut self, kind: &'static str, parent: &str) -> Result<Vec<Value>, Refusal> {
        let of = self.system.find::<Entity>().filter(Column::Account.eq(&self.account)).filter(Column::Kind.eq(kind));
        let rows = of.filter(Column::Parent.eq(parent)).newest(Column::CreatedAt).limit(LIST_MAX).all().await?;
        Ok(rows.into_iter().map(|row| row.body).collect())
    }

    /// Tells every connection of the account what happened, as the faults allow.
    pub async fn tell(&mut self, type_name: &str, object: &Value) -> Result<(), Refusal> {
        let event = json!({
            "id": new_id("evt"),
            "object": "event",
            "api_version": super::API_VERSION,
            "created": self.stamp(),
            "type": type_name,
            "livemode": false,
            "pending_webhooks": self.connections.len(),
            "request": { "id": Value::Null, "idempotency_key": self.idempotency_key },
            "data": { "object": object },
        });
        self.save("event", None, &event).await?;
        let plan = self.faults.plan(&mut self.system).await?;
        for connection in &self.connections {
            for copy in 0..plan.copies {
                let at = self.system.now() + TimeDelta::seconds(plan.delay_s);
                delivery::schedule(&mut self.system, connection.connection_id(), &text(&event, "id"), copy, at).await?;
            }
        }
        Ok(())
    }
}

/// A new id in Stripe's form.
pub fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", hex::encode(chance::bytes::<12>()))
}

/// A text field of an object; empty when it has none.
pub fn text(of: &Value, field: &str) -> String {
    of.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
