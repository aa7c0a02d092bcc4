//! Mail that is down is nobody's business but the operator's.

use reqwest::Method;
use testkit::{Value, json};

use crate::place::on_both;
use crate::somebody::send;
use crate::{Place, Server, Somebody};

const GATEWAY_KEY: &str = "canary-key-0b7d41f29c8e";
const GATEWAY_SECRET: &str = "canary-secret-0b7d41f29c8e";

#[tokio::test]
async fn while_the_gateway_is_down_everybody_gets_the_same_answer() {
    let place = Place::sqlite().var("GATEWAY_KEY", GATEWAY_KEY).var("GATEWAY_SECRET", GATEWAY_SECRET);
    let mail = "gateway_url: http://127.0.0.1:1/letters\n  gateway_api_key: env:GATEWAY_KEY\n  gateway_secret: env:GATEWAY_SECRET\n";
    place.write("autorisen.yaml", &format!("mail:\n  {mail}"));
    let mut server = place.serve().await;
    let nobody = server.somebody();
    nobody.sign_up("ada@acme.test", "Acme").await;
    let forgot = async |email: &str| {
        let answer = nobody.post("/v1/auth/password/forgot", json!({"email": email})).await;
        (answer.status, answer.body["success"].clone(), answer.body["data"].clone(), answer.body["error"].clone())
    };
    let (known, unknown) = (forgot("ada@acme.test").await, forgot("bob@acme.test").await);
    assert_eq!(known, unknown, "whether there is an account, and whether mail works, is not told");
    assert!((200..300).contains(&known.0), "{known:?}");
    assert_eq!(nobody.get("/readyz").await.status, 200, "letters wait, requests don't");
    let letters = nobody.get("/dev/mail/messages").await.expect(200);
    assert_eq!(letters, json!([]), "letters are for the gateway, not for the mailbox");
    let log = format!("{:?}", server.stop().await);
    assert!(!log.contains(GATEWAY_KEY) && !log.contains(GATEWAY_SECRET), "a secret is logged");
}

#[tokio::test]
async fn a_mail_server_and_a_gateway_at_once_are_a_fault_of_the_settings() {
    let place = Place::sqlite().var("SMTP_URL", "smtp://mail.test").var("GATEWAY_KEY", GATEWAY_KEY).var("GATEWAY_SECRET", GATEWAY_SECRET);
    let mail = "gateway_url: https://mail.test\n  gateway_api_key: env:GATEWAY_KEY\n  gateway_secret: env:GATEWAY_SECRET\n";
    place.write("autorisen.yaml", &format!("mail:\n  {mail}"));
    place.run(&["serve"]).await.with(3).complains(&["autorisen.yaml:2", "mail.gateway_url", "not both"]);
}

const PAYER: &str = "pia@payers.test";

on_both! {
    async fn a_letter_that_left_before_the_process_died_is_never_called_skipped(place: Place) {
        // A lease so long that nobody touches the letter again while the story lasts.
        place.write("autorisen.yaml", "flows:\n  lease_s: 600\n");
        let mut server = place.serve().await;
        let (ada, nobody) = (founder(&server).await, server.somebody());
        let connection = ada.post("/v1/payment-connections", json!({"provider": "sandbox", "name": "Sandbox"})).await.expect(201);
        server.stop().await;
        let mut armed = place.command(&["serve", "--port", &place.port.to_string()]);
        armed.env("AUTORISEN_CRASH_AT", "after_handover");
        server = Server::start(armed, &server.base).ready().await;
        report(&ada, &connection["id"]).await;
        assert_eq!(server.ended().await, None, "it died when the letter had left");
        server = place.serve().await;
        pay(&nobody, &nobody.letter_to(PAYER).await).await;
        let case = ada.get("/v1/cases").await.expect(200)[0].clone();
        assert_eq!((&case["state"], &case["messages"][0]["state"]), (&json!("recovered"), &json!("queued")), "{case}");
        server.stop().await;
    }
}

/// Somebody with a company and a proven address.
async fn founder(server: &Server) -> Somebody {
    let ada = server.somebody().sign_up("ada@acme.test", "Acme").await;
    let token = ada.token_to("ada@acme.test").await;
    ada.post("/v1/auth/verify-email", json!({"token": token})).await.ok();
    ada
}

/// Tells of a card that expired, which its payer is written about at once. The process may die of it.
async fn report(ada: &Somebody, connection: &Value) {
    let now = ada.get("/livez").await.headers["date"].to_str().map(chrono::DateTime::parse_from_rfc2822).expect("text").expect("a date");
    let body = json!({
        "event_id": "e1", "transaction_ref": "order-1", "connection_id": connection, "amount": 1900, "currency": "EUR", "gateway": "sandbox",
        "failure_code": "expired_card", "occurred_at": now, "customer": {"email": PAYER},
        "payment_method": {"token": "pm_1"},
    });
    let _ = send(ada.request(Method::POST, "/v1/events/payment_failed").json(&body)).await;
}

/// Pays through the link in a letter.
async fn pay(nobody: &Somebody, letter: &Value) {
    let mut links = letter["links"].as_array().expect("links").iter().filter_map(Value::as_str);
    let link = links.find_map(|link| link.find("/pay/").map(|at| link[at..].to_owned())).expect("a link to pay by");
    let sent = send(nobody.request(Method::POST, &link).form(&[("", ""); 0])).await.expect("an answer");
    let checkout = sent.headers["location"].to_str().expect("an address").to_owned();
    send(nobody.request(Method::POST, &checkout).form(&[("payment_method", "pm_card_visa")])).await.expect("an answer");
    let done = nobody.get(&format!("{link}/done")).await;
    assert!(done.text.contains("data-state=\"paid\""), "{}", done.text);
}
