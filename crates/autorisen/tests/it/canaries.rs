//! Secrets of the story, looked for in everything that the program writes: logs, answers, rows.

use reqwest::Method;
use testkit::{Client, json, keep_logs, logs};

use crate::world::{PROVIDER_KEY, WEBHOOK_SECRET, World};

const PASSWORD: &str = "kestrel-Violet-anvil-7-tractor";
const NEXT_PASSWORD: &str = "pelican-Amber-lathe-9-harvester";
const WRONG_PASSWORD: &str = "sparrow-Indigo-kiln-3-excavator";

/// What must stay secret, with a name for the one who reads the failure.
type Canaries = Vec<(String, String)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stay_secret() {
    keep_logs();
    for engine in testkit::engines() {
        let world = World::new(engine).await;
        let mut canaries = from_the_story(&world).await;
        canaries.extend(of_cara(&world).await);
        let refusals = refusals(&world, &canaries).await;
        world.app.settle().await;
        nowhere("a refusal", &refusals, &canaries);
        nowhere_in_rows(&world, &canaries).await;
        let lines = logs();
        assert!(
            lines.contains("http.request") && lines.contains("/v1/auth/register") && lines.lines().count() > 100,
            "the logs were not kept"
        );
        nowhere("the logs", &lines, &canaries);
        world.app.finish().await;
    }
}

#[track_caller]
fn nowhere(place: &str, text: &str, canaries: &Canaries) {
    for (name, secret) in canaries {
        if let Some(at) = text.find(secret.as_str()) {
            let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
            panic!("{name} stands in {place}: {}", text[line..].lines().next().unwrap_or_default());
        }
    }
}

fn named(name: &str, secret: impl Into<String>) -> (String, String) {
    let secret = secret.into();
    assert!(secret.len() >= 16, "{name} is missing: {secret:?}");
    (name.to_owned(), secret)
}

fn token(client: &Client, field: &str) -> String {
    client.profile[field].as_str().unwrap_or_default().to_owned()
}

async fn from_the_story(world: &World) -> Canaries {
    vec![
        named("the provider's key", PROVIDER_KEY),
        named("the webhook secret", WEBHOOK_SECRET),
        named("the password of the cast", testkit::PASSWORD),
        named("alice's access token", token(&world.alice, "access_token")),
        named("alice's refresh token", token(&world.alice, "refresh_token")),
        named("clerk's key", token(&world.clerk, "key")),
        named("a payer's link", world.link.clone()),
    ]
}

/// Cara uses every secret that a person has: passwords, tokens of mails, tokens, a cookie.
async fn of_cara(world: &World) -> Canaries {
    let (app, email) = (&world.app, "cara@tin.test");
    let new = json!({"email": email, "password": PASSWORD, "full_name": "Cara", "org_name": "Tin"});
    let first = app.nobody().post("/v1/auth/register", new).await.expect(201);
    let verify = app.token_for(email, "/verify").await;
    app.nobody().post("/v1/auth/verify-email", json!({"token": verify})).await.ok();
    let renewed = app.nobody().post("/v1/auth/refresh", json!({"refresh_token": first["refresh_token"]})).await.ok();
    app.nobody().post("/v1/auth/password/forgot", json!({"email": email})).await.ok();
    let reset = app.token_for(email, "/reset").await;
    app.nobody().post("/v1/auth/password/reset", json!({"token": reset, "password": NEXT_PASSWORD})).await.ok();
    app.nobody().post("/v1/auth/login", json!({"email": email, "password": WRONG_PASSWORD})).await.refused(401, "credentials_wrong");
    let cara = app.holding(&app.nobody().post("/v1/auth/login", json!({"email": email, "password": NEXT_PASSWORD})).await.ok());
    let key = cara.post("/v1/api-keys", json!({"name": "till", "scopes": ["org:read"]})).await.expect(201);
    let session = session_of(world, email).await;
    let read = |value: &testkit::Value| value.as_str().unwrap_or_default().to_owned();
    vec![
        named("cara's password", PASSWORD),
        named("cara's next password", NEXT_PASSWORD),
        named("a wrong password", WRONG_PASSWORD),
        named("cara's verification token", verify),
        named("cara's reset token", reset),
        named("cara's first refresh token", read(&first["refresh_token"])),
        named("cara's second refresh token", read(&renewed["refresh_token"])),
        named("cara's access token", token(&cara, "access_token")),
        named("cara's key", read(&key["key"])),
        named("cara's session cookie", session),
    ]
}

/// The cookie of a browser that signs in.
async fn session_of(world: &World, email: &str) -> String {
    let browser = world.app.browser();
    let csrf = testkit::csrf_in(&browser.open("/signin").await.text);
    let entered = browser.submit("/signin", &[("_csrf", &csrf), ("email", email), ("password", NEXT_PASSWORD)]).await;
    let mut cookies = entered.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let session = cookies.find_map(|line| line.split(';').next()?.strip_prefix("autorisen_session="));
    session.expect("a session").to_owned()
}

/// Each secret sent where it doesn't belong: in a path, a query, a wrong field, a broken body.
async fn refusals(world: &World, canaries: &Canaries) -> String {
    let mut texts = String::new();
    for (_, secret) in canaries {
        let alice = &world.alice;
        let broken =
            alice.request(Method::POST, "/v1/customers").header("content-type", "application/json").body(format!("{{\"name\": \"{secret}"));
        let basic = world.app.nobody().with_header("authorization", &format!("Basic {secret}"));
        let answers = [
            alice.get(&format!("/pay/{secret}")).await,
            alice.post("/v1/auth/reset", json!({"token": secret})).await,
            alice.post("/v1/payment-connections", json!({"provider": "stripe", "api_key": {"inside": secret}})).await,
            alice
                .post(
                    "/v1/payment-connections",
                    json!({"provider": "stripe", "api_key": format!("{secret} with a space"), "webhook_secret": ""}),
                )
                .await,
            alice.post("/v1/auth/password/reset", json!({"token": secret, "password": secret})).await,
            alice.post("/v1/auth/password/change", json!({"current_password": [secret], "new_password": secret})).await,
            alice.send(broken).await,
            basic.get("/v1/customers").await,
        ];
        // Pages of mails: shown or refused to whoever opens them, never written down with their token.
        for page in ["/verify", "/reset", "/invitations/accept", "/pay/x", "/signin"] {
            world.app.browser().open(&format!("{page}?token={secret}&return_to=/{secret}")).await;
        }
        for answer in answers {
            assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.text);
            texts.push_str(&answer.text);
            texts.push('\n');
        }
    }
    texts
}

/// Columns hold digests and sealed texts. The development mailbox is the mail itself, which carries
/// its link on purpose; it exists in development only.
async fn nowhere_in_rows(world: &World, canaries: &Canaries) {
    let rows = world.app.all_rows().await;
    assert!(rows.iter().any(|row| row.text.contains("cara@tin.test")), "what is no secret is found");
    for row in rows.iter().filter(|row| row.table != "dev_mailbox" && !row.table.starts_with("sandbox")) {
        nowhere(&format!("the table {}", row.table), &row.text, canaries);
    }
}
