//! Several processes that share a Valkey: what one of them ends, ends for all, and what one of them
//! starts, another one takes up, both without waiting.

use std::time::Duration;

use testkit::{TestEngine, ThrowawayValkey, json};
use tokio::time::Instant;

use crate::somebody::until;
use crate::{Place, Server};

/// Processes on one database share one master key.
const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";
/// "At once", on a machine that builds and tests beside.
const AT_ONCE: Duration = Duration::from_secs(2);
/// What is promised where no news can be told, and time to ask.
const WITHOUT_NEWS_MAX: Duration = Duration::from_secs(6);
/// A worker that found nothing to do for so long looks only every five seconds.
const DROWSY_AFTER: Duration = Duration::from_millis(5_500);

/// Two places on one database and one Valkey, where both are found.
async fn places() -> Option<(ThrowawayValkey, Place, Place)> {
    let valkey = testkit::available(TestEngine::Postgres).then(ThrowawayValkey::start)??;
    let place = Place::on(TestEngine::Postgres).await.var("AUTORISEN_MASTER_KEY", KEY).var("VALKEY_URL", valkey.url());
    let other = Place::beside(&place);
    Some((valkey, place, other))
}

/// Waits until the server says how Valkey is, with this status.
async fn health(server: &Server, status: u16) {
    let told = async || (server.somebody().get("/health/valkey").await.status == status).then_some(());
    assert!(until(Duration::from_secs(10), told).await.is_some(), "Valkey's health is not {status}");
    assert_eq!(server.somebody().get("/readyz").await.status, 200);
}

/// How long a session that ends on one server is still believed by the other, which knows it well.
async fn believed(one: &Server, two: &Server, email: &str) -> Duration {
    let here = one.somebody().sign_up(email, email).await;
    let there = here.toward(&two.base);
    assert_eq!(there.get("/v1/auth/me").await.status, 200);
    let ended = Instant::now();
    here.post("/v1/auth/logout", json!({})).await.ok();
    let gone = until(WITHOUT_NEWS_MAX, async || (there.get("/v1/auth/me").await.status == 401).then_some(())).await;
    assert!(gone.is_some(), "it is still believed after {WITHOUT_NEWS_MAX:?}");
    ended.elapsed()
}

#[tokio::test]
async fn a_session_that_ends_here_ends_there_at_once_and_within_five_seconds_without_valkey() {
    let Some((mut valkey, place, other)) = places().await else { return };
    let (mut one, mut two) = tokio::join!(place.serve(), other.serve());
    health(&one, 200).await;
    health(&two, 200).await;
    let took = believed(&one, &two, "ada@acme.test").await;
    assert!(took < AT_ONCE, "it was believed for {took:?}");
    valkey.freeze();
    believed(&one, &two, "bea@acme.test").await;
    valkey.kill();
    believed(&one, &two, "cem@acme.test").await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_drowsy_worker_is_woken_by_what_a_server_took_in() {
    let Some((_valkey, place, hands)) = places().await else { return };
    place.write("autorisen.yaml", "flows:\n  concurrency: 0\n");
    hands.write("autorisen.yaml", "flows:\n  poll_max_ms: 60000\n");
    let mut server = place.serve().await;
    let mut worker = Server::start(hands.command(&["worker"]), "");
    worker.saw("worker.ready").await;
    worker.saw("store.valkey_here").await;
    until(DROWSY_AFTER, async || None::<()>).await;
    server.somebody().sign_up("ada@acme.test", "Acme").await;
    let asked = Instant::now();
    server.somebody().letter_to("ada@acme.test").await;
    assert!(asked.elapsed() < AT_ONCE, "the letter took {:?}", asked.elapsed());
    worker.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn cases_open_and_are_told_once_while_valkey_comes_and_goes() {
    let Some((mut valkey, place, other)) = places().await else { return };
    let (mut one, mut two) = tokio::join!(place.serve(), other.serve());
    health(&one, 200).await;
    let ada = one.somebody().sign_up("ada@acme.test", "Acme").await;
    let twin = ada.toward(&two.base);
    for number in 0..4 {
        match number {
            1 => valkey.freeze(),
            2 => valkey.kill(),
            3 => valkey.start_again(),
            _ => (),
        }
        let body = json!({
            "event_id": format!("evt_{number}"), "transaction_ref": format!("order-{number}"), "amount": 4900, "currency": "EUR",
            "gateway": "sandbox", "failure_code": "insufficient_funds", "occurred_at": "2026-03-02T08:59:00Z", "customer": {},
        });
        let first = ada.post("/v1/events/payment_failed", body.clone()).await.expect(201);
        let again = twin.post("/v1/events/payment_failed", body).await.expect(200);
        assert_eq!((&first["case_id"], again["duplicate"].as_bool()), (&again["case_id"], Some(true)), "round {number}");
    }
    one.stop().await;
    two.stop().await;
}
