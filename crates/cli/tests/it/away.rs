//! The database goes away under a running server and comes back.

use std::time::Duration;

use testkit::{PASSWORD, json};
use tokio::time::Instant;

use crate::postgres::Postgres;
use crate::somebody::until;
use crate::{Place, Server, Somebody};

/// A caller gets a refusal within this time while the database is away.
const REFUSED_MAX: Duration = Duration::from_secs(2);
/// The whole service is back this long after the database.
const HEALED_MAX: Duration = Duration::from_secs(5);

/// A server, somebody who is signed in, and the database under both.
async fn stage() -> Option<(Postgres, Place, Server, Somebody)> {
    let database = Postgres::start().await?;
    let place = Place::sqlite().var("DATABASE_URL", database.url());
    let server = place.serve().await;
    let ada = server.somebody().sign_up("ada@acme.test", "Acme").await;
    server.somebody().letter_to("ada@acme.test").await;
    assert_eq!(ada.get("/v1/customers").await.status, 200);
    Some((database, place, server, ada))
}

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
