//! The tables of this room.

use billing::event::Attention;
use sea_orm::sea_query::{ColumnDef, Expr, ExprTrait as _, ForeignKeyAction, Table, TableCreateStatement};
use store::columns::{
    big_integer, boolean, integer, json_binary, json_binary_null, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
    uuid, uuid_null,
};
use store::{Engine, Schema, Step, TableParts as _};

use crate::attempts::{AttemptKind, AttemptState};
use crate::cases::CaseState;
use crate::classify::{Class, Hardness};
use crate::messages::MessageState;
use crate::outcomes::Mechanism;
use crate::policy::{Hold, Owner, StepKind};

pub(crate) fn steps() -> [Step; 6] {
    [
        Step { name: "20261120_10_recovery_tables", up, down },
        Step { name: "20261121_10_recovery_1_care", up: care, down: no_care },
        Step { name: "20261121_10_recovery_2_cohorts", up: cohorts, down: no_cohorts },
        Step { name: "20261121_10_recovery_3_tallies", up: tallies, down: no_tallies },
        Step { name: "20261121_10_recovery_4_recipients", up: recipients, down: no_recipients },
        Step { name: "20261121_10_recovery_5_in_order", up: in_order, down: no_order },
    ]
}

/// Cases of one reference are found in their order, without a look at the organization's others.
fn in_order(schema: &mut Schema) {
    schema.drop_index("cases_org_id_reference_idx");
    schema.index("cases", &["org_id", "reference", "created_at", "id"]);
}

fn no_order(schema: &mut Schema) {
    schema.drop_index("cases_org_id_reference_created_at_id_idx");
    schema.index("cases", &["org_id", "reference"]);
}

/// What a person has to look at, and what waits for a provider.
fn care(schema: &mut Schema) {
    schema.tenant_table("case_alerts", |t| {
        t.col(uuid("case_id"));
        t.col(text("kind"));
        t.col(text("about"));
        t.col(text("text"));
        t.col(timestamp_with_time_zone("raised_at"));
        t.col(timestamp_with_time_zone_null("ended_at"));
        t.references("case_id", "cases", ForeignKeyAction::Cascade);
        words(t, "kind", Attention::ALL.iter().map(|kind| kind.name()));
    });
    schema.unique("case_alerts", &["org_id", "case_id", "kind", "about"]);
    schema.add_column("cases", timestamp_with_time_zone_null("pause_until"));
    // A connection that is mended frees what waits for it: found among the open cases alone.
    schema.index_where("cases", &["org_id", "id"], "closed_at is null");
}

const COHORT: &str = "create index cases_cohort_idx on cases (org_id, failed_at, currency, state, class, is_retryable, amount_minor, \
     paid_minor, reversed_minor, closed_at)";

/// A cohort is counted from one index alone, without a look at the rows, which are wide, and without
/// outcomes: a dashboard over a million payments would wait for nothing else.
fn cohorts(schema: &mut Schema) {
    let mut reversed = ColumnDef::new("reversed_minor");
    reversed.big_integer().not_null().default(0);
    schema.add_column("cases", reversed);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        schema.sql(
            engine,
            "update cases set reversed_minor = coalesce((select o.reversed_minor from outcomes o where o.org_id = cases.org_id \
             and o.case_id = cases.id), 0) where closed_at is not null",
        );
        schema.sql(engine, "drop index cases_org_id_failed_at_idx");
        schema.sql(engine, COHORT);
        schema.sql(engine, "drop index outcomes_org_id_at_idx");
    }
    schema.index("outcomes", &["org_id", "kind", "at"]);
}

/// What cohorts are counted from: the group comes first, so that rows lie in the order in which they are
/// added up, and the case carries how often something was sent for it.
const GROUPED: &str = "create index cases_cohort_idx on cases (org_id, currency, state, class, failed_at, is_retryable, amount_minor, \
     paid_minor, reversed_minor, attempts_sent, attempts_succeeded, messages_sent)";
const WON: &str = "create index outcomes_cohort_idx on outcomes (org_id, currency, mechanism, failed_at, kind, amount_minor, \
     reversed_minor, after_s)";
const TALLY: &str = "update cases set \
     attempts_sent = (select count(*) from attempts a where a.org_id = cases.org_id and a.case_id = cases.id \
       and a.submitted_at is not null and a.state <> 'cancelled'), \
     attempts_succeeded = (select count(*) from attempts a where a.org_id = cases.org_id and a.case_id = cases.id \
       and a.submitted_at is not null and a.state = 'succeeded'), \
     messages_sent = (select count(*) from messages m where m.org_id = cases.org_id and m.case_id = cases.id and m.queued_at is not null \
       and m.state <> 'skipped')";
const FAILED: &str =
    "update outcomes set failed_at = (select c.failed_at from cases c where c.org_id = outcomes.org_id and c.id = outcomes.case_id)";

/// A span of a cohort is added up group by group without sorting anything, and without a look at rows
/// of other tables. Days are counted by the plain index.
fn tallies(schema: &mut Schema) {
    for column in TALLIES {
        let mut tally = ColumnDef::new(column);
        tally.integer().not_null().default(0);
        schema.add_column("cases", tally);
    }
    schema.add_column("outcomes", timestamp_with_time_zone_null("failed_at"));
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for sql in [TALLY, FAILED, "drop index cases_cohort_idx", GROUPED, WON] {
            schema.sql(engine, sql);
        }
    }
    schema.index("cases", &["org_id", "failed_at"]);
}

const TALLIES: [&str; 3] = ["attempts_sent", "attempts_succeeded", "messages_sent"];

fn no_tallies(schema: &mut Schema) {
    for index in ["cases_org_id_failed_at_idx", "outcomes_cohort_idx", "cases_cohort_idx"] {
        schema.drop_index(index);
    }
    for engine in [Engine::Sqlite, Engine::Postgres] {
        schema.sql(engine, COHORT);
    }
    schema.alter(Table::alter().table("outcomes").drop_column("failed_at"));
    for column in TALLIES {
        schema.alter(Table::alter().table("cases").drop_column(column));
    }
}

/// How often an address was written to is counted over all cases. Letters of before are not counted.
fn recipients(schema: &mut Schema) {
    schema.add_column("messages", text_null("recipient"));
    schema.index("messages", &["org_id", "recipient", "queued_at"]);
}

fn no_recipients(schema: &mut Schema) {
    schema.drop_index("messages_org_id_recipient_queued_at_idx");
    schema.alter(Table::alter().table("messages").drop_column("recipient"));
}

fn no_cohorts(schema: &mut Schema) {
    for index in ["cases_cohort_idx", "outcomes_org_id_kind_at_idx"] {
        schema.drop_index(index);
    }
    schema.alter(Table::alter().table("cases").drop_column("reversed_minor"));
    schema.index("cases", &["org_id", "failed_at"]);
    schema.index("outcomes", &["org_id", "at"]);
}

fn no_care(schema: &mut Schema) {
    schema.drop_index("cases_org_id_id_idx");
    schema.alter(Table::alter().table("cases").drop_column("pause_until"));
    schema.drop("case_alerts");
}

fn up(schema: &mut Schema) {
    cases(schema);
    attempts(schema);
    messages(schema);
    card_uses(schema);
    outcomes(schema);
}

fn down(schema: &mut Schema) {
    for table in ["outcomes", "card_budget", "messages", "attempts", "cases"] {
        schema.drop(table);
    }
}

fn cases(schema: &mut Schema) {
    schema.tenant_table("cases", |t| {
        t.col(uuid("transaction_id"));
        t.col(text("reference"));
        t.col(uuid_null("customer_id"));
        t.col(text("state"));
        t.col(text_null("previous_state"));
        t.col(text("class"));
        t.col(text("hardness"));
        t.col(boolean("is_retryable"));
        t.col(json_binary("classification"));
        t.col(text("owner"));
        t.col(text("policy_version"));
        t.col(big_integer("amount_minor"));
        t.col(big_integer("paid_minor"));
        t.col(text("currency"));
        t.col(timestamp_with_time_zone("failed_at"));
        t.col(timestamp_with_time_zone("opened_at"));
        t.col(timestamp_with_time_zone("deadline_at"));
        t.col(timestamp_with_time_zone_null("next_action_at"));
        t.col(text_null("next_kind"));
        t.col(timestamp_with_time_zone_null("floor_at"));
        t.col(integer("attempts_used"));
        t.col(integer("misses"));
        t.col(integer("read_backs"));
        t.col(uuid_null("last_failure_id"));
        t.col(uuid_null("method_id"));
        t.col(text_null("hold_kind"));
        t.col(timestamp_with_time_zone_null("hold_until"));
        t.col(timestamp_with_time_zone_null("closed_at"));
        t.col(json_binary("explanation"));
        words(t, "state", CaseState::ALL.iter().map(|state| state.word()));
        words(t, "class", Class::ALL.iter().map(|class| class.word()));
        words(t, "hardness", Hardness::ALL.iter().map(|hardness| hardness.word()));
        words(t, "owner", Owner::ALL.iter().map(|owner| owner.word()));
        words_or_null(t, "hold_kind", Hold::ALL.iter().map(|hold| hold.word()));
        words_or_null(t, "next_kind", StepKind::ALL.iter().map(|kind| kind.word()));
        t.references("transaction_id", "transactions", ForeignKeyAction::Restrict);
        t.references("customer_id", "customers", ForeignKeyAction::Restrict);
        // No orphan: an open case has its next action or a named reason to wait.
        let open = CaseState::OPEN.map(CaseState::word);
        t.check(Expr::col("state").is_not_in(open).or(Expr::col("next_action_at").is_not_null()).or(Expr::col("hold_kind").is_not_null()));
        // Nothing is planned after the deadline.
        t.check(Expr::col("next_action_at").is_null().or(Expr::col("next_action_at").lte(Expr::col("deadline_at"))));
        t.check(Expr::col("amount_minor").gt(0));
        t.check(Expr::col("paid_minor").gte(0));
        t.check(Expr::col("attempts_used").gte(0));
    });
    // One obligation, one case.
    schema.unique("cases", &["org_id", "transaction_id"]);
    schema.index("cases", &["org_id", "reference"]);
    schema.index("cases", &["org_id", "state", "created_at"]);
    schema.index("cases", &["org_id", "customer_id"]);
    schema.index("cases", &["org_id", "failed_at"]);
}

fn attempts(schema: &mut Schema) {
    schema.tenant_table("attempts", |t| {
        t.col(uuid("case_id"));
        t.col(integer("number"));
        t.col(text("kind"));
        t.col(text("state"));
        t.col(timestamp_with_time_zone("planned_for"));
        t.col(timestamp_with_time_zone_null("claimed_until"));
        t.col(text("idempotency_key"));
        t.col(json_binary_null("action"));
        t.col(timestamp_with_time_zone_null("submitted_at"));
        t.col(timestamp_with_time_zone_null("finished_at"));
        t.col(text_null("provider_ref"));
        t.col(json_binary_null("decline"));
        t.col(text("reason"));
        t.col(big_integer("amount_minor"));
        t.col(big_integer("paid_before_minor"));
        t.col(big_integer("due_minor"));
        t.col(text("currency"));
        t.col(boolean("counts_to_network"));
        t.references("case_id", "cases", ForeignKeyAction::Cascade);
        words(t, "kind", AttemptKind::ALL.iter().map(|kind| kind.word()));
        words(t, "state", AttemptState::ALL.iter().map(|state| state.word()));
        t.check(Expr::col("amount_minor").gt(0));
        // What is submitted plus what was paid never exceeds what is due.
        t.check(Expr::col("amount_minor").add(Expr::col("paid_before_minor")).lte(Expr::col("due_minor")));
    });
    schema.unique("attempts", &["org_id", "case_id", "number"]);
    schema.unique("attempts", &["org_id", "idempotency_key"]);
    // At most one open attempt for a case, whoever races.
    schema.unique_where("attempts", &["org_id", "case_id"], "state in ('claimed', 'submitted', 'unknown')");
}

fn messages(schema: &mut Schema) {
    schema.tenant_table("messages", |t| {
        t.col(uuid("case_id"));
        t.col(integer("number"));
        t.col(text("channel"));
        t.col(text("template"));
        t.col(text("state"));
        t.col(text("dedupe_key"));
        t.col(uuid_null("link_id"));
        t.col(timestamp_with_time_zone("planned_for"));
        t.col(timestamp_with_time_zone_null("queued_at"));
        t.col(text_null("skip_reason"));
        t.references("case_id", "cases", ForeignKeyAction::Cascade);
        words(t, "state", MessageState::ALL.iter().map(|state| state.word()));
    });
    // One message a rung, however often it is tried.
    schema.unique("messages", &["org_id", "dedupe_key"]);
    schema.index("messages", &["org_id", "case_id"]);
}

fn card_uses(schema: &mut Schema) {
    schema.tenant_table("card_budget", |t| {
        // The fingerprint, else the token, hashed: enough to count by and to nothing else.
        t.col(text("card_key"));
        t.col(timestamp_with_time_zone("used_at"));
        t.col(text("source_key"));
        t.col(uuid_null("case_id"));
        t.references("case_id", "cases", ForeignKeyAction::Cascade);
    });
    schema.unique("card_budget", &["org_id", "source_key"]);
    schema.index("card_budget", &["org_id", "card_key", "used_at"]);
}

fn outcomes(schema: &mut Schema) {
    schema.tenant_table("outcomes", |t| {
        t.col(uuid("case_id"));
        t.col(text("kind"));
        t.col(big_integer("amount_minor"));
        t.col(text("currency"));
        t.col(timestamp_with_time_zone("at"));
        t.col(big_integer("after_s"));
        t.col(text_null("mechanism"));
        t.col(uuid_null("attempt_id"));
        t.col(uuid_null("link_id"));
        t.col(text("policy_version"));
        t.col(big_integer("reversed_minor"));
        t.col(timestamp_with_time_zone_null("reversed_at"));
        t.references("case_id", "cases", ForeignKeyAction::Cascade);
        words(t, "kind", CaseState::ALL.iter().filter(|state| !state.is_open()).map(|state| state.word()));
        words_or_null(t, "mechanism", Mechanism::ALL.iter().map(|mechanism| mechanism.word()));
        t.check(Expr::col("amount_minor").gte(0));
        t.check(Expr::col("reversed_minor").gte(0));
    });
    schema.unique("outcomes", &["org_id", "case_id"]);
    schema.index("outcomes", &["org_id", "at"]);
}

fn words<'w>(table: &mut TableCreateStatement, column: &'static str, allowed: impl Iterator<Item = &'w str>) {
    table.check(Expr::col(column).is_in(allowed));
}

fn words_or_null<'w>(table: &mut TableCreateStatement, column: &'static str, allowed: impl Iterator<Item = &'w str>) {
    table.check(Expr::col(column).is_null().or(Expr::col(column).is_in(allowed)));
}
