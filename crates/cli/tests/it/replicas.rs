//! Several processes on one PostgreSQL database.

use std::time::Duration;

use testkit::{Answer, PASSWORD, TestEngine, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::{Place, Server};

/// Processes on one database share one master key.
const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";

/// A place on PostgreSQL, where a server is found.
async fn postgres() -> Option<Place> {
    let is_there = testkit::available(TestEngine::Postgres);
    if is_there { Some(Place::on(TestEngine::Postgres).await.var("AUTORISEN_MASTER_KEY", KEY)) } else { None }
}

/// A server that takes requests and leaves all durable work to others, and short leases.
fn settings(concurrency: u32) -> String {
    format!("flows:\n  concurrency: {concurrency}\n  lease_s: 3\n  stop_grace_s: 1\n")
}

async fn worker(place: &Place) -> Server {
    let mut worker = Server::start(place.command(&["worker"]), "");
    worker.saw("worker.ready").await;
    worker
}

#[tokio::test]
async fn two_that_start_together_migrate_once_and_both_serve() {
    let Some(place) = postgres().await else { return };
    let other = Place::beside(&place);
    let (mut one, mut two) = tokio::join!(place.serve(), other.serve());
    assert_eq!(one.count("store.migrated") + two.count("store.migrated"), 1);
    place.run(&["migrate", "status"]).await.fine();

    one.somebody().sign_up("ada@acme.test", "Acme").await;
    let shown = json!({"email": "ada@acme.test", "password": PASSWORD});
    let signed_in = two.somebody().post("/v1/auth/login", shown).await.expect(200);
    let ada = one.somebody().holding(signed_in["access_token"].as_str().expect("a token"));
    assert_eq!(ada.get("/v1/customers").await.status, 200, "a token of one is a token of the other");
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn an_event_that_is_told_to_both_at_once_is_taken_once() {
    let Some(place) = postgres().await else { return };
    let other = Place::beside(&place);
    let (mut one, mut two) = tokio::join!(place.serve(), other.serve());
    let ada = one.somebody().sign_up("ada@acme.test", "Acme").await;
    let token = ada.token.clone().expect("a token");
    let twin = two.somebody().holding(&token);
    for number in 0..8 {
        let body = json!({
            "event_id": format!("evt_{number}"), "transaction_ref": format!("order-{number}"), "amount": 4900, "currency": "EUR",
            "gateway": "sandbox", "failure_code": "insufficient_funds", "occurred_at": "2026-03-02T08:59:00Z", "customer": {},
        });
        let path = "/v1/events/payment_failed";
        let told =
            tokio::join!(ada.post(path, body.clone()), twin.post(path, body.clone()), ada.post(path, body.clone()), twin.post(path, body));
        let told: [Answer; 4] = told.into();
        let mut statuses = told.each_ref().map(|answer| answer.status);
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 201], "{told:#?}");
        let ids = told.map(|answer| (answer.body["data"]["transaction_id"].clone(), answer.body["data"]["case_id"].clone()));
        assert!(ids[0].1.is_string() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_worker_works_off_what_a_server_took_in() {
    let Some(place) = postgres().await else { return };
    place.write("autorisen.yaml", &settings(0));
    let mut server = place.serve().await;
    let hands = Place::beside(&place);
    server.somebody().sign_up("ada@acme.test", "Acme").await;
    let letters = server.somebody().get("/dev/mail/messages?to=ada@acme.test").await.expect(200);
    assert_eq!(letters, json!([]), "the server itself works nothing off");
    let mut worker = worker(&hands).await;
    let letter = server.somebody().letter_to("ada@acme.test").await;
    assert!(letter["text"].as_str().is_some_and(|text| text.contains(&format!("{}/verify", server.base))), "{letter}");
    worker.stop().await;
    server.stop().await;
}

/// A mail server that takes a connection and then says nothing, for ever.
async fn silent() -> (TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("smtp://127.0.0.1:{}", socket.local_addr().expect("an address").port());
    (socket, url)
}

#[tokio::test]
async fn what_a_killed_worker_had_in_hand_is_taken_up_by_another() {
    let Some(place) = postgres().await else { return };
    place.write("autorisen.yaml", &settings(0));
    let mut server = place.serve().await;
    let (mail_server, url) = silent().await;
    let stuck = Place::beside(&place).var("SMTP_URL", url);
    stuck.write("autorisen.yaml", &settings(4));
    let mut worker_one = worker(&stuck).await;
    server.somebody().sign_up("ada@acme.test", "Acme").await;
    let met = timeout(Duration::from_secs(20), mail_server.accept()).await.expect("the worker has the letter in hand").expect("a peer");
    worker_one.kill().await;
    drop(met);

    let hands = Place::beside(&place);
    hands.write("autorisen.yaml", &settings(4));
    let mut worker_two = worker(&hands).await;
    server.somebody().letter_to("ada@acme.test").await;
    worker_two.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn what_a_stopped_worker_had_in_hand_is_handed_back() {
    let Some(place) = postgres().await else { return };
    place.write("autorisen.yaml", &settings(0));
    let mut server = place.serve().await;
    let (mail_server, url) = silent().await;
    let stuck = Place::beside(&place).var("SMTP_URL", url);
    stuck.write("autorisen.yaml", &settings(4).replace("lease_s: 3", "lease_s: 600"));
    let mut worker_one = worker(&stuck).await;
    server.somebody().sign_up("ada@acme.test", "Acme").await;
    let met = timeout(Duration::from_secs(20), mail_server.accept()).await.expect("the worker has the letter in hand").expect("a peer");
    worker_one.stop().await;
    drop(met);

    // A lease of ten minutes was handed back, so nobody waits for it.
    let hands = Place::beside(&place);
    let mut worker_two = worker(&hands).await;
    server.somebody().letter_to("ada@acme.test").await;
    worker_two.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_worker_that_wakes_up_after_its_lease_writes_nothing_over() {
    let Some(place) = postgres().await else { return };
    place.write("autorisen.yaml", &settings(0));
    let mut server = place.serve().await;
    let (mail_server, url) = silent().await;
    let stuck = Place::beside(&place).var("SMTP_URL", url);
    stuck.write("autorisen.yaml", &settings(4));
    let mut worker_one = worker(&stuck).await;
    server.somebody().sign_up("ada@acme.test", "Acme").await;
    let met = timeout(Duration::from_secs(20), mail_server.accept()).await.expect("the worker has the letter in hand").expect("a peer");
    worker_one.signal("STOP").await;

    let hands = Place::beside(&place);
    hands.write("autorisen.yaml", &settings(4));
    let mut worker_two = worker(&hands).await;
    server.somebody().letter_to("ada@acme.test").await;
    drop(met);
    worker_one.signal("CONT").await;
    // Its attempt has failed by now; it is not tried again by anybody.
    let log = worker_one.stop().await;
    assert!(log.iter().all(|line| line["level"] != "error"), "{log:#?}");
    let letters = server.somebody().get("/dev/mail/messages?to=ada@acme.test").await.expect(200);
    assert_eq!(letters.as_array().map(Vec::len), Some(1), "{letters}");
    worker_two.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_worker_knows_where_its_server_is_reached() {
    let Some(place) = postgres().await else { return };
    let hands = Place::beside(&place);
    let mut early = worker(&hands).await;
    assert_eq!(early.count("worker.public_url_unknown"), 1, "nobody has served here yet: {:?}", early.log());
    early.stop().await;
    let mut server = Server::start(place.command(&["serve", "--port", "0"]), "").ready().await;
    let base = server.base.clone();
    assert!(!base.ends_with(":0"), "{base}");
    server.says(&format!("{base}/signup")).await;
    let mut worker = worker(&hands).await;
    assert_eq!(worker.count("worker.public_url_unknown"), 0, "{:?}", worker.log());
    let told = worker.log().into_iter().find(|line| line["event"] == "worker.ready").expect("it is ready");
    assert_eq!(told["public_url"].as_str(), Some(base.as_str()));
    worker.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_worker_in_production_has_to_be_told_its_public_address() {
    let place = Place::untouched().var("AUTORISEN_ENV", "production").var("AUTORISEN_MASTER_KEY", KEY);
    place.write("autorisen.yaml", "identity:\n  registration: closed\n");
    place.run(&["worker"]).await.with(5).complains(&["server.public_url", "links in mails"]);
}

#[tokio::test]
async fn a_worker_beside_an_embedded_database_says_why_not() {
    let place = Place::sqlite();
    place.run(&["worker"]).await.with(1).complains(&["embedded database", "hint: ", "autorisen serve", "DATABASE_URL"]);
}
