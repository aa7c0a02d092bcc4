//! The entity and its types.

use kernel::{At, OrgId, SessionId};
use sea_orm::entity::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use super::life::{Kind, Life};

/// A row of `sessions`: one sign-in of one browser or client. Only digests of its secrets are
/// kept, so that a copy of the database signs nobody in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    /// The organization that the session acts in; none for somebody who is a member nowhere.
    pub org_id: Option<Uuid>,
    pub kind: String,
    /// SHA-256 of the cookie; none for API clients, whose refresh tokens have rows of their own.
    pub token_hash: Option<String>,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub last_seen_at: DateTimeUtc,
    pub idle_expires_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
    /// When the person last showed their password for it; none in rows of an older version.
    pub proven_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// An unknown kind is that with the shortest life: a row that a newer version wrote must not
    /// live longer than it should.
    pub fn kind(&self) -> Kind {
        Kind::parse(&self.kind).unwrap_or(Kind::Browser)
    }

    pub fn life(&self) -> Life {
        Life { idle_expires_at: self.idle_expires_at, expires_at: self.expires_at }
    }

    pub fn session_id(&self) -> SessionId {
        self.id.into()
    }

    pub fn org(&self) -> Option<OrgId> {
        self.org_id.map(OrgId::from)
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionView {
    pub id: SessionId,
    /// `browser`, `remembered` or `api`.
    pub kind: &'static str,
    /// Whether this very request came through it.
    pub is_current: bool,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    /// To within a few minutes.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen_at: At,
    /// When it ends if nobody uses it.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: At,
}

impl SessionView {
    pub(crate) fn of(row: Model, current: Option<SessionId>) -> Self {
        Self {
            id: row.session_id(),
            kind: row.kind().name(),
            is_current: current == Some(row.session_id()),
            expires_at: row.life().ends_at(),
            user_agent: row.user_agent,
            address: row.address,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        }
    }
}
