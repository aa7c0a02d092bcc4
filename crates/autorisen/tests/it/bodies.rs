//! A valid body for each operation that takes one. An operation without a body here fails the walks:
//! whoever adds a route says what a right call looks like.

use testkit::{PASSWORD, Value, json};

use crate::operations::Operation;

/// What is sent by `who`, a word of the walk's that keeps one caller's effects from another's.
pub fn body(operation: &Operation, who: &str) -> Option<Value> {
    let schema = operation.body();
    let body = match operation.id.as_str() {
        // The address is taken: nothing is made.
        "register" => json!({"email": "alice@acme.test", "password": PASSWORD, "full_name": "Eve", "org_name": "Evil"}),
        // Not one of acme: a session and a line in the trail are made.
        "login" => json!({"email": "mallory@globex.test", "password": PASSWORD}),
        "register_invited" => json!({"token": "of-nobody", "password": "a-Quite-unheard-0f-phrase", "full_name": "Eve"}),
        "confirm_password" => json!({"password": "not-the-Right-0ne-at-all"}),
        "refresh_session" => json!({"refresh_token": "of-nobody"}),
        "verify_email" => json!({"token": "of-nobody"}),
        "resend_verification" | "forgot_password" => json!({"email": format!("{who}@nowhere.test")}),
        "reset_password" => json!({"token": "of-nobody", "password": "a-Quite-unheard-0f-phrase"}),
        "change_password" => json!({"current_password": "not-the-Right-0ne-at-all", "new_password": "a-Quite-unheard-0f-phrase"}),
        "change_me" => json!({"full_name": "The Same"}),
        "change_org" => json!({"name": "Acme"}),
        "logout" => json!({"everywhere": false}),
        // Nowhere, so that the session stays.
        "switch_organization" => json!({"org_id": "org_00000000000000000000000000"}),
        "change_member" => json!({"role": "viewer"}),
        "create_invitation" => json!({"email": format!("{who}@guest.test"), "role": "viewer"}),
        "accept_invitation" => json!({"token": "of-nobody"}),
        "create_api_key" => json!({"name": who, "scopes": ["org:read"]}),
        "create_customer" => json!({"name": format!("Made by {who}")}),
        "change_customer" => json!({"phone": "+27821234567"}),
        "create_payment_connection" => json!({"provider": "sandbox", "name": who}),
        "change_payment_connection" => json!({"name": who}),
        "report_payment_failed" => json!({
            "event_id": format!("evt-{who}"), "transaction_ref": format!("order-{who}"), "amount": 1200, "currency": "EUR",
            "gateway": "paypoint", "failure_code": "insufficient_funds", "occurred_at": "2026-03-02T08:00:00Z", "customer": {},
        }),
        "classify_decline" => json!({"failure_code": "insufficient_funds"}),
        _ if schema.is_none() => return None,
        other => panic!("say in bodies.rs what a right body of {other} is"),
    };
    assert!(schema.is_some(), "{} takes no body; take it out of bodies.rs", operation.id);
    Some(body)
}

/// Where an id stands in a body, with its prefix: `connection_id`, `con`.
pub fn ids_in(schema: &Value) -> Vec<(String, String)> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.filter_map(|(name, says)| Some((name.clone(), crate::operations::prefix_of(says)?))).collect()
}
