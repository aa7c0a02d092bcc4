//! The tables of durable work.

use sea_orm::sea_query::ForeignKeyAction;
use store::columns::{
    big_integer, integer, integer_null, json_binary, json_binary_null, text, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid,
};
use store::{Schema, Step, TableParts as _};

/// The schema of this room.
pub fn migrations() -> Vec<Step> {
    vec![
        Step { name: "20261120_04_flows_1_runs", up: runs, down: |s| s.drop("flow_runs") },
        Step { name: "20261120_04_flows_2_steps", up: steps, down: |s| s.drop("flow_steps") },
        Step { name: "20261120_04_flows_3_signals", up: signals, down: |s| s.drop("flow_signals") },
        Step { name: "20261120_04_flows_4_schedules", up: schedules, down: |s| s.drop("flow_schedules") },
    ]
}

fn runs(schema: &mut Schema) {
    schema.shared_table("flow_runs", |t| {
        t.col(text("workflow"))
            .col(integer("workflow_version"))
            .col(text("dedupe_key"))
            .col(json_binary("input"))
            .col(text("state"))
            .col(timestamp_with_time_zone("due_at"))
            .col(timestamp_with_time_zone("started_at"))
            .col(text_null("waiting_for"))
            .col(integer("attempt"))
            .col(big_integer("fence"))
            .col(timestamp_with_time_zone_null("lease_until"))
            .col(text_null("worker"))
            .col(text_null("reason"))
            .col(json_binary_null("output"))
            .col(timestamp_with_time_zone_null("finished_at"))
            .one_of("state", &["open", "done", "dead"]);
    });
    schema.unique("flow_runs", &["org_id", "workflow", "dedupe_key"]);
    // To a unique index no null equals another, so the platform's runs need one of their own.
    schema.unique_where("flow_runs", &["workflow", "dedupe_key"], "org_id is null");
    // Signals find their runs by the key alone.
    schema.index_where("flow_runs", &["org_id", "dedupe_key"], "state = 'open'");
    // What is due stands at the front of one of these two, however many runs are open.
    schema.index_where("flow_runs", &["due_at"], "state = 'open' and lease_until is null");
    schema.index_where("flow_runs", &["lease_until"], "state = 'open' and lease_until is not null");
    schema.index_where("flow_runs", &["updated_at"], "state = 'dead'");
    schema.index_where("flow_runs", &["finished_at"], "state = 'done'");
}

/// The engine's own record: no tenant transaction ever reads it, so it stands among the platform's
/// tables.
fn steps(schema: &mut Schema) {
    schema.platform_table("flow_steps", |t| {
        t.col(uuid("run_id"))
            .col(integer("seq"))
            .col(text("kind"))
            .col(text("outcome"))
            .col(json_binary_null("value"))
            .col(timestamp_with_time_zone("answered_at"))
            .one_of("outcome", &["did", "failed", "woke", "heard", "timed_out"])
            .references_platform("run_id", "flow_runs", ForeignKeyAction::Cascade);
    });
    schema.unique("flow_steps", &["run_id", "seq"]);
}

fn signals(schema: &mut Schema) {
    schema.tenant_table("flow_signals", |t| {
        t.col(uuid("run_id"))
            .col(text("name"))
            .col(json_binary("payload"))
            .col(big_integer("place"))
            .col(integer_null("heard_by"))
            .references("run_id", "flow_runs", ForeignKeyAction::Cascade);
    });
    schema.index("flow_signals", &["run_id", "name"]);
    schema.index("flow_signals", &["org_id", "run_id"]);
}

fn schedules(schema: &mut Schema) {
    schema.platform_table("flow_schedules", |t| {
        t.col(text("name")).col(timestamp_with_time_zone("last_tick_at"));
    });
    schema.unique("flow_schedules", &["name"]);
}
