//! Settings: what is wrong with them, said so that it can be mended, and what is in force.

use crate::Place;

/// 32 bytes that nobody uses.
const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";

#[tokio::test]
async fn an_unknown_key_is_told_with_its_file_its_line_and_the_nearest_one() {
    let place = Place::sqlite();
    place.write("autorisen.yaml", "log:\n  level: info\nserver:\n  prot: 9000\n");
    for command in [&["serve"][..], &["config", "check"], &["migrate", "up"], &["users", "list"], &["openapi"]] {
        let ended = place.run(command).await.with(3);
        ended.complains(&["autorisen.yaml:4", "server.prot", "hint: did you mean `server.port`?"]);
    }
    assert!(!place.folder().join("data").exists(), "wrong settings leave nothing behind");
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_is_told_in_words() {
    let place = Place::sqlite();
    place.write("other.yaml", "server:\n  port: eighty\n");
    let ended = place.run(&["config", "check", "--config", "other.yaml"]).await.with(3);
    ended.complains(&["other.yaml:2", "server.port", "a whole number from 0 to 65535"]);
    place.var("PORT", "eighty").run(&["serve"]).await.with(3).complains(&["PORT", "server.port", "a whole number"]);
}

#[tokio::test]
async fn an_environment_that_does_not_exist_is_told() {
    let ended = Place::untouched().var("AUTORISEN_ENV", "prod").run(&["serve"]).await.with(3);
    ended.complains(&["AUTORISEN_ENV", "\"prod\"", "development, demo, test, staging or production"]);
}

#[tokio::test]
async fn a_file_that_was_named_and_is_not_there_is_told() {
    let place = Place::sqlite();
    place.run(&["serve", "--config", "gone.yaml"]).await.with(3).complains(&["gone.yaml"]);
    place.var("AUTORISEN_CONFIG", "away.yaml").run(&["config", "list"]).await.with(3).complains(&["away.yaml"]);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let place = Place::sqlite();
    place.write("autorisen.yaml", "server:\n  prot: 1\n  request_timeout_s: 0\nlgo:\n  level: info\n");
    place.run(&["config", "check"]).await.with(3).complains(&["server.prot", "server.request_timeout_s", "lgo", "`log`"]);
}

#[tokio::test]
async fn the_list_shows_values_with_their_origin_and_no_secret() {
    let place = Place::sqlite().var("AUTORISEN_MASTER_KEY", KEY).var("DATABASE_URL", "postgres://ann:hunter2secret@db.test/shop");
    let place = place.var("SMTP_URL", "smtp://mailer:hunter3secret@mail.test:587");
    place.write("autorisen.yaml", "recovery:\n  link_lifetime_h: 48\n");
    let listed = place.run(&["config", "list"]).await.fine();
    for secret in [KEY, "hunter2secret", "hunter3secret"] {
        assert!(!listed.out.contains(secret) && !listed.err.contains(secret), "a secret is shown: {}", listed.out);
    }
    let line = |key: &str| listed.out.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap_or_default().to_owned();
    assert!(line("security.master_key").contains("***") && line("security.master_key").contains("AUTORISEN_MASTER_KEY"), "{}", listed.out);
    assert!(
        line("recovery.link_lifetime_h").contains("48") && line("recovery.link_lifetime_h").contains("autorisen.yaml:2"),
        "{}",
        listed.out
    );
    assert!(line("database.url").contains("***"), "{}", line("database.url"));
    let all = place.run(&["config", "list", "--json"]).await.fine().json();
    let keys: Vec<_> = all.as_array().expect("a list").iter().filter_map(|setting| setting["key"].as_str()).collect();
    assert_eq!(keys.len(), listed.out.lines().count());
    assert!(keys.is_sorted() && keys.contains(&"server.port"), "{keys:?}");
}

#[tokio::test]
async fn a_key_is_explained() {
    let place = Place::sqlite().var("AUTORISEN_MASTER_KEY", KEY);
    let explained = place.run(&["config", "explain", "server.port"]).await.fine();
    assert!(explained.out.starts_with("server.port = 8000") && explained.out.contains("PORT"), "{}", explained.out);
    let secret = place.run(&["config", "explain", "security.master_key", "--json"]).await.fine();
    assert_eq!((secret.json()["key"].as_str(), secret.out.contains(KEY)), (Some("security.master_key"), false));
    place.run(&["config", "explain", "server.prot"]).await.with(3).complains(&["server.prot", "did you mean `server.port`?"]);
}

#[tokio::test]
async fn the_command_line_wins_over_variables_and_these_over_the_file() {
    let place = Place::sqlite().var("PORT", "8123");
    place.write("autorisen.yaml", "server:\n  port: 8122\nlog:\n  level: warn\n");
    let shown = place.run(&["config", "explain", "server.port"]).await.fine();
    assert!(shown.out.starts_with("server.port = 8123"), "{}", shown.out);
    place.write("autorisen.yaml", "server:\n  port: 8122\n");
    let mut server = place.serve().await;
    assert_eq!(server.somebody().get("/livez").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn checking_says_that_all_is_fine_and_touches_nothing() {
    let place = Place::sqlite();
    let ended = place.run(&["config", "check"]).await.fine();
    assert_eq!(ended.out, "");
    assert!(ended.err.contains("test"), "{}", ended.err);
    assert!(!place.folder().join("data").exists());
}
