//! The tables of this room.

use sea_orm::sea_query::Table;
use store::columns::{text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null};
use store::{Schema, Step, TableParts as _};

/// The schema of this room.
pub fn migrations() -> Vec<Step> {
    vec![
        Step { name: "20261120_05_mail_1_mails", up: mails, down: |s| s.drop("mails") },
        Step { name: "20261120_05_mail_2_dev_mailbox", up: dev_mailbox, down: |s| s.drop("dev_mailbox") },
        Step { name: "20261120_05_mail_3_handed_at", up: handed_at, down: not_handed_at },
    ]
}

fn mails(schema: &mut Schema) {
    schema.shared_table("mails", |t| {
        t.col(text("recipient"))
            .col(text_null("sealed"))
            .col(text("dedupe_key"))
            .col(text("state"))
            .col(text_null("reason"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("sent_at"))
            .one_of("state", &["queued", "sent", "expired", "refused"]);
    });
    schema.unique("mails", &["org_id", "dedupe_key"]);
    // To a unique index no null equals another, so the platform's letters need one of their own.
    schema.unique_where("mails", &["dedupe_key"], "org_id is null");
    schema.index("mails", &["created_at"]);
}

/// When a letter began to leave, for as long as it may have: so that nobody says of it that it was not sent.
fn handed_at(schema: &mut Schema) {
    schema.add_column("mails", timestamp_with_time_zone_null("handed_at"));
}

fn not_handed_at(schema: &mut Schema) {
    schema.alter(Table::alter().table("mails").drop_column("handed_at"));
}

fn dev_mailbox(schema: &mut Schema) {
    schema.platform_table("dev_mailbox", |t| {
        t.col(text("recipient")).col(text("recipient_normal")).col(text("subject")).col(text("body_text")).col(text("body_html"));
    });
    schema.index("dev_mailbox", &["created_at", "id"]);
    schema.index("dev_mailbox", &["recipient_normal", "created_at"]);
}
