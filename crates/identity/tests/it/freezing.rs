//! Frozen accounts.

use super::*;
use identity::accounts;
use kernel::{Failed, Failure};
use tenancy::invitations::{self, NewInvitation, Sender};

async fn freeze(app: &TestApp, email: &str, frozen: bool) -> bool {
    accounts::freeze(&app.core, &email.parse().unwrap(), frozen).await.unwrap()
}

/// The id and the version of a membership.
async fn member_of(who: &Client, email: &str) -> (kernel::MemberId, i32) {
    let members = who.get("/v1/org/members").await.ok();
    let member = members.as_array().unwrap().iter().find(|member| member["email"] == email).unwrap().clone();
    (member["id"].as_str().unwrap().parse().unwrap(), member["version"].as_i64().unwrap().try_into().unwrap())
}

/// A transaction as a request of alice's begins it; on PostgreSQL others go on beside it.
async fn begun_by(app: &TestApp, alice: &Client) -> store::Tx {
    let account = alice.profile["user"]["id"].as_str().unwrap().parse().unwrap();
    let org = alice.profile["organization"]["id"].as_str().unwrap().parse().unwrap();
    let who = store::Who { actor: kernel::Actor::Account(account), request: None, address: None };
    let pin = store::Pin { org, who, rights: Some(member_of(alice, "alice@acme.test").await) };
    app.core.store.begin(pin, store::Mode::Write).await.unwrap()
}

/// Invites nils as an admin within a transaction.
async fn invites(app: &TestApp, tx: &mut store::Tx, alice: &Client) -> Result<(), Failure> {
    let new = NewInvitation { email: "nils@initech.test".parse().unwrap(), role: tenancy::Role::Admin };
    let sender = Sender { person: "Alice".into(), organization: "Acme".into(), public_url: app.base.clone() };
    let by = alice.profile["user"]["id"].as_str().unwrap().parse().unwrap();
    invitations::invite(tx, new, by, &sender).await.map(drop).map_err(Failed::into_failure)
}

/// On SQLite one writes at a time, and nothing comes between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_under_way_slips_past_no_freeze() {
    for engine in testkit::engines().filter(|engine| *engine == testkit::TestEngine::Postgres) {
        let app = TestApp::start(engine, modules()).await;
        let alice = app.alice().await;
        // The freeze waits for what has begun, and finds it.
        let mut tx = begun_by(&app, &alice).await;
        invites(&app, &mut tx, &alice).await.unwrap();
        let (frozen, kept) = tokio::join!(freeze(&app, "alice@acme.test", true), tx.commit());
        assert!(frozen && kept.is_ok());
        let joining = json!({"token": app.token_to("nils@initech.test").await, "password": OTHER_PASSWORD, "full_name": "Nils"});
        app.nobody().post("/v1/auth/register/invited", joining).await.refused(404, "invitation_not_found");
        // What begins its work after the freeze finds that its rights are gone.
        freeze(&app, "alice@acme.test", false).await;
        let alice = app.sign_in("alice@acme.test").await.unwrap();
        let mut tx = begun_by(&app, &alice).await;
        freeze(&app, "alice@acme.test", true).await;
        assert_eq!(invites(&app, &mut tx, &alice).await.unwrap_err().status, 401);
        drop(tx);
        app.finish().await;
    }
}

testkit::stories! {
    async fn frozen_every_way_in_is_shut(app: TestApp) {
        let alice = app.alice().await;
        let clerk = app.clerk(&["members:read"]).await;
        clerk.get("/v1/org/members").await.ok();
        assert!(freeze(app, "alice@acme.test", true).await);
        alice.get("/v1/org/members").await.refused(401, "not_authenticated");
        clerk.get("/v1/org/members").await.refused(401, "not_authenticated");
        let refresh = json!({"refresh_token": alice.profile["refresh_token"]});
        app.nobody().post("/v1/auth/refresh", refresh).await.refused(401, "refresh_token_refused");
        assert!(app.sign_in("alice@acme.test").await.is_none());
        app.nobody().post("/v1/auth/password/forgot", json!({"email": "alice@acme.test"})).await.ok();
        let mails = app.mails_to("alice@acme.test").await;
        assert!(!mails[0]["subject"].as_str().unwrap().contains("new password"), "{mails:?}");
    }

    async fn what_a_frozen_account_has_invited_opens_to_nobody_until_it_is_let_in(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let alice = app.alice().await;
        alice.post("/v1/org/invitations", json!({"email": "nina@initech.test", "role": "admin"})).await.expect(201);
        app.core.clock.advance(chrono::Duration::seconds(1));
        alice.post("/v1/org/invitations", json!({"email": "nils@initech.test", "role": "admin"})).await.expect(201);
        let (hers, his) = (app.token_to("nina@initech.test").await, app.token_to("nils@initech.test").await);
        freeze(app, "alice@acme.test", true).await;
        nina.post("/v1/invitations/accept", json!({"token": hers})).await.refused(404, "invitation_not_found");
        let joining = json!({"token": his, "password": OTHER_PASSWORD, "full_name": "Nils"});
        app.nobody().post("/v1/auth/register/invited", joining.clone()).await.refused(404, "invitation_not_found");
        assert_eq!(app.nobody().get(&format!("/invitations/accept?token={his}")).await.status, 404);
        freeze(app, "alice@acme.test", false).await;
        nina.post("/v1/invitations/accept", json!({"token": hers})).await.ok();
        app.nobody().post("/v1/auth/register/invited", joining).await.expect(201);
    }

    async fn what_is_frozen_says_so_and_makes_room_for_another_invitation(app: TestApp) {
        let (alice, bob) = (app.alice().await, app.bob().await);
        let member = member_of(&alice, "bob@acme.test").await;
        alice.patch(&format!("/v1/org/members/{}", member.0), json!({"role": "admin"})).await.ok();
        let new = json!({"email": "nils@initech.test", "role": "user"});
        alice.post("/v1/org/invitations", new.clone()).await.expect(201);
        let old = app.token_to("nils@initech.test").await;
        freeze(app, "alice@acme.test", true).await;
        assert_eq!(bob.get("/v1/org/invitations").await.ok()[0]["state"], "frozen");
        app.core.clock.advance(chrono::Duration::seconds(1));
        bob.post("/v1/org/invitations", new.clone()).await.expect(201);
        bob.post("/v1/org/invitations", new).await.refused(409, "invitation_already_pending");
        freeze(app, "alice@acme.test", false).await;
        let states = bob.get("/v1/org/invitations").await.ok();
        assert_eq!((&states[0]["state"], &states[1]["state"]), (&json!("pending"), &json!("revoked")));
        let join = |token: &str| json!({"token": token, "password": OTHER_PASSWORD, "full_name": "Nils"});
        app.nobody().post("/v1/auth/register/invited", join(&old)).await.refused(404, "invitation_not_found");
        let fresh = app.token_to("nils@initech.test").await;
        app.nobody().post("/v1/auth/register/invited", join(&fresh)).await.expect(201);
    }

    async fn a_frozen_account_looks_like_a_wrong_password(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        freeze(app, "nina@initech.test", true).await;
        login(app, "nina@initech.test", OTHER_PASSWORD).await.refused(401, "credentials_wrong");
        freeze(app, "nina@initech.test", false).await;
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
    }

    async fn an_operator_ends_every_session_of_an_account(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        nina.get("/v1/auth/me").await.ok();
        assert!(accounts::sign_out(&app.core, &"nina@initech.test".parse().unwrap()).await.unwrap());
        assert!(!accounts::sign_out(&app.core, &"nobody@initech.test".parse().unwrap()).await.unwrap());
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        let refresh = json!({"refresh_token": nina.profile["refresh_token"]});
        app.nobody().post("/v1/auth/refresh", refresh).await.refused(401, "refresh_token_refused");
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
    }

    async fn an_operator_lists_and_adds_accounts(app: TestApp) {
        let new = accounts::NewAccount {
            email: "otto@initech.test".parse().unwrap(),
            password: kernel::Secret::new(OTHER_PASSWORD),
            full_name: "Otto Operator".into(),
            org_name: "Initech".into(),
            org_slug: None,
        };
        accounts::add(&app.core, new).await.unwrap();
        assert!(!freeze(app, "nobody@initech.test", true).await);
        assert_eq!(accounts::list(&app.core).await.unwrap().len(), 1);
        assert!(login(app, "otto@initech.test", OTHER_PASSWORD).await.ok()["user"]["email_verified_at"].is_string());
    }
}
