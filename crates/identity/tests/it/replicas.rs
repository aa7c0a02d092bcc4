//! What one replica ends is over on the others within five seconds, and at once where it was ended:
//! for an access token, a cookie and an API key.

use super::*;
use identity::accounts;
use testkit::PASSWORD;

/// ASVS 7.4.1: the longest that another replica may believe what it read.
const UNNOTICED_MAX: chrono::Duration = chrono::Duration::seconds(5);
const NINA: &str = "nina@acme.test";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Bearer,
    Cookie,
    Key,
}

const WAYS: [Way; 3] = [Way::Bearer, Way::Cookie, Way::Key];

/// Nina, an admin of acme beside alice, with her three ways in.
struct Nina {
    bearer: Client,
    cookie: String,
    csrf: String,
    key: Client,
}

impl Nina {
    async fn new(app: &TestApp) -> Self {
        let alice = app.alice().await;
        alice.post("/v1/org/invitations", json!({"email": NINA, "role": "admin"})).await.expect(201);
        let token = app.token_for(NINA, "/invitations/accept").await;
        let join = json!({"token": token, "password": PASSWORD, "full_name": "Nina"});
        app.nobody().post("/v1/auth/register/invited", join).await.expect(201);
        let bearer = app.holding(&login(app, NINA, PASSWORD).await.ok());
        let made = bearer.post("/v1/api-keys", json!({"name": "till", "scopes": ["members:read", "audit:read"]})).await.expect(201);
        let mut key = app.nobody();
        key.token = made["key"].as_str().map(str::to_owned);
        key.profile = made;
        let browser = app.browser_of(NINA).await;
        let sent = browser.request(reqwest::Method::GET, "/").build().unwrap();
        let cookie = sent.headers()["cookie"].to_str().unwrap().to_owned();
        Self { bearer, csrf: browser.csrf().await, cookie, key }
    }

    /// One of her ways in, at one of the replicas.
    fn at(&self, app: &TestApp, way: Way) -> Client {
        let mut client = app.nobody();
        match way {
            Way::Bearer => client.token.clone_from(&self.bearer.token),
            Way::Key => client.token.clone_from(&self.key.token),
            Way::Cookie => client = client.with_header("cookie", &self.cookie),
        }
        client
    }

    /// Whether this way still leads into acme: by what reads no row, by what begins a transaction, by a
    /// page.
    async fn is_in(&self, app: &TestApp, way: Way) -> bool {
        let client = self.at(app, way);
        let mut open = vec![client.get("/v1/org/members").await.status == 200];
        match way {
            Way::Key => {}
            Way::Bearer => open.push(client.get("/v1/auth/me").await.body["data"]["org_id"].is_string()),
            Way::Cookie => {
                open.push(client.get("/auth/web/me").await.body["data"]["org_id"].is_string());
                open.push(client.clone().with_header("accept", "text/html").get("/members").await.status == 200);
            }
        }
        assert!(open.iter().all(|one| *one == open[0]), "{way:?} is half in: {open:?}");
        open[0]
    }
}

/// Two replicas that know nina in every way; `event` happens on the first, and ends these ways.
async fn ends(gone: &[Way], event: impl AsyncFn(&TestApp, &Nina)) {
    with_settings(&[], async |here| {
        let there = here.replica(modules(), &[]).await;
        let nina = Nina::new(here).await;
        for way in WAYS {
            assert!(nina.is_in(here, way).await && nina.is_in(&there, way).await, "{way:?}");
        }
        event(here, &nina).await;
        for way in WAYS {
            assert_eq!(nina.is_in(here, way).await, !gone.contains(&way), "{way:?} where it was ended");
        }
        here.core.clock.advance(UNNOTICED_MAX);
        for way in WAYS {
            assert_eq!(nina.is_in(&there, way).await, !gone.contains(&way), "{way:?} on the other replica");
        }
        here.expect_mail();
        there.finish().await;
    })
    .await;
}

/// What alice does to nina's membership.
async fn by_alice(app: &TestApp, change: Option<testkit::Value>) {
    let alice = app.alice().await;
    let members = alice.get("/v1/org/members").await.ok();
    let nina = members.as_array().unwrap().iter().find(|member| member["email"] == NINA).unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/org/members/{nina}");
    match change {
        Some(change) => drop(alice.patch(&path, change).await.ok()),
        None => drop(alice.delete(&path).await.expect(204)),
    }
}

macro_rules! replica_stories {
    ($($name:ident ends $gone:expr, by $event:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                ends(&$gone, $event).await;
            }
        )*
    };
}

replica_stories! {
    a_sign_out_of_a_client_holds_on_every_replica ends [Way::Bearer], by async |_, nina: &Nina| {
        nina.bearer.post_empty("/v1/auth/logout").await.expect(204);
    };
    a_sign_out_of_a_browser_holds_on_every_replica ends [Way::Cookie], by async |app: &TestApp, nina: &Nina| {
        let browser = nina.at(app, Way::Cookie).with_header("x-csrf-token", &nina.csrf).with_header("origin", &app.base);
        browser.post_empty("/auth/web/logout").await.expect(204);
    };
    a_sign_out_everywhere_holds_on_every_replica ends [Way::Bearer, Way::Cookie], by async |_, nina: &Nina| {
        nina.bearer.post("/v1/auth/logout", json!({"everywhere": true})).await.expect(204);
    };
    a_session_that_is_ended_from_the_list_is_over_on_every_replica ends [Way::Cookie], by async |_, nina: &Nina| {
        let sessions = nina.bearer.get("/v1/auth/sessions").await.ok();
        let other = sessions.as_array().unwrap().iter().find(|one| one["is_current"] == false && one["kind"] == "browser").unwrap();
        nina.bearer.delete(&format!("/v1/auth/sessions/{}", other["id"].as_str().unwrap())).await.expect(204);
    };
    a_changed_password_ends_sessions_on_every_replica ends [Way::Bearer, Way::Cookie], by async |_, nina: &Nina| {
        nina.bearer.post("/v1/auth/password/change", json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD})).await.ok();
    };
    a_reset_password_ends_sessions_on_every_replica ends [Way::Bearer, Way::Cookie], by async |app: &TestApp, _| {
        app.nobody().post("/v1/auth/password/forgot", json!({"email": NINA})).await.ok();
        let token = app.token_for(NINA, "/reset").await;
        app.nobody().post("/v1/auth/password/reset", json!({"token": token, "password": OTHER_PASSWORD})).await.ok();
    };
    a_frozen_account_is_out_on_every_replica ends WAYS, by async |app: &TestApp, _| {
        accounts::freeze(&app.core, &NINA.parse().unwrap(), true).await.unwrap();
    };
    a_deleted_key_is_dead_on_every_replica ends [Way::Key], by async |_, nina: &Nina| {
        nina.bearer.delete(&format!("/v1/api-keys/{}", nina.key.profile["id"].as_str().unwrap())).await.expect(204);
    };
    a_removed_member_is_out_on_every_replica ends WAYS, by async |app: &TestApp, _| by_alice(app, None).await;
    a_member_who_is_shut_out_is_out_on_every_replica ends WAYS, by async |app: &TestApp, _| {
        by_alice(app, Some(json!({"is_active": false}))).await;
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demotion_holds_on_every_replica_in_every_way() {
    with_settings(&[], async |here| {
        let there = here.replica(modules(), &[]).await;
        let nina = Nina::new(here).await;
        for way in WAYS {
            for app in [here, &there] {
                nina.at(app, way).get("/v1/audit").await.ok();
            }
        }
        by_alice(here, Some(json!({"role": "viewer"}))).await;
        for way in WAYS {
            // The transaction compares the version of the membership: at once, on either replica.
            for app in [here, &there] {
                nina.at(app, way).get("/v1/audit").await.refused(403, "permission_denied");
                nina.at(app, way).get("/v1/org/members").await.ok();
            }
        }
        here.core.clock.advance(UNNOTICED_MAX);
        for app in [here, &there] {
            assert_eq!(nina.at(app, Way::Bearer).get("/v1/auth/me").await.ok()["role"], "viewer");
        }
        there.finish().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_refresh_token_stays_dead_after_a_restart_and_on_another_replica() {
    with_settings(&[], async |app| {
        let nina = newcomer(app, "nina@x.test").await;
        let refresh = |token: &testkit::Value| json!({"refresh_token": token});
        let next = app.nobody().post("/v1/auth/refresh", refresh(&nina.profile["refresh_token"])).await.ok();
        let restarted = app.replica(modules(), &[]).await;
        restarted.nobody().post("/v1/auth/refresh", refresh(&nina.profile["refresh_token"])).await.refused(401, "refresh_token_refused");
        restarted.holding(&next).get("/v1/auth/me").await.ok();
        app.core.clock.advance(chrono::Duration::seconds(10));
        restarted.nobody().post("/v1/auth/refresh", refresh(&nina.profile["refresh_token"])).await.refused(401, "refresh_token_refused");
        for replica in [app, &restarted] {
            replica.nobody().post("/v1/auth/refresh", refresh(&next["refresh_token"])).await.refused(401, "refresh_token_refused");
            replica.holding(&next).get("/v1/auth/me").await.refused(401, "not_authenticated");
        }
        restarted.finish().await;
    })
    .await;
}

/// Makes the database fail in the middle of a rotation, at a change of this kind.
async fn sessions_fail_at(app: &TestApp, change: &str) {
    let sql = match app.engine {
        testkit::TestEngine::Sqlite => format!("create trigger away before {change} on sessions begin select raise(abort, 'away'); end"),
        testkit::TestEngine::Postgres => format!(
            "create function auth.away() returns trigger language plpgsql as $$ begin raise exception 'away'; end $$;
             create trigger away before {change} on auth.sessions for each row execute function auth.away()"
        ),
    };
    store::testing::owner_sql(&app.core.store, sql).await.unwrap();
}

/// Mends it.
async fn sessions_go_on(app: &TestApp) {
    let sql = match app.engine {
        testkit::TestEngine::Sqlite => "drop trigger away",
        testkit::TestEngine::Postgres => "drop trigger away on auth.sessions",
    };
    store::testing::owner_sql(&app.core.store, sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_the_database_fails_signs_nobody_out() {
    with_settings(&[], async |app| {
        let nina = newcomer(app, "nina@x.test").await;
        let refresh = json!({"refresh_token": nina.profile["refresh_token"]});
        sessions_fail_at(app, "update").await;
        for _ in 0..3 {
            assert!(app.nobody().post("/v1/auth/refresh", refresh.clone()).await.status >= 500);
        }
        sessions_go_on(app).await;
        nina.get("/v1/auth/me").await.ok();
        let next = app.nobody().post("/v1/auth/refresh", refresh).await.ok();
        app.holding(&next).get("/v1/auth/me").await.ok();
    })
    .await;
}

/// Nina is a member no more: the session leaves acme with the refresh, or nothing of it happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_after_a_removal_that_the_database_fails_spends_nothing() {
    with_settings(&[], async |app| {
        let nina = Nina::new(app).await;
        by_alice(app, None).await;
        let refresh = json!({"refresh_token": nina.bearer.profile["refresh_token"]});
        sessions_fail_at(app, "update of org_id").await;
        assert!(app.nobody().post("/v1/auth/refresh", refresh.clone()).await.status >= 500);
        sessions_go_on(app).await;
        let next = app.nobody().post("/v1/auth/refresh", refresh).await.ok();
        assert_eq!(next["organization"], json!(null));
        app.holding(&next).get("/v1/auth/me").await.ok();
        app.expect_mail();
    })
    .await;
}
