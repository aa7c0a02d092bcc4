//! Exactly one winner: fifty at the same moment, twenty times, for each thing that is good for one use.
//! On PostgreSQL two replicas on one database take turns.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{TestEngine, Value};

const AT_ONCE: usize = 50;
const ROUNDS: usize = 20;
/// Limits that are not what is tested here.
const UNLIMITED: [(&str, &str); 5] = [
    ("limits.invited.per_account.limit", "1000000"),
    ("limits.invited.per_organization.limit", "1000000"),
    ("limits.accept.per_account.limit", "1000000"),
    ("limits.reset.per_network.limit", "1000000"),
    ("limits.resend.per_network.limit", "1000000"),
];

/// The replicas of one application, asked in turn.
struct Replicas<'a> {
    apps: Vec<&'a TestApp>,
    asked: AtomicUsize,
}

impl Replicas<'_> {
    fn next(&self) -> &TestApp {
        self.apps[self.asked.fetch_add(1, Ordering::SeqCst) % self.apps.len()]
    }

    /// Sends the same request so many times at once; the answers that let through.
    async fn at_once(&self, client: &Client, path: &str, body: &Value) -> Vec<Answer> {
        let answers = (0..AT_ONCE).map(|_| {
            let mut asking = self.next().nobody();
            asking.token.clone_from(&client.token);
            let body = body.clone();
            async move { asking.post(path, body).await }
        });
        let answers = futures::future::join_all(answers).await;
        // Whoever waited too long for their turn is told to come back, and has spent nothing.
        let broken = answers.iter().find(|answer| answer.status >= 500 && answer.status != 503);
        assert!(broken.is_none(), "{broken:?}");
        answers.into_iter().filter(|answer| answer.status < 300).collect()
    }
}

/// On each engine, with a second replica where the engine serves more than one.
async fn with_replicas(settings: &[(&str, &str)], story: impl AsyncFn(&TestApp, &Replicas<'_>)) {
    let settings: Vec<_> = UNLIMITED.iter().chain(settings).copied().collect();
    with_settings(&settings, async |app| {
        let other = match app.engine {
            TestEngine::Postgres => Some(app.replica(modules(), &settings).await),
            TestEngine::Sqlite => None,
        };
        let apps = [Some(app), other.as_ref()].into_iter().flatten().collect();
        story(app, &Replicas { apps, asked: AtomicUsize::new(0) }).await;
        app.expect_mail();
        if let Some(other) = other {
            other.finish().await;
        }
    })
    .await;
}

fn registering(round: usize) -> (String, Value) {
    let email = format!("nina{round}@x.test");
    let body = json!({"email": email, "password": OTHER_PASSWORD, "full_name": "Nina New", "org_name": "Initech"});
    (email, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_use_a_verification_link_at_once_one_does_twenty_times() {
    with_replicas(&[], async |app, replicas| {
        for round in 0..ROUNDS {
            let (email, body) = registering(round);
            app.nobody().post("/v1/auth/register", body).await.expect(201);
            let token = app.token_for(&email, "/verify").await;
            let winners = replicas.at_once(&app.nobody(), "/v1/auth/verify-email", &json!({"token": token})).await;
            assert_eq!(winners.len(), 1, "round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_finish_a_registration_at_once_one_does_twenty_times() {
    with_replicas(&[("identity.registration_mode", "mail_first")], async |app, replicas| {
        for round in 0..ROUNDS {
            let (email, body) = registering(round);
            app.nobody().post("/v1/auth/register", body).await.expect(202);
            let token = app.token_for(&email, "/verify").await;
            let winners =
                replicas.at_once(&app.nobody(), "/v1/auth/verify-email", &json!({"token": token, "password": OTHER_PASSWORD})).await;
            assert_eq!(winners.len(), 1, "round {round}");
        }
        assert_eq!(identity::accounts::list(&app.core).await.unwrap().len(), ROUNDS);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_reset_a_password_at_once_one_does_twenty_times() {
    with_replicas(&[], async |app, replicas| {
        newcomer(app, "nina@x.test").await;
        for round in 0..ROUNDS {
            // A window of its own, so that the limit of one address is not what is met.
            app.core.clock.advance(chrono::Duration::minutes(15));
            app.nobody().post("/v1/auth/password/forgot", json!({"email": "nina@x.test"})).await.ok();
            let token = app.token_for("nina@x.test", "/reset").await;
            let body = json!({"token": token, "password": format!("seven kettles under harbour {round}")});
            let winners = replicas.at_once(&app.nobody(), "/v1/auth/password/reset", &body).await;
            assert_eq!(winners.len(), 1, "round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_accept_an_invitation_at_once_one_does_twenty_times() {
    with_replicas(&[], async |app, replicas| {
        let carol = app.sign_up("carol@x.test", "Carol", "Carols").await;
        for round in 0..ROUNDS {
            let alice = app.alice().await;
            app.core.clock.advance(chrono::Duration::seconds(1));
            alice.post("/v1/org/invitations", json!({"email": "carol@x.test", "role": "user"})).await.expect(201);
            let token = app.token_for("carol@x.test", "/invitations/accept").await;
            let winners = replicas.at_once(&carol, "/v1/invitations/accept", &json!({"token": token})).await;
            assert_eq!(winners.len(), 1, "round {round}");
            let member = winners[0].body["data"]["member_id"].as_str().unwrap().to_owned();
            alice.delete(&format!("/v1/org/members/{member}")).await.expect(204);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_newcomers_with_one_invitation_one_gets_an_account() {
    with_replicas(&[], async |app, replicas| {
        app.alice().await.post("/v1/org/invitations", json!({"email": "nina@x.test", "role": "user"})).await.expect(201);
        let token = app.token_for("nina@x.test", "/invitations/accept").await;
        let body = json!({"token": token, "password": OTHER_PASSWORD, "full_name": "Nina"});
        assert_eq!(replicas.at_once(&app.nobody(), "/v1/auth/register/invited", &body).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_refreshes_at_once_one_wins_and_its_family_lives_twenty_times() {
    with_replicas(&[], async |app, replicas| {
        let mut held = newcomer(app, "nina@x.test").await.profile;
        for round in 0..ROUNDS {
            let body = json!({"refresh_token": held["refresh_token"]});
            let winners = replicas.at_once(&app.nobody(), "/v1/auth/refresh", &body).await;
            assert_eq!(winners.len(), 1, "round {round}");
            held = winners[0].body["data"].clone();
            app.holding(&held).get("/v1/auth/me").await.ok();
        }
        let sessions = app.holding(&held).get("/v1/auth/sessions").await.ok();
        assert_eq!(sessions.as_array().map(Vec::len), Some(1), "one family");
    })
    .await;
}
