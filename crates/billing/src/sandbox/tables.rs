//! What the sandbox remembers: platform tables, behind the system door. They exist everywhere and
//! have rows only where the sandbox is mounted.

use store::Schema;
use store::columns::{integer, json_binary, text, text_null};

pub fn up(schema: &mut Schema) {
    schema.platform_table("sandbox_objects", |t| {
        t.col(text("account")).col(text("kind")).col(text("psp_id")).col(text_null("parent")).col(json_binary("body"));
    });
    schema.unique("sandbox_objects", &["psp_id"]);
    schema.index("sandbox_objects", &["account", "kind", "created_at"]);
    schema.index("sandbox_objects", &["kind", "parent"]);
    schema.platform_table("sandbox_scripts", |t| {
        t.col(text("payment_method")).col(json_binary("outcomes")).col(integer("used"));
    });
    schema.unique("sandbox_scripts", &["payment_method"]);
    schema.platform_table("sandbox_keys", |t| {
        t.col(text("account")).col(text("idempotency_key")).col(text("fingerprint")).col(integer("status")).col(text("body"));
    });
    schema.unique("sandbox_keys", &["account", "idempotency_key"]);
}

pub fn down(schema: &mut Schema) {
    for table in ["sandbox_keys", "sandbox_scripts", "sandbox_objects"] {
        schema.drop(table);
    }
}

/// Stripe's objects, as documents.
pub mod object {
    use sea_orm::entity::prelude::*;

    /// A row of `sandbox_objects`.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sandbox_objects")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// The digest of the key that made it.
        pub account: String,
        pub kind: String,
        pub psp_id: String,
        pub parent: Option<String>,
        pub body: Json,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What a bank will answer for a payment method.
pub mod script {
    use sea_orm::entity::prelude::*;

    /// A row of `sandbox_scripts`.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sandbox_scripts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub payment_method: String,
        pub outcomes: Json,
        pub used: i32,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// First answers, by idempotency key.
pub mod key {
    use sea_orm::entity::prelude::*;

    /// A row of `sandbox_keys`.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sandbox_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account: String,
        pub idempotency_key: String,
        pub fingerprint: String,
        pub status: i32,
        pub body: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
