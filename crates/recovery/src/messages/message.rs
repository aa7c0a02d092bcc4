//! The entity and its states.

use sea_orm::entity::prelude::*;

use super::Template;
use crate::classify::class::words;

words! {
    /// Where a message stands. What became of the mail after it was queued is in the mail room's
    /// own log.
    pub enum MessageState {
        Planned = "planned",
        /// Handed to the mail room in the transaction that wrote this row; it went, or may still go.
        Queued = "queued",
        Sent = "sent",
        /// Not sent, with the reason.
        Skipped = "skipped",
        Bounced = "bounced",
    }
}

/// A row of `messages`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub case_id: Uuid,
    pub number: i32,
    pub channel: String,
    pub template: String,
    pub state: String,
    pub dedupe_key: String,
    pub link_id: Option<Uuid>,
    pub planned_for: DateTimeUtc,
    pub queued_at: Option<DateTimeUtc>,
    pub skip_reason: Option<String>,
    /// The mailbox that it was written to, as a digest with a key of ours: what letters are counted by.
    pub recipient: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn state(&self) -> MessageState {
        MessageState::parse(&self.state).expect("the table allows only our words")
    }

    pub fn template(&self) -> Template {
        Template::parse(&self.template).unwrap_or(Template::PayNow)
    }
}
