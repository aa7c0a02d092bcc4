//! The store's own tables.

use crate::columns::{integer_null, json_binary, json_binary_null, text, text_null, timestamp_with_time_zone, uuid, uuid_null};
use crate::{Engine, Schema, Step};

/// Refuses rights that are no longer current; the tenant door calls it in the batch that pins the
/// organization. Its body is not looked at until then, so the table may come later.
const CHECK_RIGHTS: &str = "create function check_rights(member uuid, seen integer) returns void language plpgsql stable as $$
    begin
      if not exists (select 1 from memberships where id = member and version = seen and is_active) then
        raise exception 'stale rights' using errcode = 'AR001';
      end if;
    end $$";

pub(crate) fn steps() -> Vec<Step> {
    vec![
        Step { name: "20261120_02_store_audit_log", up: audit_log, down: |s| s.drop("audit_log") },
        Step { name: "20261120_02_store_idempotency_keys", up: idempotency_keys, down: |s| s.drop("idempotency_keys") },
        Step { name: "20261120_02_store_outbox", up: outbox, down: |s| s.drop("outbox") },
        Step { name: "20261120_02_store_platform_state", up: platform_state, down: |s| s.drop("platform_state") },
        Step {
            name: "20261120_02_store_rights",
            up: |s| s.sql(Engine::Postgres, CHECK_RIGHTS),
            down: |s| s.sql(Engine::Postgres, "drop function check_rights(uuid, integer)"),
        },
    ]
}

fn audit_log(schema: &mut Schema) {
    schema.append_only_table("audit_log", |t| {
        t.col(text("action"))
            .col(text("subject_kind"))
            .col(uuid("subject_id"))
            .col(text("actor_kind"))
            .col(text("actor_id"))
            .col(json_binary_null("before"))
            .col(json_binary_null("after"))
            .col(uuid_null("request_id"))
            .col(text_null("address"));
    });
    schema.index("audit_log", &["org_id", "subject_id", "created_at"]);
}

fn idempotency_keys(schema: &mut Schema) {
    schema.tenant_table("idempotency_keys", |t| {
        t.col(text("route"))
            .col(text("key"))
            .col(text("body_hash"))
            .col(integer_null("status"))
            .col(text_null("body"))
            .col(timestamp_with_time_zone("expires_at"));
    });
    schema.unique("idempotency_keys", &["org_id", "route", "key"]);
    schema.index("idempotency_keys", &["expires_at"]);
}

fn outbox(schema: &mut Schema) {
    schema.append_only_table("outbox", |t| {
        t.col(text("name")).col(uuid("subject")).col(json_binary("payload"));
    });
    schema.index("outbox", &["org_id", "subject", "created_at"]);
}

fn platform_state(schema: &mut Schema) {
    schema.platform_table("platform_state", |t| {
        t.col(text("key")).col(text("value"));
    });
    schema.unique("platform_state", &["key"]);
}
