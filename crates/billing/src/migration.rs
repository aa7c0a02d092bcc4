//! The tables of this room.

use sea_orm::sea_query::{Expr, ExprTrait as _, ForeignKeyAction, Table};
use store::columns::{
    big_integer, boolean, integer, integer_null, json_binary, json_binary_null, text, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};
use store::{Schema, Step, TableParts as _};

use crate::intake::EventState;
use crate::links::LinkState;
use crate::methods::MethodState;
use crate::transactions::State;

pub(crate) fn steps() -> [Step; 5] {
    [
        Step { name: "20261120_09_billing_payments", up: payments, down: no_payments },
        Step { name: "20261120_09_billing_sandbox", up: crate::sandbox::tables_up, down: crate::sandbox::tables_down },
        Step { name: "20261121_09_billing_1_by_hand", up: by_hand, down: no_by_hand },
        Step { name: "20261121_09_billing_2_sweeping", up: sweeping, down: no_sweeping },
        Step { name: "20261121_09_billing_3_in_order", up: in_order, down: no_order },
    ]
}

fn payments(schema: &mut Schema) {
    connections(schema);
    methods(schema);
    transactions(schema);
    transaction_refs(schema);
    provider_events(schema);
    waiting_refs(schema);
    failures(schema);
    receipts(schema);
    links(schema);
}

fn no_payments(schema: &mut Schema) {
    for table in [
        "payment_links",
        "receipts",
        "payment_failures",
        "provider_event_refs",
        "provider_events",
        "transaction_refs",
        "transactions",
        "payment_methods",
        "payment_connections",
    ] {
        schema.drop(table);
    }
}

/// Surplus that we cannot give back ourselves waits on its receipt, and is found when a key comes.
fn by_hand(schema: &mut Schema) {
    schema.add_column("receipts", timestamp_with_time_zone_null("by_hand_since"));
    schema.index_where("receipts", &["org_id", "source"], BY_HAND);
}

const BY_HAND: &str = "by_hand_since is not null";

fn no_by_hand(schema: &mut Schema) {
    schema.drop_index("receipts_org_id_source_idx");
    schema.alter(Table::alter().table("receipts").drop_column("by_hand_since"));
}

/// What refers to an event is found when the event is swept, without reading the whole table.
fn sweeping(schema: &mut Schema) {
    schema.index_where("payment_failures", &["event_row_id"], "event_row_id is not null");
    schema.index("provider_event_refs", &["event_row_id"]);
}

fn no_sweeping(schema: &mut Schema) {
    schema.drop_index("payment_failures_event_row_id_idx");
    schema.drop_index("provider_event_refs_event_row_id_idx");
}

/// What is asked for by one column in the order of another has both in one index. With two to choose from,
/// SQLite takes the one that is in order and looks through everything that the organization has.
const ORDERED: [(&str, &[&str], &[&str]); 3] = [
    ("receipts", &["org_id", "transaction_id"], &["received_at"]),
    ("transaction_refs", &["org_id", "reference"], &["created_at", "id"]),
    ("provider_event_refs", &["org_id", "source", "reference"], &["created_at"]),
];

fn in_order(schema: &mut Schema) {
    for (table, columns, order) in ORDERED {
        schema.drop_index(&format!("{table}_{}_idx", columns.join("_")));
        schema.index(table, &[columns, order].concat());
    }
    schema.drop_index("receipts_org_id_source_idx");
    schema.index_where("receipts", &["org_id", "source", "id"], BY_HAND);
}

fn no_order(schema: &mut Schema) {
    for (table, columns, order) in ORDERED {
        schema.drop_index(&format!("{table}_{}_idx", [columns, order].concat().join("_")));
        schema.index(table, columns);
    }
    schema.drop_index("receipts_org_id_source_id_idx");
    schema.index_where("receipts", &["org_id", "source"], BY_HAND);
}

fn connections(schema: &mut Schema) {
    schema.tenant_table("payment_connections", |t| {
        t.col(text("provider"));
        t.col(text("name"));
        t.col(text("mode"));
        // Sealed by the cipher; the digest beside the key is how the sandbox finds its account.
        t.col(text_null("api_key"));
        t.col(text_null("api_key_hash"));
        t.col(text("webhook_secret"));
        t.col(text_null("webhook_secret_before"));
        t.col(timestamp_with_time_zone_null("webhook_secret_before_until"));
        t.col(text_null("base_url"));
        t.col(boolean("is_active"));
        // Kept for its payments, without its secrets.
        t.col(timestamp_with_time_zone_null("removed_at"));
        t.one_of("mode", &["live", "test"]);
    });
    schema.index("payment_connections", &["api_key_hash"]);
}

fn methods(schema: &mut Schema) {
    schema.tenant_table("payment_methods", |t| {
        t.col(text("source"));
        t.col(text("token"));
        for name in ["network", "funding", "country", "issuer", "last4", "fingerprint", "blocked_reason"] {
            t.col(text_null(name));
        }
        t.col(integer_null("exp_month"));
        t.col(integer_null("exp_year"));
        t.col(text("state"));
        t.col(uuid_null("customer_id"));
        t.one_of("state", &MethodState::ALL.map(MethodState::name));
        t.references("customer_id", "customers", ForeignKeyAction::Restrict);
    });
    schema.unique("payment_methods", &["org_id", "source", "token"]);
    schema.index("payment_methods", &["org_id", "customer_id"]);
}

fn transactions(schema: &mut Schema) {
    schema.tenant_table("transactions", |t| {
        t.col(uuid_null("connection_id"));
        t.col(text("gateway"));
        // The connection, or the gateway's name where there is none: a key of NULL is no key.
        t.col(text("source"));
        t.col(text("obligation_key"));
        t.col(json_binary("psp_ids"));
        t.col(big_integer("amount_due"));
        t.col(big_integer("amount_paid"));
        t.col(text("currency"));
        t.col(text("state"));
        t.col(json_binary_null("decline"));
        t.col(uuid_null("customer_id"));
        t.col(uuid_null("payment_method_id"));
        t.col(timestamp_with_time_zone_null("first_failed_at"));
        t.col(timestamp_with_time_zone_null("failed_at"));
        t.col(timestamp_with_time_zone_null("paid_at"));
        t.one_of("state", &State::ALL.map(State::name));
        // What is counted never exceeds what is due, whatever races.
        t.check(Expr::col("amount_due").gt(0));
        t.check(Expr::col("amount_paid").between(Expr::value(0), Expr::col("amount_due")));
        t.references("connection_id", "payment_connections", ForeignKeyAction::Restrict);
        t.references("customer_id", "customers", ForeignKeyAction::Restrict);
        t.references("payment_method_id", "payment_methods", ForeignKeyAction::Restrict);
    });
    schema.unique("transactions", &["org_id", "source", "obligation_key"]);
    schema.index("transactions", &["org_id", "customer_id"]);
    schema.index("transactions", &["org_id", "state", "created_at"]);
}

fn transaction_refs(schema: &mut Schema) {
    schema.append_only_table("transaction_refs", |t| {
        t.col(text("source"));
        t.col(text("reference"));
        t.col(uuid("transaction_id"));
        t.references("transaction_id", "transactions", ForeignKeyAction::Restrict);
    });
    schema.unique("transaction_refs", &["org_id", "source", "reference"]);
    schema.index("transaction_refs", &["org_id", "reference"]);
}

fn provider_events(schema: &mut Schema) {
    schema.tenant_table("provider_events", |t| {
        t.col(uuid_null("connection_id"));
        t.col(text("source"));
        t.col(text("event_id"));
        t.col(text("type_name"));
        t.col(timestamp_with_time_zone("occurred_at"));
        t.col(text("raw"));
        t.col(json_binary("event"));
        t.col(text("state"));
        t.col(text_null("reason"));
        t.col(integer("tries"));
        t.col(uuid_null("transaction_id"));
        // What the caller of the events API was answered, for the repetition.
        t.col(json_binary_null("answer"));
        t.one_of("state", &EventState::ALL.map(EventState::name));
        t.references("connection_id", "payment_connections", ForeignKeyAction::Restrict);
        t.references("transaction_id", "transactions", ForeignKeyAction::Restrict);
    });
    schema.unique("provider_events", &["org_id", "source", "event_id"]);
    schema.index("provider_events", &["org_id", "transaction_id"]);
    schema.index("provider_events", &["org_id", "connection_id", "created_at"]);
    // For all organizations at once: what waited too long for its parent.
    schema.index_where("provider_events", &["created_at"], "state = 'quarantined'");
}

fn waiting_refs(schema: &mut Schema) {
    schema.append_only_table("provider_event_refs", |t| {
        t.col(text("source"));
        t.col(text("reference"));
        t.col(uuid("event_row_id"));
        t.references("event_row_id", "provider_events", ForeignKeyAction::Restrict);
    });
    schema.index("provider_event_refs", &["org_id", "source", "reference"]);
}

fn failures(schema: &mut Schema) {
    schema.tenant_table("payment_failures", |t| {
        t.col(uuid("transaction_id"));
        t.col(text("failure_key"));
        t.col(text_null("charge"));
        t.col(timestamp_with_time_zone("occurred_at"));
        t.col(json_binary("decline"));
        t.col(uuid_null("payment_method_id"));
        t.col(uuid_null("event_row_id"));
        t.col(uuid_null("case_id"));
        t.references("transaction_id", "transactions", ForeignKeyAction::Restrict);
        t.references("payment_method_id", "payment_methods", ForeignKeyAction::Restrict);
        t.references("event_row_id", "provider_events", ForeignKeyAction::Restrict);
    });
    schema.unique("payment_failures", &["org_id", "transaction_id", "failure_key"]);
}

fn receipts(schema: &mut Schema) {
    schema.tenant_table("receipts", |t| {
        t.col(uuid("transaction_id"));
        t.col(text("source"));
        // The intent or charge: several events tell of one movement of money, it is counted once.
        t.col(text("money_key"));
        t.col(json_binary("psp_ids"));
        t.col(big_integer("amount"));
        t.col(big_integer("counted"));
        t.col(big_integer("surplus"));
        t.col(big_integer("refunded"));
        t.col(text("currency"));
        t.col(text("via"));
        t.col(timestamp_with_time_zone("received_at"));
        t.col(text_null("refund_ref"));
        t.check(Expr::col("amount").gt(0));
        t.check(Expr::col("counted").gte(0));
        t.check(Expr::col("surplus").gte(0));
        t.references("transaction_id", "transactions", ForeignKeyAction::Restrict);
    });
    schema.unique("receipts", &["org_id", "source", "money_key"]);
    schema.index("receipts", &["org_id", "transaction_id"]);
    schema.index("receipts", &["org_id", "received_at"]);
}

fn links(schema: &mut Schema) {
    schema.tenant_table("payment_links", |t| {
        t.col(uuid("transaction_id"));
        t.col(text("token_hash"));
        t.col(big_integer("amount"));
        t.col(text("currency"));
        t.col(text("state"));
        t.col(timestamp_with_time_zone("expires_at"));
        t.col(timestamp_with_time_zone_null("opened_at"));
        t.col(timestamp_with_time_zone_null("completed_at"));
        t.col(text_null("psp_session_id"));
        t.col(timestamp_with_time_zone_null("session_until"));
        t.col(integer("sessions"));
        t.one_of("state", &LinkState::ALL.map(LinkState::name));
        t.references("transaction_id", "transactions", ForeignKeyAction::Restrict);
    });
    // The token alone leads to the organization, so it is unique across all of them.
    schema.unique("payment_links", &["token_hash"]);
    schema.index("payment_links", &["org_id", "transaction_id"]);
    schema.index("payment_links", &["org_id", "psp_session_id"]);
}
