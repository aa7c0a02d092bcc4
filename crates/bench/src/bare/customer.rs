//! A customer with the columns and the wire form of the product's.

use autorisen::kernel::CustomerId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

type At = DateTime<Utc>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    name: String,
    email: Option<String>,
    phone: Option<String>,
    external_ref: Option<String>,
    locale: Option<String>,
    timezone: Option<String>,
}

/// The row; what the wire doesn't show is left out of its JSON.
#[derive(Debug, Serialize)]
pub struct Customer {
    pub id: CustomerId,
    pub name: String,
    #[serde(skip)]
    pub name_normal: String,
    pub email: Option<String>,
    #[serde(skip)]
    pub email_normal: Option<String>,
    pub phone: Option<String>,
    pub external_ref: Option<String>,
    #[serde(skip)]
    pub external_ref_normal: Option<String>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    pub created_at: At,
    pub updated_at: At,
    pub archived_at: Option<At>,
    pub version: i32,
}

impl Customer {
    pub fn new(new: NewCustomer, now: At) -> Self {
        Self {
            id: CustomerId::new(now),
            name_normal: new.name.to_lowercase(),
            name: new.name,
            email_normal: new.email.as_ref().map(|text| text.to_lowercase()),
            email: new.email,
            phone: new.phone,
            external_ref_normal: new.external_ref.as_ref().map(|text| text.to_lowercase()),
            external_ref: new.external_ref,
            locale: new.locale,
            timezone: new.timezone,
            created_at: now,
            updated_at: now,
            archived_at: None,
            version: 1,
        }
    }

    /// What the audit trail keeps of it.
    pub fn shown(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What its event says.
    pub fn told(&self) -> Value {
        serde_json::json!({ "customer": self.id })
    }

    /// A fresh id of its instant, for the rows beside it.
    pub fn another_id(&self) -> Uuid {
        autorisen::kernel::chance::uuid_v7(self.created_at)
    }
}

/// The statements that the product issues for the same requests.
pub const LIST: &str = "SELECT id, org_id, name, name_normal, email, email_normal, phone, external_ref, external_ref_normal, locale, \
     timezone, archived_at, created_at, updated_at, version FROM customers WHERE org_id = $1 AND archived_at IS NULL \
     ORDER BY created_at DESC, id DESC LIMIT $2";
pub const CUSTOMER: &str = "INSERT INTO customers (id, org_id, name, name_normal, email, email_normal, phone, external_ref, \
     external_ref_normal, locale, timezone, archived_at, created_at, updated_at, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (org_id, external_ref) DO NOTHING";
pub const AUDIT: &str = "INSERT INTO audit_log (id, org_id, created_at, action, subject_kind, subject_id, actor_kind, actor_id, before, \
     after, request_id, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
pub const ENTRY: &str = "INSERT INTO timeline_entries (id, org_id, customer_id, kind, text, subject, actor, happened_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
pub const EVENT: &str = "INSERT INTO outbox (id, org_id, created_at, name, subject, payload) VALUES ($1, $2, $3, $4, $5, $6)";

/// Runs the four inserts of a new customer. `$time` turns an instant into what the engine keeps.
macro_rules! inserts {
    ($tx:ident, $org:ident, $row:ident, $time:expr) => {{
        use $crate::bare::customer::{AUDIT, CUSTOMER, ENTRY, EVENT};
        let at = $time($row.created_at);
        sqlx::query(CUSTOMER)
            .bind($row.id.uuid())
            .bind($org)
            .bind(&$row.name)
            .bind(&$row.name_normal)
            .bind(&$row.email)
            .bind(&$row.email_normal)
            .bind(&$row.phone)
            .bind(&$row.external_ref)
            .bind(&$row.external_ref_normal)
            .bind(&$row.locale)
            .bind(&$row.timezone)
            .bind($row.archived_at.map($time))
            .bind(at.clone())
            .bind(at.clone())
            .bind($row.version)
            .execute(&mut *$tx)
            .await?;
        sqlx::query(AUDIT)
            .bind($row.another_id())
            .bind($org)
            .bind(at.clone())
            .bind("customer.created")
            .bind("customer")
            .bind($row.id.uuid())
            .bind("account")
            .bind("usr_00000000000000000000000000")
            .bind(serde_json::Value::Null)
            .bind($row.shown())
            .bind($row.another_id())
            .bind("127.0.0.1")
            .execute(&mut *$tx)
            .await?;
        sqlx::query(ENTRY)
            .bind($row.another_id())
            .bind($org)
            .bind($row.id.uuid())
            .bind("customer.created")
            .bind("Created")
            .bind(None::<String>)
            .bind("usr_00000000000000000000000000")
            .bind(at.clone())
            .bind(at.clone())
            .execute(&mut *$tx)
            .await?;
        sqlx::query(EVENT)
            .bind($row.another_id())
            .bind($org)
            .bind(at.clone())
            .bind("crm.customer_created")
            .bind($row.id.uuid())
            .bind($row.told())
            .execute(&mut *$tx)
            .await?;
    }};
}
pub(super) use inserts;

/// Reads a row of [`LIST`]. `$time` turns what the engine keeps into an instant.
macro_rules! read {
    ($row:ident, $kept:ty, $time:expr) => {{
        use sqlx::Row as _;
        Ok($crate::bare::customer::Customer {
            id: $row.try_get::<uuid::Uuid, _>(0)?.into(),
            name: $row.try_get(2)?,
            name_normal: $row.try_get(3)?,
            email: $row.try_get(4)?,
            email_normal: $row.try_get(5)?,
            phone: $row.try_get(6)?,
            external_ref: $row.try_get(7)?,
            external_ref_normal: $row.try_get(8)?,
            locale: $row.try_get(9)?,
            timezone: $row.try_get(10)?,
            archived_at: $row.try_get::<Option<$kept>, _>(11)?.map($time),
            created_at: $time($row.try_get::<$kept, _>(12)?),
            updated_at: $time($row.try_get::<$kept, _>(13)?),
            version: $row.try_get(14)?,
        })
    }};
}
pub(super) use read;
