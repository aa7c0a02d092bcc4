//! The promises for a Valkey that goes away under a running program: frozen, killed, flushed, slow.

use std::time::{Duration, Instant};

use testkit::{Client, PASSWORD, TestApp, ThrowawayValkey, json};

use crate::configured;

/// What a request may lose to a Valkey that hangs.
const LOST_MAX: Duration = Duration::from_millis(100);
/// What the same requests take on a machine that builds and tests beside.
const SLACK: Duration = Duration::from_millis(400);
/// A server that came back is taken up within this time.
const HEALED_MAX: Duration = Duration::from_secs(5);

/// A program whose counts are in this Valkey.
async fn app_on(url: &str, more: &[(&str, &str)]) -> TestApp {
    let app = configured(&[&[("valkey.url", url)], more].concat()).await;
    health(&app, 200).await;
    app
}

/// Waits until the health of Valkey is told with this status.
async fn health(app: &TestApp, status: u16) {
    let begin = Instant::now();
    while app.nobody().get("/health/valkey").await.status != status {
        assert!(begin.elapsed() < HEALED_MAX, "Valkey's health is not {status}");
        // Each look is a request of its own, so the server has its turn.
        tokio::task::yield_now().await;
    }
    let ready = app.nobody().get("/readyz").await;
    assert_eq!(ready.status, 200, "what we can do without stops no requests: {}", ready.text);
}

/// Demands that nobody waits, and that everything is as it was.
async fn is_unharmed(alice: &Client) {
    for _ in 0..20 {
        let asked = Instant::now();
        let answer = alice.get("/v1/org/members").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(asked.elapsed() < LOST_MAX + SLACK, "a request waited {:?}", asked.elapsed());
    }
}

/// Demands that the sixth wrong password is one too many.
async fn guesses_are_counted(app: &TestApp, email: &str, before: usize) {
    let shown = |password: &str| json!({"email": email, "password": password});
    for _ in before..5 {
        app.nobody().post("/v1/auth/login", shown("wrong password indeed")).await.refused(401, "credentials_wrong");
    }
    app.nobody().post("/v1/auth/login", shown(PASSWORD)).await.refused(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_one_count() {
    let Some(valkey) = ThrowawayValkey::start() else { return };
    let limit = [("limits.request.per_network.limit", "3")];
    let (one, two) = (app_on(&valkey.url(), &limit).await, app_on(&valkey.url(), &limit).await);
    for app in [&one, &two, &one] {
        app.nobody().get("/v1/org/members").await.refused(401, "not_authenticated");
    }
    let refused = two.nobody().get("/v1/org/members").await;
    refused.refused(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "60");
    for app in [&one, &two] {
        app.core.clock.advance(chrono::Duration::seconds(60));
    }
    two.nobody().get("/v1/org/members").await.refused(401, "not_authenticated");
    one.finish().await;
    two.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_with_other_prefixes_share_nothing() {
    let Some(valkey) = ThrowawayValkey::start() else { return };
    let app = async |prefix| app_on(&valkey.url(), &[("limits.request.per_network.limit", "1"), ("valkey.prefix", prefix)]).await;
    let (one, two) = (app("one").await, app("two").await);
    one.nobody().get("/v1/org/members").await.refused(401, "not_authenticated");
    two.nobody().get("/v1/org/members").await.refused(401, "not_authenticated");
    one.finish().await;
    two.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_frozen_nobody_waits_and_guesses_are_still_counted() {
    let Some(mut valkey) = ThrowawayValkey::start() else { return };
    let app = app_on(&valkey.url(), &[]).await;
    let alice = app.alice().await;
    valkey.freeze();
    is_unharmed(&alice).await;
    health(&app, 503).await;
    guesses_are_counted(&app, "mallory@globex.test", 0).await;
    app.sign_up("carol@x.test", "Carol", "Carols").await;
    valkey.thaw();
    health(&app, 200).await;
    is_unharmed(&alice).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_away_each_process_holds_the_flow_by_itself() {
    let Some(mut valkey) = ThrowawayValkey::start() else { return };
    let app = app_on(&valkey.url(), &[("limits.request.per_network.limit", "3")]).await;
    let asked = async || app.nobody().get("/v1/org/members").await.status;
    assert_eq!(asked().await, 401);
    valkey.kill();
    assert_eq!([asked().await, asked().await, asked().await, asked().await], [401, 401, 401, 429], "a count of its own from the kill on");
    valkey.start_again();
    health(&app, 200).await;
    assert_eq!(asked().await, 401, "what was killed forgot its counts: more get through, nobody fewer");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_frees_no_guesser_and_signs_nobody_out() {
    let Some(valkey) = ThrowawayValkey::start() else { return };
    let app = app_on(&valkey.url(), &[]).await;
    let alice = app.alice().await;
    for _ in 0..3 {
        let wrong = json!({"email": "alice@acme.test", "password": "wrong password indeed"});
        app.nobody().post("/v1/auth/login", wrong).await.refused(401, "credentials_wrong");
    }
    valkey.flush().await;
    guesses_are_counted(&app, "alice@acme.test", 3).await;
    is_unharmed(&alice).await;
    health(&app, 200).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_works_once_works_once_whatever_becomes_of_it() {
    let Some(mut valkey) = ThrowawayValkey::start() else { return };
    let app = app_on(&valkey.url(), &[]).await;
    let alice = app.alice().await;
    let spent = json!({"refresh_token": alice.profile["refresh_token"]});
    let fresh = app.nobody().post("/v1/auth/refresh", spent.clone()).await.ok();
    let invite = json!({"email": "carol@x.test", "role": "user"});
    let first = alice.post_once("/v1/org/invitations", "once", invite.clone()).await;
    let token = json!({"token": app.token_to("carol@x.test").await});
    let carol = app.sign_up("carol@x.test", "Carol", "Carols").await;
    carol.post("/v1/invitations/accept", token.clone()).await.ok();
    valkey.flush().await;
    valkey.kill();
    carol.post("/v1/invitations/accept", token).await.refused(409, "invitation_already_accepted");
    assert_eq!(alice.post_once("/v1/org/invitations", "once", invite).await.body, first.body, "the kept answer is in the database");
    assert_eq!(app.nobody().post("/v1/auth/refresh", spent).await.status, 401, "a rotated token stays dead");
    assert_eq!(app.holding(&fresh).get("/v1/auth/me").await.status, 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_one_costs_nobody_more_than_the_promised_wait() {
    let Some(valkey) = ThrowawayValkey::start() else { return };
    let line = valkey.slowly().await;
    let app = app_on(&line.url(), &[]).await;
    let alice = app.alice().await;
    for delay_ms in [30, 300, 3000] {
        line.delay(Duration::from_millis(delay_ms));
        is_unharmed(&alice).await;
    }
    line.delay(Duration::ZERO);
    health(&app, 200).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_refuses_writes_is_as_good_as_away() {
    let Some(valkey) = ThrowawayValkey::start() else { return };
    let app = app_on(&valkey.url(), &[]).await;
    let alice = app.alice().await;
    assert_eq!(valkey.say("CONFIG SET maxmemory 1").await, "+OK");
    is_unharmed(&alice).await;
    health(&app, 503).await;
    assert_eq!(valkey.say("CONFIG SET maxmemory 0").await, "+OK");
    health(&app, 200).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_not_there_at_the_start_is_no_reason_not_to_start() {
    let Some(mut valkey) = ThrowawayValkey::start() else { return };
    valkey.kill();
    let app = configured(&[("valkey.url", &valkey.url())]).await;
    health(&app, 503).await;
    is_unharmed(&app.alice().await).await;
    valkey.start_again();
    health(&app, 200).await;
    app.finish().await;
}

#[test]
fn a_setting_that_is_none_is_refused_at_the_boot() {
    for (key, value) in [("valkey.url", "http://cache"), ("valkey.prefix", "a b"), ("valkey.timeout_ms", "0")] {
        let sources = host::Sources::empty().set(key, value).var("REDIS_URL", "redis://localhost");
        let error = host::Boot::new("autorisen", crate::modules()).sources(sources).prepare().err().unwrap();
        assert!(error.to_string().contains(&format!("{key}: expected")), "{error}");
    }
}
