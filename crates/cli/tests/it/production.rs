//! The examples for operators: with their named files and servers in place, production starts from
//! them.

use testkit::{SmtpSink, StoppablePostgres, ThrowawayValkey, json};

use crate::somebody::until;
use crate::{Place, Server};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/production.example.yaml");
const SQLITE_EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/production.sqlite.example.yaml");
const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";

/// The roles as the example tells to make them.
const ROLES: &str = "CREATE ROLE autorisen_owner LOGIN PASSWORD 'c41f0b7d29e8';
    CREATE ROLE autorisen_app LOGIN PASSWORD '7d41f29c8e0b' NOSUPERUSER NOBYPASSRLS;
    CREATE ROLE autorisen_system LOGIN PASSWORD '29c8e0b7d41f' NOSUPERUSER NOBYPASSRLS;";

/// A place with a folder of secrets, and with the mail server that they name.
fn production(sink: &SmtpSink) -> Place {
    let place = Place::untouched().var("AUTORISEN_ENV", "production");
    let secrets = place.folder().join("secrets");
    std::fs::create_dir(&secrets).expect("a folder");
    let port = place.port.to_string();
    let place = place.var("AUTORISEN_SECRETS", secrets.display().to_string()).var("PORT", port);
    secret(&place, "master_key", KEY);
    secret(&place, "smtp_url", &sink.url);
    place
}

fn secret(place: &Place, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    place.write(&format!("secrets/{name}"), &format!("{text}\n"));
    let file = place.folder().join("secrets").join(name);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

/// Migrates, starts, and looks as a stranger would.
async fn starts_from(example: &str, place: &Place, sink: &SmtpSink) {
    place.run(&["config", "check", "--config", example]).await.fine();
    place.run(&["migrate", "up", "--config", example]).await.fine();
    let mut server = place.serving(&["--config", example]).ready().await;
    let nobody = server.somebody();
    for path in ["/livez", "/readyz", "/health"] {
        let answer = nobody.get(path).await;
        assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("ok")), "{path}: {}", answer.text);
    }
    for path in ["/dev/mail", "/dev/mail/messages", "/dev/clock", "/dev/sandbox/charges", "/openapi.json", "/docs"] {
        assert_eq!(nobody.get(path).await.status, 404, "{path}");
    }
    assert!(nobody.get("/signin").await.headers.contains_key("strict-transport-security"));
    somebody_signs_up(&server, sink).await;
    place.run(&["smoke", &server.base, "--read-only"]).await.fine();
    let sound = place.run(&["doctor", "--config", example]).await;
    let faults: Vec<_> = sound.out.lines().filter(|line| line.starts_with("fault") && !line.contains("file handles")).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let log = server.stop().await;
    assert!(log.iter().all(|line| !matches!(line["level"].as_str(), Some("warn" | "error"))), "{log:#?}");
}

/// The answer is the same for every address, and the mail finishes it.
async fn somebody_signs_up(server: &Server, sink: &SmtpSink) {
    let body = json!({"email": "ada@acme.test", "full_name": "Ada Berg", "org_name": "Acme"});
    let answer = server.somebody().post("/v1/auth/register", body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let came =
        until(std::time::Duration::from_secs(20), async || sink.messages().into_iter().find(|text| text.contains("To: ada@acme.test")))
            .await;
    let letter = came.expect("a letter");
    let letter = letter.replace("=\n", "").replace("=3D", "=");
    let token = letter.split_once("https://app.example.com/verify?token=").expect("a link").1;
    let token: String = token.chars().take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')).collect();
    let nobody = server.somebody();
    assert_eq!(nobody.post("/v1/auth/verify-email", json!({"token": token})).await.status, 422, "the password is chosen here");
    nobody.post("/v1/auth/verify-email", json!({"token": token, "password": testkit::PASSWORD})).await.expect(200);
    nobody.post("/v1/auth/login", json!({"email": "ada@acme.test", "password": testkit::PASSWORD})).await.expect(200);
}

#[tokio::test]
async fn production_starts_from_the_example_on_postgres() {
    let Some(postgres) = StoppablePostgres::start_durable().await else { return };
    let Some(valkey) = ThrowawayValkey::start() else { return };
    postgres.sql("postgres", ROLES).await;
    postgres.sql("postgres", "CREATE DATABASE autorisen OWNER autorisen_owner").await;
    let sink = SmtpSink::start(&[]).await;
    let place = production(&sink);
    secret(&place, "valkey_url", &valkey.url());
    for (role, password) in [("owner", "c41f0b7d29e8"), ("app", "7d41f29c8e0b"), ("system", "29c8e0b7d41f")] {
        let url = format!("postgres://autorisen_{role}:{password}@localhost/autorisen?host={}", postgres.folder());
        secret(&place, &format!("database_{role}_url"), &url);
    }
    starts_from(EXAMPLE, &place, &sink).await;
    let owned = postgres.sql("autorisen", "select count(*) from pg_tables where tableowner in ('autorisen_app', 'autorisen_system')").await;
    assert_eq!(owned.trim(), "0", "the doors own nothing");
}

#[tokio::test]
async fn production_starts_from_the_example_on_sqlite() {
    let sink = SmtpSink::start(&[]).await;
    starts_from(SQLITE_EXAMPLE, &production(&sink), &sink).await;
}

#[tokio::test]
async fn without_its_files_the_example_says_which_are_missing() {
    let place = Place::untouched().var("AUTORISEN_ENV", "production");
    let place = {
        let folder = place.folder().join("nowhere").display().to_string();
        place.var("AUTORISEN_SECRETS", folder)
    };
    let ended = place.run(&["serve", "--config", EXAMPLE]).await.with(3);
    ended.complains(&[
        "nowhere/master_key",
        "nowhere/database_owner_url",
        "nowhere/database_app_url",
        "nowhere/valkey_url",
        "nowhere/smtp_url",
    ]);
}
