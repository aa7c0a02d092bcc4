//! The tables of this room.

use sea_orm::sea_query::{Expr, ExprTrait as _, ForeignKeyAction, Table, TableCreateStatement};
use store::columns::{boolean, integer, json_binary, text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid};
use store::{Schema, Step, TableParts as _};

use crate::roles::Role;

pub(crate) fn steps() -> [Step; 2] {
    [
        Step { name: "20261120_06_tenancy_tables", up, down },
        Step { name: "20261121_06_tenancy_1_frozen_invitations", up: up_frozen, down: down_frozen },
    ]
}

fn up_frozen(schema: &mut Schema) {
    schema.add_column("invitations", timestamp_with_time_zone_null("frozen_at"));
    // An account is frozen as a whole, wherever it invited somebody.
    schema.index("invitations", &["invited_by"]);
}

fn down_frozen(schema: &mut Schema) {
    schema.drop_index("invitations_invited_by_idx");
    schema.alter(Table::alter().table("invitations").drop_column("frozen_at"));
}

fn up(schema: &mut Schema) {
    organizations(schema);
    memberships(schema);
    invitations(schema);
    api_keys(schema);
    attempt_counters(schema);
}

fn down(schema: &mut Schema) {
    for table in ["attempt_counters", "api_keys", "invitations", "memberships", "organizations"] {
        schema.drop(table);
    }
}

fn organizations(schema: &mut Schema) {
    schema.tenant_table("organizations", |t| {
        t.col(text("name"));
        t.col(text("slug"));
        // Unique across all organizations: the one thing that two of them may not both have.
        t.col(text("slug_normal"));
        t.col(boolean("is_active"));
        // An organization is the first row behind its own wall.
        t.check(Expr::col("org_id").eq(Expr::col("id")));
    });
    schema.unique("organizations", &["slug_normal"]);
}

fn memberships(schema: &mut Schema) {
    schema.tenant_table("memberships", |t| {
        t.col(uuid("account_id"));
        t.col(text("role"));
        t.col(text("name"));
        t.col(text("email"));
        t.col(text("email_normal"));
        t.col(boolean("is_active"));
        of_organization(t);
        of_role(t);
    });
    schema.unique("memberships", &["org_id", "account_id"]);
    // Sign-in asks where an account is a member, before any organization is known.
    schema.index("memberships", &["account_id"]);
    schema.index("memberships", &["org_id", "email_normal"]);
}

fn invitations(schema: &mut Schema) {
    schema.tenant_table("invitations", |t| {
        t.col(text("email"));
        t.col(text("email_normal"));
        t.col(text("role"));
        t.col(text("token_hash"));
        t.col(uuid("invited_by"));
        t.col(timestamp_with_time_zone("expires_at"));
        t.col(timestamp_with_time_zone_null("accepted_at"));
        t.col(timestamp_with_time_zone_null("revoked_at"));
        of_organization(t);
        of_role(t);
    });
    schema.unique("invitations", &["token_hash"]);
    // One open invitation for one address, also when two admins invite at the same moment.
    schema.unique_where("invitations", &["org_id", "email_normal"], "accepted_at is null and revoked_at is null");
}

fn api_keys(schema: &mut Schema) {
    schema.tenant_table("api_keys", |t| {
        t.col(text("name"));
        t.col(text("prefix"));
        t.col(text("key_hash"));
        t.col(json_binary("scopes"));
        t.col(uuid("created_by"));
        t.col(timestamp_with_time_zone_null("expires_at"));
        t.col(timestamp_with_time_zone_null("last_used_at"));
        t.col(timestamp_with_time_zone_null("revoked_at"));
        of_organization(t);
    });
    schema.unique("api_keys", &["key_hash"]);
    schema.index("api_keys", &["org_id", "created_by"]);
}

fn attempt_counters(schema: &mut Schema) {
    schema.platform_table("attempt_counters", |t| {
        // What is counted: `sign_in:account:…`, `sign_in:device:…`, `register:network:…`.
        t.col(text("scope"));
        t.col(integer("attempts"));
        t.col(timestamp_with_time_zone("window_ends_at"));
    });
    schema.unique("attempt_counters", &["scope"]);
    schema.index("attempt_counters", &["window_ends_at"]);
}

fn of_organization(table: &mut TableCreateStatement) {
    table.references_platform("org_id", "organizations", ForeignKeyAction::Restrict);
}

fn of_role(table: &mut TableCreateStatement) {
    table.one_of("role", &Role::ALL.map(Role::name));
}
