//! What a body or a query may not be, where one wrong reading would do harm.

use testkit::{Answer, Client, TestApp, json};

use crate::app;

async fn posts(client: &Client, kind: &str, body: &str) -> Answer {
    client.send(client.request(reqwest::Method::POST, "/v1/auth/login").header("content-type", kind).body(body.to_owned())).await
}

const CREDENTIALS: &str = r#"{"email":"nobody@x.test","password":"not-the-Right-0ne"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_json_in_utf_8() {
    let app = app().await;
    let nobody = app.nobody();
    for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        assert_eq!(posts(&nobody, kind, CREDENTIALS).await.status, 401, "{kind}");
    }
    for kind in [
        "text/plain",
        "text/json",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "application/x-www-form-urlencoded",
    ] {
        posts(&nobody, kind, CREDENTIALS).await.refused(415, "unsupported_media_type");
    }
    for (coding, status) in [("gzip", 415), ("GZIP", 415), ("identity", 401), ("Identity", 401)] {
        let packed = nobody.request(reqwest::Method::POST, "/v1/auth/login").header("content-type", "application/json");
        let packed = nobody.send(packed.header("content-encoding", coding).body(CREDENTIALS)).await;
        assert_eq!(packed.status, status, "{coding}: {}", packed.text);
    }
    for broken in ["\u{feff}{}", "{\"email\":NaN}", "{\"email\":'a'}", "{}{}"] {
        posts(&nobody, "application/json", broken).await.refused(400, "malformed_request");
    }
    posts(&nobody, "application/json", &"{\"a\":".repeat(10_000)).await.refused(400, "malformed_request");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_says_each_thing_once_and_by_name() {
    let app = app().await;
    let nobody = app.nobody();
    let doubled = posts(&nobody, "application/json", r#"{"email":"a@x.test","password":"a","email":"b@x.test"}"#).await;
    doubled.refused(422, "validation_failed");
    assert_eq!(doubled.field("email"), "is given twice");
    posts(&nobody, "application/json", r#"["nobody@x.test","not-the-Right-0ne"]"#).await.refused(422, "validation_failed");
    app.finish().await;
}

async fn query(client: &Client, query: &str) -> Answer {
    client.get(&format!("/v1/audit?{query}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_says_each_thing_once_and_never_nothing() {
    let app = app().await;
    let alice = app.alice().await;
    assert_eq!(query(&alice, "limit=1").await.status, 200);
    for (wrong, field) in [
        ("limit=", "limit"),
        ("limit", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limit=1&%6cimit=1", "limit"),
        ("cursor=", "cursor"),
        ("limit[]=1", "limit[]"),
    ] {
        let answer = query(&alice, wrong).await;
        answer.refused(422, "validation_failed");
        assert!(!answer.field(field).is_empty(), "{wrong}: {}", answer.text);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_told_so_before_what_is_wrong() {
    let app = app().await;
    let (vera, alice) = (app.vera().await, app.alice().await);
    for wrong in [json!({"nope": 1}), json!({"name": 1}), json!([1])] {
        app.nobody().patch("/v1/auth/org", wrong.clone()).await.refused(401, "not_authenticated");
        vera.patch("/v1/auth/org", wrong.clone()).await.refused(403, "permission_denied");
        assert_eq!(alice.patch("/v1/auth/org", wrong).await.status, 422);
    }
    app.finish().await;
}

/// Two members of one organization choose the same key: each has their own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_belongs_to_whoever_chose_it() {
    let app = app().await;
    let alice = app.alice().await;
    let bob = second_admin(&app, &alice).await;
    app.expect_mail();
    let body = json!({"email": "dora@x.test", "role": "user"});
    let first = alice.post_once("/v1/org/invitations", "one-key", body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = alice.post_once("/v1/org/invitations", "one-key", body.clone()).await;
    assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text));
    let other = bob.post_once("/v1/org/invitations", "one-key", json!({"email": "erin@x.test", "role": "user"})).await;
    assert_eq!((other.status, other.header("idempotency-replayed")), (201, ""), "{}", other.text);
    app.finish().await;
}

/// Bob, whom Alice made an admin.
async fn second_admin(app: &TestApp, alice: &Client) -> Client {
    let bob = app.bob().await;
    let members = alice.get("/v1/org/members").await.ok();
    let his = members.as_array().into_iter().flatten().find(|member| member["email"] == "bob@acme.test").expect("bob is a member");
    alice.patch(&format!("/v1/org/members/{}", his["id"].as_str().expect("an id")), json!({"role": "admin"})).await.ok();
    bob
}
