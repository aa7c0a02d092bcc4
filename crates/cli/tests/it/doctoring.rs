//! `doctor`: what is wrong, and the command that mends it.

use testkit::{SmtpSink, Value};

use crate::Place;

const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";

/// The finding of one check that contains these words.
fn finding<'a>(report: &'a Value, check: &str, words: &str) -> &'a Value {
    let all = report["findings"].as_array().expect("a list");
    let found = all.iter().find(|finding| finding["check"] == check && finding["what"].as_str().is_some_and(|what| what.contains(words)));
    found.unwrap_or_else(|| panic!("no finding of `{check}` says {words:?}: {report:#}"))
}

#[tokio::test]
async fn a_fresh_machine_is_fine_and_nothing_is_made_on_it() {
    let place = Place::untouched().var("PORT", "0");
    place.write("autorisen.yaml", "server:\n  connections_max: 100\n");
    let ended = place.run(&["doctor"]).await.fine();
    for check in ["settings", "secrets", "data folder", "disk", "file handles", "port", "database", "mail", "hashing", "memory"] {
        assert!(ended.out.contains(check), "{check} is missing in {}", ended.out);
    }
    assert!(!place.folder().join("data").exists(), "a look makes no folder, no key and no database");
}

#[tokio::test]
async fn hashing_is_sized_to_the_machine() {
    let place = Place::untouched().var("PORT", "0");
    let report = place.run(&["doctor", "--json", "--hash-target-ms", "100"]).await.json();
    let hashing = &report["hashing"];
    assert_eq!((&hashing["target_ms"], &hashing["in_force"]["hash_memory_kib"]), (&100.into(), &19456.into()), "{hashing}");
    let recommended = |name: &str| hashing["recommended"][name].as_u64().expect("a number");
    assert!(recommended("hash_memory_kib") >= 19456 && recommended("hash_passes") >= 2 && recommended("hash_parallel") >= 1, "{hashing}");
    assert!(hashing["in_force"]["time_ms"].as_u64().is_some_and(|ms| ms > 0), "{hashing}");
}

#[tokio::test]
async fn broken_settings_are_told_and_the_machine_is_looked_at_all_the_same() {
    let place = Place::sqlite();
    place.write("autorisen.yaml", "server:\n  prot: 1\ndatabase:\n  connections_max: 1\n");
    let ended = place.run(&["doctor", "--json"]).await.with(1);
    let report = ended.json();
    assert_eq!(report["ok"], false);
    let wrong = finding(&report, "settings", "autorisen.yaml:2: server.prot");
    assert_eq!((&wrong["state"], &wrong["hint"]), (&"fault".into(), &"did you mean `server.port`?".into()));
    assert_eq!(finding(&report, "database", "mended first")["state"], "skipped");
    assert_eq!(finding(&report, "disk", "MB are free")["state"], "ok");

    place.write("autorisen.yaml", "server: [\n");
    let report = place.run(&["doctor", "--json"]).await.with(1).json();
    assert_eq!(finding(&report, "settings", "autorisen.yaml:")["state"], "fault");
    assert_eq!(finding(&report, "data folder", "the first start makes")["state"], "ok");
    assert!(report["hashing"]["recommended"]["hash_memory_kib"].is_u64(), "{report:#}");
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_holder_and_our_own_server_is_no_fault() {
    let place = Place::sqlite();
    let place = {
        let port = place.port.to_string();
        place.var("PORT", port)
    };
    let holder = std::net::TcpListener::bind(("127.0.0.1", place.port)).expect("a free port");
    let report = place.run(&["doctor", "--json"]).await.with(1).json();
    let taken = finding(&report, "port", "is taken");
    assert!(taken["what"].as_str().is_some_and(|what| what.contains(&std::process::id().to_string())), "{taken}");
    drop(holder);
    let mut server = place.serve().await;
    let report = place.run(&["doctor", "--json"]).await.json();
    assert_eq!(finding(&report, "port", "answers at")["state"], "ok");
    server.stop().await;
}

#[tokio::test]
async fn a_data_folder_that_is_open_to_others_is_told_with_its_mend() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = production();
    let data = place.folder().join("data");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    std::fs::set_permissions(place.folder().join("master.key"), std::fs::Permissions::from_mode(0o644)).expect("its mode");
    let report = place.run(&["doctor", "--json"]).await.with(1).json();
    let open = finding(&report, "data folder", "others on this machine");
    assert_eq!(open["state"], "fault");
    assert!(open["hint"].as_str().is_some_and(|hint| hint.starts_with("chmod 700 ")), "{open}");
    assert!(finding(&report, "secrets", "security.master_key")["hint"].as_str().is_some_and(|hint| hint.starts_with("chmod 600 ")));
    assert_eq!(finding(&report, "schema", "there is no database yet")["hint"], "autorisen migrate up");
}

#[tokio::test]
async fn a_mail_server_is_greeted_and_one_that_is_away_is_a_fault_in_production() {
    let sink = SmtpSink::start(&[]).await;
    let place = production().var("SMTP_URL", &sink.url);
    let report = place.run(&["doctor", "--json"]).await.json();
    assert_eq!(finding(&report, "mail", "the mail server answers")["state"], "ok");
    assert!(sink.messages().is_empty(), "a look sends no letter");
    let place = place.var("SMTP_URL", "smtp://127.0.0.1:1");
    let report = place.run(&["doctor", "--json"]).await.with(1).json();
    assert_eq!(finding(&report, "mail", "can't be reached")["state"], "fault");
}

#[tokio::test]
async fn a_database_that_is_away_is_told_with_a_hint_and_no_password() {
    let place = Place::sqlite().var("DATABASE_URL", "postgres://ann:hunter2secret@127.0.0.1:1/shop");
    let ended = place.run(&["doctor"]).await.with(1);
    assert!(ended.out.contains("pg_isready -h 127.0.0.1 -p 1") && !ended.out.contains("hunter2secret"), "{}", ended.out);
}

/// Production on SQLite, with few enough clients for any limit of files.
fn production() -> Place {
    let place = Place::untouched().var("AUTORISEN_ENV", "production").var("PORT", "0");
    place.write("master.key", KEY);
    let text = "server:\n  public_url: https://app.example.com\n  connections_max: 100\nsecurity:\n  master_key: file:master.key\n\
                identity:\n  registration: closed\nmail:\n  from: Shop <shop@acme.test>\n";
    place.write("autorisen.yaml", text);
    place
}
