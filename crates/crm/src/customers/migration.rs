//! The table `customers`.

use store::columns::{text, text_null, timestamp_with_time_zone_null};
use store::{Engine, Schema, Step};

pub const STEP: Step = Step { name: "20261120_08_crm_customers", up, down };

/// The newest customer of an address is found without a look at the organization's others.
pub const BY_ADDRESS: Step = Step { name: "20261121_08_crm_1_by_address", up: by_address, down: no_order };

fn up(schema: &mut Schema) {
    schema.tenant_table("customers", |table| {
        table
            .col(text("name"))
            .col(text("name_normal"))
            .col(text_null("email"))
            .col(text_null("email_normal"))
            .col(text_null("phone"))
            .col(text_null("external_ref"))
            .col(text_null("external_ref_normal"))
            .col(text_null("locale"))
            .col(text_null("timezone"))
            .col(timestamp_with_time_zone_null("archived_at"));
    });
    // A prefix is searched as a range of bytes, so these must sort by bytes in every database.
    schema.sql(
        Engine::Postgres,
        r#"alter table customers
             alter column name_normal type text collate "C",
             alter column email_normal type text collate "C",
             alter column external_ref_normal type text collate "C""#,
    );
    schema.unique("customers", &["org_id", "external_ref"]);
    schema.index("customers", &["org_id", "name_normal"]);
    schema.index("customers", &["org_id", "email_normal"]);
    schema.index("customers", &["org_id", "external_ref_normal"]);
}

fn down(schema: &mut Schema) {
    schema.drop("customers");
}

fn by_address(schema: &mut Schema) {
    schema.drop_index("customers_org_id_email_normal_idx");
    schema.index("customers", &["org_id", "email_normal", "created_at", "id"]);
}

fn no_order(schema: &mut Schema) {
    schema.drop_index("customers_org_id_email_normal_created_at_id_idx");
    schema.index("customers", &["org_id", "email_normal"]);
}
