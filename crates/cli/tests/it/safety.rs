//! What the program refuses to do because somebody could come to harm: exit code 5.

use testkit::Value;

use crate::Place;

const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";

/// Production with everything that it needs, on SQLite.
fn production() -> Place {
    let place = Place::untouched().var("AUTORISEN_ENV", "production").var("SMTP_URL", "smtp://mail.test");
    place.write("master.key", &format!("{KEY}\n"));
    settings(&place, "file:master.key", "https://app.example.com");
    place
}

fn settings(place: &Place, key: &str, url: &str) {
    // The tests ask by address; people by name.
    let text = format!(
        "server:\n  {{public_url: \"{url}\", hosts: [127.0.0.1]}}\nsecurity:\n  master_key: {key}\nidentity:\n  registration: closed\n"
    );
    place.write("autorisen.yaml", &text);
}

#[tokio::test]
async fn a_public_address_needs_the_environment_to_be_said() {
    let place = Place::untouched();
    for address in ["0.0.0.0", "::"] {
        let ended = place.run(&["serve", "--listen", address]).await.with(5);
        ended.complains(&["server.listen", address, "AUTORISEN_ENV"]);
    }
    place.write("autorisen.yaml", "metrics:\n  listen: 0.0.0.0\n");
    place.run(&["serve"]).await.with(5).complains(&["autorisen.yaml:2", "metrics.listen"]);
}

#[tokio::test]
async fn production_needs_its_secrets() {
    let place = Place::untouched().var("AUTORISEN_ENV", "production");
    place.write("autorisen.yaml", "identity:\n  registration: closed\n");
    let ended = place.run(&["serve"]).await.with(5);
    ended.complains(&["security.master_key", "openssl rand -hex 32", "server.public_url"]);
    assert!(!place.folder().join("data").exists(), "a refusal leaves nothing behind");
}

#[tokio::test]
async fn production_refuses_a_secret_that_is_written_out() {
    let place = production();
    settings(&place, KEY, "https://app.example.com");
    let ended = place.run(&["serve"]).await.with(5);
    ended.complains(&["autorisen.yaml:4", "security.master_key", "file:/run/secrets/"]);
    assert!(!ended.err.contains(KEY), "the secret is told: {}", ended.err);
}

#[tokio::test]
async fn production_refuses_a_password_that_everybody_knows() {
    let place = production().var("DATABASE_URL", "postgres://postgres:postgres@db.test/shop");
    place.run(&["serve"]).await.with(5).complains(&["database.url", "everybody knows"]);
}

#[tokio::test]
async fn production_is_reached_by_https_only() {
    let place = production();
    settings(&place, "file:master.key", "http://app.example.com");
    place.run(&["config", "check"]).await.with(5).complains(&["server.public_url", "https"]);
}

#[tokio::test]
async fn in_production_nothing_of_development_is_there() {
    let place = production();
    place.run(&["migrate", "up"]).await.fine();
    let mut server = place.serve().await;
    let nobody = server.somebody();
    for path in ["/dev/mail", "/dev/mail/messages", "/dev/clock", "/dev/sandbox/charges", "/dev/sandbox/faults", "/openapi.json", "/docs"] {
        assert_eq!(nobody.get(path).await.status, 404, "{path}");
    }
    assert_eq!(nobody.post("/dev/clock", testkit::json!({"advance_seconds": 1})).await.status, 404);
    assert_eq!(nobody.get("/livez").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn in_production_a_pending_migration_is_told_with_its_command_and_nothing_migrates_by_itself() {
    let place = production();
    let mut server = place.serve().await;
    let nobody = server.somebody();
    let not_ready = nobody.get("/readyz").await;
    assert_eq!(not_ready.status, 503, "{}", not_ready.text);
    assert!(not_ready.headers.contains_key("retry-after"));
    assert!(not_ready.text.contains("autorisen migrate up"), "{}", not_ready.text);
    assert_eq!(nobody.get("/livez").await.status, 200, "it is alive, so that nobody restarts it in vain");
    let pending = place.run(&["migrate", "status", "--json"]).await.with(1);
    assert!(all(&pending.json(), false), "{}", pending.out);
    place.run(&["migrate", "up"]).await.fine();
    let ready = nobody.get("/readyz").await;
    assert_eq!(ready.status, 200, "the running server sees the new schema: {}", ready.text);
    server.stop().await;
}

#[tokio::test]
async fn every_site_together_with_cookies_is_refused() {
    let place = production().var("AUTORISEN_ENV", "staging");
    place.write("autorisen.staging.yaml", "server:\n  cors_origins: [\"*\"]\n  cors_credentials: true\n");
    let ended = place.run(&["serve"]).await.with(5);
    ended.complains(&["autorisen.staging.yaml:2", "server.cors_origins", "name the origins", "server.cors_credentials"]);
}

#[tokio::test]
async fn a_name_or_an_origin_that_is_none_is_a_fault() {
    let place = production();
    for (text, key) in [
        ("hosts: [\"https://a.test\"]", "server.hosts"),
        ("hosts: [\"a.test:80\"]", "server.hosts"),
        ("cors_origins: [\"a.test\"]", "server.cors_origins"),
        ("cors_origins: [\"https://a.test/\"]", "server.cors_origins"),
    ] {
        place.write("autorisen.production.yaml", &format!("server:\n  {text}\n"));
        place.run(&["config", "check"]).await.with(3).complains(&[key]);
    }
}

/// Asked by a name that is not ours, it doesn't answer; probes ask by whatever address they know.
#[tokio::test]
async fn outside_development_only_our_own_names_are_answered() {
    let place = production();
    let mut server = place.serve().await;
    let nobody = server.somebody();
    let asks = async |host: &str, path: &str| {
        let request = nobody.request(reqwest::Method::GET, path).header("host", host);
        request.send().await.expect("an answer").status().as_u16()
    };
    for (host, status) in [
        ("app.example.com", 404),
        ("APP.example.com:443", 404),
        ("127.0.0.1", 404),
        ("evil.test", 421),
        ("app.example.com.evil.test", 421),
        ("10.0.0.7:8000", 421),
    ] {
        assert_eq!(asks(host, "/no-such-page").await, status, "{host}");
        assert_eq!(asks(host, "/livez").await, 200, "{host}");
    }
    assert_eq!(nobody.get("/livez").await.headers.get("x-autorisen-version"), None, "nobody's business where it is for real");
    server.stop().await;
}

fn all(status: &Value, applied: bool) -> bool {
    status.as_array().is_some_and(|steps| !steps.is_empty() && steps.iter().all(|step| step["applied"] == applied))
}
