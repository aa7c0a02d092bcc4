//! The tables of this room. All belong to the platform, not to an organization: an address is one
//! person, wherever that person is a member.

use sea_orm::sea_query::{ForeignKeyAction, Table};
use store::columns::{boolean, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null};
use store::{Schema, Step, TableParts as _};

use crate::proofs::Purpose;
use crate::sessions::Kind;

pub(crate) fn steps() -> [Step; 2] {
    [
        Step { name: "20261120_07_identity_tables", up, down },
        Step { name: "20261121_07_identity_registrations_and_proofs", up: up_registrations, down: down_registrations },
    ]
}

fn up_registrations(schema: &mut Schema) {
    pending_registrations(schema);
    // Nullable, so that the version before this one can go on making sessions beside it.
    schema.add_column("sessions", timestamp_with_time_zone_null("proven_at"));
}

fn down_registrations(schema: &mut Schema) {
    schema.alter(Table::alter().table("sessions").drop_column("proven_at"));
    schema.drop("pending_registrations");
}

fn pending_registrations(schema: &mut Schema) {
    schema.platform_table("pending_registrations", |t| {
        t.col(text("email"));
        t.col(text("email_normal"));
        t.col(text("full_name"));
        t.col(text("password_hash"));
        t.col(text("org_name"));
        t.col(text_null("org_slug"));
        t.col(text_null("token_hash"));
        t.col(timestamp_with_time_zone("expires_at"));
    });
    schema.unique("pending_registrations", &["token_hash"]);
    schema.index("pending_registrations", &["expires_at"]);
}

fn up(schema: &mut Schema) {
    accounts(schema);
    sessions(schema);
    refresh_tokens(schema);
    one_time_tokens(schema);
    devices(schema);
}

fn down(schema: &mut Schema) {
    for table in ["devices", "one_time_tokens", "refresh_tokens", "sessions", "accounts"] {
        schema.drop(table);
    }
}

fn accounts(schema: &mut Schema) {
    schema.platform_table("accounts", |t| {
        t.col(text("email"));
        t.col(text("email_normal"));
        t.col(text("full_name"));
        t.col(text("password_hash"));
        t.col(timestamp_with_time_zone("password_changed_at"));
        t.col(timestamp_with_time_zone_null("email_verified_at"));
        t.col(boolean("is_active"));
        t.col(uuid_null("default_org"));
    });
    schema.unique("accounts", &["email_normal"]);
}

fn sessions(schema: &mut Schema) {
    schema.platform_table("sessions", |t| {
        t.col(uuid("account_id"));
        t.col(uuid_null("org_id"));
        t.col(text("kind"));
        t.col(text_null("token_hash"));
        t.col(text_null("user_agent"));
        t.col(text_null("address"));
        t.col(timestamp_with_time_zone("last_seen_at"));
        t.col(timestamp_with_time_zone("idle_expires_at"));
        t.col(timestamp_with_time_zone("expires_at"));
        t.col(timestamp_with_time_zone_null("revoked_at"));
        t.references_platform("account_id", "accounts", ForeignKeyAction::Cascade);
        t.one_of("kind", &Kind::ALL.map(Kind::name));
    });
    schema.unique("sessions", &["token_hash"]);
    schema.index("sessions", &["account_id"]);
    schema.index("sessions", &["expires_at"]);
}

fn refresh_tokens(schema: &mut Schema) {
    schema.platform_table("refresh_tokens", |t| {
        t.col(uuid("session_id"));
        t.col(text("token_hash"));
        t.col(timestamp_with_time_zone("expires_at"));
        t.col(timestamp_with_time_zone_null("used_at"));
        t.col(uuid_null("replaced_by"));
        t.references_platform("session_id", "sessions", ForeignKeyAction::Cascade);
    });
    schema.unique("refresh_tokens", &["token_hash"]);
    schema.index("refresh_tokens", &["session_id"]);
}

fn one_time_tokens(schema: &mut Schema) {
    schema.platform_table("one_time_tokens", |t| {
        t.col(uuid("account_id"));
        t.col(text("purpose"));
        t.col(text("token_hash"));
        t.col(timestamp_with_time_zone("expires_at"));
        t.col(timestamp_with_time_zone_null("used_at"));
        t.references_platform("account_id", "accounts", ForeignKeyAction::Cascade);
        t.one_of("purpose", &[Purpose::Verify.name(), Purpose::Reset.name()]);
    });
    schema.unique("one_time_tokens", &["token_hash"]);
    schema.index("one_time_tokens", &["account_id"]);
    schema.index("one_time_tokens", &["expires_at"]);
}

fn devices(schema: &mut Schema) {
    schema.platform_table("devices", |t| {
        t.col(uuid("account_id"));
        t.col(text("mark_hash"));
        t.col(timestamp_with_time_zone("last_seen_at"));
        t.references_platform("account_id", "accounts", ForeignKeyAction::Cascade);
    });
    schema.unique("devices", &["account_id", "mark_hash"]);
    schema.index("devices", &["last_seen_at"]);
}
