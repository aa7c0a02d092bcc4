//! The table `timeline_entries`.

use sea_orm::sea_query::ForeignKeyAction;
use store::columns::{text, text_null, timestamp_with_time_zone, uuid};
use store::{Schema, Step, TableParts as _};

pub const STEP: Step = Step { name: "20261120_08_crm_timeline", up, down };

fn up(schema: &mut Schema) {
    schema.append_only_table("timeline_entries", |table| {
        table
            .col(uuid("customer_id"))
            .col(text("kind"))
            .col(text("text"))
            .col(text_null("subject"))
            .col(text("actor"))
            .col(timestamp_with_time_zone("happened_at"))
            // A customer with a story can't vanish and leave the story behind.
            .references("customer_id", "customers", ForeignKeyAction::Restrict);
    });
    schema.index("timeline_entries", &["org_id", "customer_id", "happened_at", "id"]);
}

fn down(schema: &mut Schema) {
    schema.drop("timeline_entries");
}
