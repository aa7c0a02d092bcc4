//! The database goes away under a running server and comes back.

use std::time::Duration;

use testkit::{PASSWORD, StoppablePostgres, json};
use tokio::time::Instant;

use crate::somebody::until;
use crate::{Place, Server, Somebody};

/// A caller gets a refusal within this time while the database is away.
const REFUSED_MAX: Duration = Duration::from_secs(2);
/// The whole service is back this long after the database.
const HEALED_MAX: Duration = Duration::from_secs(5);

/// A server, somebody who is signed in, and the database under both.
async fn stage() -> Option<(StoppablePostgres, Place, Server, Somebody)> {
    let database = StoppablePostgres::start().await?;
    let place = Place::sqlite().var("DATABASE_URL", database.url());
    let server = place.serve().await;
    let ada = server.somebody().sign_up("ada@acme.test", "Acme").await;
    server.somebody().letter_to("ada@acme.test").await;
    assert_eq!(ada.get("/v1/customers").await.status, 200);
    Some((database, place, server, ada))
}

/// The recovery of payments goes on this long after the database is back.
const RESUMED_MAX: Duration = Duration::from_secs(10);

/// Demands that what needs the database is refused in time and says when to come again.
async fn is_away(server: &Server, ada: &Somebody) {
    let nobody = server.somebody();
    for round in 0..3 {
        for path in ["/v1/customers", "/v1/cases", "/v1/auth/me", "/readyz"] {
            let asked = Instant::now();
            let refused = ada.get(path).await;
            let took = asked.elapsed();
            assert_eq!(refused.status, 503, "{path}, round {round}: {}", refused.text);
            assert!(refused.headers.contains_key("retry-after"), "{path} does not say when to come again");
            assert!(took <= REFUSED_MAX, "{path} took {took:?}");
        }
        let shown = json!({"email": "ada@acme.test", "password": PASSWORD});
        let asked = Instant::now();
        let refused = nobody.post("/v1/auth/login", shown).await;
        refused.refused(503, "dependency_unavailable");
        assert!(asked.elapsed() <= REFUSED_MAX, "signing in took {:?}", asked.elapsed());
        assert_eq!(nobody.get("/livez").await.status, 200, "the process is alive, so that nobody restarts it in vain");
    }
}

/// Demands that everything works again, durable work too.
async fn is_back(server: &mut Server, ada: &Somebody) {
    let nobody = server.somebody();
    for path in ["/readyz", "/v1/customers", "/v1/cases", "/v1/auth/me"] {
        let healed = until(HEALED_MAX, async || (ada.get(path).await.status == 200).then_some(())).await;
        assert!(healed.is_some(), "{path} is not back {HEALED_MAX:?} after the database");
    }
    let forgot = nobody.post("/v1/auth/password/forgot", json!({"email": "ada@acme.test"})).await;
    assert!((200..300).contains(&forgot.status), "{}", forgot.text);
    let path = "/dev/mail/messages?to=ada@acme.test";
    let arrived = async || (nobody.get(path).await.ok().as_array().map_or(0, Vec::len) >= 2).then_some(());
    assert!(until(HEALED_MAX, arrived).await.is_some(), "durable work is not taken up again");
    assert!(server.runs());
}

#[tokio::test]
async fn a_stopped_database_is_answered_with_503_and_heals() {
    let Some((mut database, _place, mut server, ada)) = stage().await else { return };
    database.order("stop").await;
    is_away(&server, &ada).await;
    database.order("start").await;
    is_back(&mut server, &ada).await;
    server.stop().await;
}

#[tokio::test]
async fn a_database_that_hangs_is_answered_with_503_and_heals() {
    let Some((mut database, _place, mut server, ada)) = stage().await else { return };
    database.order("freeze").await;
    is_away(&server, &ada).await;
    database.order("thaw").await;
    is_back(&mut server, &ada).await;
    server.stop().await;
}

#[tokio::test]
async fn refreshing_while_the_database_is_away_signs_nobody_out() {
    let Some((mut database, _place, mut server, ada)) = stage().await else { return };
    let shown = json!({"email": "ada@acme.test", "password": PASSWORD});
    let tokens = server.somebody().post("/v1/auth/login", shown).await.expect(200);
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    database.order("stop").await;
    let asked = Instant::now();
    let refused = server.somebody().post("/v1/auth/refresh", refresh.clone()).await;
    refused.refused(503, "dependency_unavailable");
    assert!(refused.headers.contains_key("retry-after") && asked.elapsed() <= REFUSED_MAX, "{:?}", asked.elapsed());
    assert_eq!(ada.get("/customers").await.status, 503, "a page takes nobody for a stranger either");
    database.order("start").await;
    is_back(&mut server, &ada).await;
    let fresh = server.somebody().post("/v1/auth/refresh", refresh).await.expect(200);
    let same = server.somebody().holding(fresh["access_token"].as_str().expect("a token"));
    assert_eq!(same.get("/v1/auth/me").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn recovery_goes_on_within_ten_seconds() {
    let Some((mut database, _place, mut server, ada)) = stage().await else { return };
    let report = |number: u32| {
        json!({
            "event_id": format!("evt_{number}"), "transaction_ref": format!("order-{number}"), "amount": 4900, "currency": "EUR",
            "gateway": "sandbox", "failure_code": "expired_card", "occurred_at": "2026-03-02T08:59:00Z",
            "customer": {"email": format!("payer{number}@shop.test")},
        })
    };
    let path = "/v1/events/payment_failed";
    ada.post("/v1/payment-connections", json!({"provider": "sandbox"})).await;
    let before = ada.post(path, report(1)).await.expect(201);
    database.order("stop").await;
    assert_eq!(ada.post(path, report(2)).await.status, 503, "the caller sends it again");
    database.order("start").await;
    let taken = async || (ada.post(path, report(2)).await.status == 201).then_some(());
    assert!(until(RESUMED_MAX, taken).await.is_some(), "no case opens {RESUMED_MAX:?} after the database");
    let again = ada.post(path, report(1)).await.expect(200);
    assert_eq!(again["case_id"], before["case_id"]);
    is_back(&mut server, &ada).await;
    server.stop().await;
}

#[tokio::test]
async fn while_mail_is_away_every_address_is_answered_alike() {
    let place = Place::sqlite().var("SMTP_URL", "smtp://127.0.0.1:1");
    let mut server = place.serve().await;
    let nobody = server.somebody();
    nobody.sign_up("ada@acme.test", "Acme").await;
    let mut answers = vec![];
    for email in ["ada@acme.test", "nobody@acme.test"] {
        let asked = Instant::now();
        let answer = nobody.post("/v1/auth/password/forgot", json!({"email": email})).await;
        assert!(asked.elapsed() <= REFUSED_MAX, "{email} waited {:?}", asked.elapsed());
        answers.push((answer.status, answer.body["data"].clone()));
    }
    assert!(answers[0] == answers[1] && answers[0].0 < 300, "{answers:?}");
    let shown = json!({"email": "ada@acme.test", "password": PASSWORD});
    assert_eq!(nobody.post("/v1/auth/login", shown).await.status, 200, "who is known needs no mail");
    server.stop().await;
}

#[tokio::test]
async fn a_restart_of_the_database_between_two_requests_is_not_noticed() {
    let Some((mut database, _place, mut server, ada)) = stage().await else { return };
    database.order("stop").await;
    database.order("start").await;
    for _ in 0..20 {
        let answer = ada.get("/v1/customers").await;
        assert_eq!(answer.status, 200, "a connection that died in the pool is told to the caller: {}", answer.text);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_while_the_database_is_away_stops() {
    let Some((mut database, _place, mut server, _ada)) = stage().await else { return };
    database.order("stop").await;
    server.signal("TERM").await;
    assert_eq!(server.ended().await, Some(0), "{}", server.talk());
    database.order("start").await;
}
