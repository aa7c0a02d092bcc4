//! `backup create`, `list`, `verify` and `restore`, and the key that belongs to a database.

use std::sync::atomic::{AtomicBool, Ordering};

use testkit::{PASSWORD, TestEngine, Value, json};

use crate::place::on_both;
use crate::{Place, Server, Somebody};

const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";
const OTHER_KEY: &str = "0f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";

/// Another machine with a fresh database of the same kind and the same master key.
async fn elsewhere(place: &Place) -> Place {
    let engine = if is_embedded(place) { TestEngine::Sqlite } else { TestEngine::Postgres };
    Place::on(engine).await.var("AUTORISEN_MASTER_KEY", KEY)
}

fn is_embedded(place: &Place) -> bool {
    place.folder().join("data/autorisen.db").exists()
}

async fn add(ada: &Somebody, name: &str) -> bool {
    ada.post("/v1/customers", json!({"name": name, "email": format!("{name}@example.com")})).await.status == 201
}

/// The names of all customers, as whoever signs in there sees them.
async fn customers(server: &Server) -> Vec<String> {
    let shown = json!({"email": "ada@acme.test", "password": PASSWORD});
    let signed_in = server.somebody().post("/v1/auth/login", shown).await.expect(200);
    let ada = server.somebody().holding(signed_in["access_token"].as_str().expect("a token"));
    let (mut names, mut path) = (Vec::new(), "/v1/customers?limit=100".to_owned());
    loop {
        let page = ada.get(&path).await;
        names.extend(page.body["data"].as_array().expect("a list").iter().map(|row| row["name"].as_str().expect("a name").to_owned()));
        let Some(next) = page.body["meta"]["next_cursor"].as_str() else { return names };
        path = format!("/v1/customers?limit=100&cursor={next}");
    }
}

/// Follows the link in the newest letter.
async fn verify(server: &Server, email: &str) {
    let token = server.somebody().token_to(email).await;
    server.somebody().post("/v1/auth/verify-email", json!({"token": token})).await.ok();
}

fn newest(listed: &Value) -> &str {
    listed[0]["name"].as_str().expect("a backup")
}

on_both! {
    async fn a_backup_under_load_is_restored_elsewhere_with_every_acknowledged_row(place: Place) {
        let place = place.var("AUTORISEN_MASTER_KEY", KEY);
        let mut server = place.serve().await;
        let ada = server.somebody().sign_up("ada@acme.test", "Acme").await;
        for n in 0..20 {
            assert!(add(&ada, &format!("before-{n}")).await);
        }
        let (is_done, folder) = (AtomicBool::new(false), place.folder().join("kept").display().to_string());
        let load = async {
            let mut count = 0;
            while !is_done.load(Ordering::SeqCst) {
                assert!(add(&ada, &format!("during-{count}")).await, "writes go on");
                count += 1;
            }
            count
        };
        let backup = async {
            let made = place.run(&["backup", "create", "--folder", &folder]).await.fine();
            is_done.store(true, Ordering::SeqCst);
            made.out.trim().to_owned()
        };
        let (count, name) = tokio::join!(load, backup);
        server.stop().await;

        let listed = place.run(&["backup", "list", "--json", "--folder", &folder]).await.fine().json();
        assert_eq!((newest(&listed), listed[0]["manifest"]["is_sealed"].as_bool()), (name.as_str(), Some(true)));
        assert!(place.run(&["backup", "list", "--folder", &folder]).await.fine().out.starts_with(&name));

        let there = elsewhere(&place).await;
        let plan = there.run(&["backup", "restore", "--plan", "--folder", &folder]).await.fine();
        assert!(plan.out.contains(&name) && plan.out.contains("which is empty"), "{}", plan.out);
        there.run(&["backup", "restore", "--folder", &folder]).await.fine();
        let mut restored = there.serve().await;
        let names = customers(&restored).await;
        assert!((0..20).all(|n| names.contains(&format!("before-{n}"))), "{names:?}");
        let during = names.iter().filter(|name| name.starts_with("during-")).count();
        assert!(during <= count && (0..during).all(|n| names.contains(&format!("during-{n}"))), "{during} of {count}: {names:?}");
        restored.stop().await;
    }

    async fn a_restore_signs_everybody_out_and_names_the_keys_that_hold(place: Place) {
        let place = place.var("AUTORISEN_MASTER_KEY", KEY);
        let mut server = place.serve().await;
        let ada = server.somebody().sign_up("ada@acme.test", "Acme").await;
        let shown = json!({"email": "ada@acme.test", "password": PASSWORD});
        let held = server.somebody().post("/v1/auth/login", shown).await.expect(200);
        verify(&server, "ada@acme.test").await;
        ada.post("/v1/api-keys", json!({"name": "robot", "scopes": ["customers:read"]})).await.expect(201);
        place.run(&["backup", "create"]).await.fine();
        server.stop().await;
        let plan = place.run(&["backup", "restore", "--plan", "--replace"]).await.fine();
        assert!(plan.out.contains("refresh_tokens, sessions, one_time_tokens, pending_registrations"), "{}", plan.out);
        let done = place.run(&["backup", "restore", "--replace"]).await.fine();
        assert!(done.err.contains("sign in again") && done.err.contains("robot  of Acme") && done.err.contains("hint: "), "{}", done.err);
        let mut server = place.serve().await;
        let old = server.somebody().holding(held["access_token"].as_str().expect("a token"));
        assert_eq!(old.get("/v1/customers").await.status, 401);
        let refresh = json!({"refresh_token": held["refresh_token"]});
        assert_eq!(server.somebody().post("/v1/auth/refresh", refresh).await.status, 401);
        assert!(customers(&server).await.is_empty(), "the password holds");
        server.stop().await;
    }

    async fn what_would_do_harm_is_refused(place: Place) {
        let place = place.var("AUTORISEN_MASTER_KEY", KEY);
        place.run(&["backup", "restore"]).await.with(1).complains(&["no backups in", "autorisen backup create"]);
        place.run(&["migrate", "up"]).await.fine();
        let made = place.run(&["backup", "create", "--keep", "2"]).await.fine();
        let mut server = place.serve().await;
        place.run(&["backup", "restore", "--replace"]).await.with(5).complains(&["running", "hint: stop"]);
        server.stop().await;
        place.run(&["backup", "restore"]).await.with(5).complains(&["is not empty", "--replace"]);
        place.run(&["backup", "verify", "nothing"]).await.with(1).complains(&["no backup nothing", "autorisen backup list"]);
        let folder = place.folder().join("data/backups");
        let folder = folder.to_str().expect("a path");
        let stranger = elsewhere(&place).await.var("AUTORISEN_MASTER_KEY", OTHER_KEY);
        stranger.run(&["backup", "restore", "--folder", folder]).await.with(5).complains(&["another master key", "security.master_key"]);
        let path = format!("{folder}/{}", made.out.trim());
        place.run(&["backup", "restore", &path, "--replace"]).await.fine();
        place.serve().await.stop().await;
    }

    async fn another_master_key_is_refused_with_a_sentence(place: Place) {
        let place = place.var("AUTORISEN_MASTER_KEY", KEY);
        place.serve().await.stop().await;
        let place = place.var("AUTORISEN_MASTER_KEY", OTHER_KEY);
        for command in [&["serve"][..], &["users", "list"], &["migrate", "status"]] {
            place.run(command).await.with(5).complains(&["another master key", "security.master_key"]);
        }
        place.var("AUTORISEN_MASTER_KEY", KEY).serve().await.stop().await;
    }

    async fn a_backup_is_made_by_the_clock(place: Place) {
        place.write("autorisen.yaml", "backup:\n  schedule: 30 2 * * *\n  folder: kept\n  keep: 2\n");
        let mut server = place.serve().await;
        for _ in 0..3 {
            server.somebody().post("/dev/clock", json!({"advance_seconds": 86_400})).await.expect(200);
        }
        let listed = place.run(&["backup", "list", "--json"]).await.fine().json();
        assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_file_is_looked_into_by_restoring_it() {
    let place = Place::sqlite();
    place.run(&["migrate", "up"]).await.fine();
    let name = place.run(&["backup", "create"]).await.fine().out.trim().to_owned();
    assert!(place.run(&["backup", "verify"]).await.fine().err.contains(&format!("{name} is whole")));
    let file = place.folder().join("data/backups").join(&name).join("database.db.sealed");
    let mut bytes = std::fs::read(&file).expect("the file");
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).expect("it is written");
    place.run(&["backup", "verify"]).await.with(1).complains(&["is damaged"]);
    place.run(&["backup", "restore", "--replace"]).await.with(1).complains(&["is damaged"]);
}

#[tokio::test]
async fn a_dump_is_looked_into_by_restoring_it_into_an_empty_database() {
    if !testkit::available(TestEngine::Postgres) {
        return;
    }
    let place = Place::on(TestEngine::Postgres).await;
    place.run(&["migrate", "up"]).await.fine();
    place.run(&["backup", "create"]).await.fine();
    place.run(&["backup", "verify"]).await.with(1).complains(&["may not make a database", "--scratch"]);
    let scratch = testkit::postgres().expect("it is there").database().await.expect("a fresh database");
    for _ in 0..2 {
        assert!(
            place.run(&["backup", "verify", "--scratch", &scratch]).await.fine().err.contains("is whole"),
            "and nothing is left behind"
        );
    }
}

#[tokio::test]
async fn a_schedule_without_a_folder_or_a_clock_is_told_at_boot() {
    let place = Place::sqlite();
    place.write("autorisen.yaml", "backup:\n  schedule: 30 2 * * *\n");
    place.run(&["config", "check"]).await.with(3).complains(&["backup.folder"]);
    place.write("autorisen.yaml", "backup:\n  schedule: every day\n  folder: kept\n");
    place.run(&["config", "check"]).await.with(3).complains(&["backup.schedule", "30 2 * * *"]);
}

#[tokio::test]
async fn production_gives_each_door_a_login_of_its_own() {
    let place = Place::untouched().var("AUTORISEN_ENV", "production").var("DATABASE_URL", "postgres://ann:hunter2secret@db.test/shop");
    place.write("autorisen.yaml", "identity:\n  registration: closed\n");
    let ended = place.run(&["config", "check"]).await.with(5);
    ended.complains(&["database.app_url", "database.system_url", "login of its own"]);
}
