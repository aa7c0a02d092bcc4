//! What commands say, where they say it, and with which code they end.

use testkit::json;

use crate::place::on_both;
use crate::{Place, Server};

#[tokio::test]
async fn without_a_command_it_serves() {
    let place = Place::untouched();
    let place = place.var("PORT", "0");
    let mut server = Server::start(place.command(&[]), "").ready().await;
    let ready = server.log().into_iter().find(|line| line["event"] == "server.ready").expect("it is ready");
    assert_eq!(ready["environment"], "development");
    assert_eq!(server.somebody().get("/readyz").await.status, 200);
    let begin = format!("{}/signup", server.base);
    server.says(&begin).await;
    assert!(place.folder().join("data/autorisen.db").exists());
    server.stop().await;
}

/// Whoever takes any free port still gets mails that lead to it.
#[tokio::test]
async fn links_carry_the_port_that_was_free() {
    let place = Place::sqlite();
    let mut server = Server::start(place.command(&["serve", "--port", "0"]), "").ready().await;
    let nobody = server.somebody();
    nobody.sign_up("ada@port.test", "Port").await;
    nobody.post("/dev/clock", json!({"advance_seconds": 1})).await;
    let mails = nobody.get("/dev/mail/messages?to=ada@port.test").await.ok();
    let link = mails[0]["links"][0].as_str().expect("a link");
    assert!(link.starts_with(&server.base) && !server.base.ends_with(":0"), "{link}");
    server.stop().await;
}

#[tokio::test]
async fn misuse_ends_with_2_and_says_how_it_is_used() {
    let place = Place::sqlite();
    for misuse in [&["srve"][..], &["serve", "--prot", "1"], &["serve", "--port", "65536"], &["users", "add", "no address"]] {
        let ended = place.run(misuse).await.with(2);
        ended.complains(&["error: ", "--help"]);
        assert_eq!(ended.out, "", "{misuse:?}");
    }
    // A group of commands without one of them shows what there is.
    place.run(&["migrate"]).await.with(2).complains(&["Usage:", "status"]);
    assert!(!place.folder().join("data").exists(), "misuse leaves nothing behind");
}

#[tokio::test]
async fn help_and_version_are_data() {
    let place = Place::untouched();
    for asked in ["serve", "worker", "migrate", "config", "openapi", "users", "flows", "demo"] {
        assert!(place.run(&["--help"]).await.fine().out.contains(asked), "{asked}");
    }
    assert!(place.run(&["--version"]).await.fine().out.starts_with("autorisen "));
}

on_both! {
    async fn work_that_gave_up_is_listed_and_only_that_is_replayed(place: Place) {
        let listed = place.run(&["flows", "dead", "list", "--json"]).await.fine().json();
        assert_eq!(listed, json!([]));
        place.run(&["flows", "dead", "replay"]).await.with(2).complains(&["error: ", "--all"]);
        let unknown = place.run(&["flows", "dead", "replay", "run_00000000000000000000000000"]).await.with(1);
        unknown.complains(&["there is no dead run", "hint: autorisen flows dead list"]);
        assert_eq!(place.run(&["flows", "dead", "replay", "--all", "--json"]).await.fine().json(), json!([]));
    }

    async fn a_busy_port_is_told_with_its_holder(place: Place) {
        let holder = std::net::TcpListener::bind(("127.0.0.1", place.port)).expect("a free port");
        let mut server = place.serving(&[]);
        assert_eq!(server.ended().await, Some(4));
        let pid = std::process::id().to_string();
        for words in [format!("port {} on 127.0.0.1 is taken", place.port), pid, "hint: ".to_owned(), "--port".to_owned()] {
            assert!(server.talk().contains(&words), "{words:?} is missing in: {}", server.talk());
        }
        drop(holder);
        place.serve().await.stop().await;
    }
}

#[tokio::test]
async fn a_busy_port_for_figures_is_no_reason_not_to_start() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let place = Place::sqlite().var("METRICS_PORT", holder.local_addr().expect("an address").port().to_string());
    let mut server = place.serve().await;
    assert_eq!(server.somebody().get("/readyz").await.status, 200);
    assert!(server.runs());
    assert_eq!(server.count("metrics.port_busy"), 1, "it is told: {:?}", server.log());
    server.stop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_ends_with_4_and_a_hint() {
    let place = Place::sqlite().var("DATABASE_URL", "postgres://ann:hunter2secret@127.0.0.1:1/shop");
    for command in [&["serve"][..], &["worker"], &["migrate", "status"], &["users", "list"]] {
        let ended = place.run(command).await.with(4);
        ended.complains(&["the database", "hint: ", "pg_isready -h 127.0.0.1 -p 1"]);
        assert!(!ended.err.contains("hunter2secret") && !ended.out.contains("hunter2secret"), "the password is told: {}", ended.err);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_ends_with_4_and_a_hint() {
    let place = Place::sqlite();
    place.write("file", "in the way");
    place.run(&["users", "list", "--data-dir", "file/data"]).await.with(4).complains(&["file/data", "--data-dir"]);
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_nothing_else() {
    let place = Place::untouched();
    let ended = place.run(&["openapi"]).await.fine();
    let document = ended.json();
    assert_eq!(ended.err, "");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    assert!(document["paths"]["/v1/customers"]["post"].is_object());
    assert!(!place.folder().join("data").exists(), "a document needs no data");
}

#[tokio::test]
async fn a_reader_that_goes_away_early_is_no_fault() {
    let place = Place::untouched();
    for asked in ["openapi", "config list"] {
        let script = format!("set -o pipefail; '{}' {asked} | head -c 1", env!("CARGO_BIN_EXE_autorisen"));
        let mut shell = tokio::process::Command::new("bash");
        shell.args(["-c", &script]).current_dir(place.folder());
        let ended = crate::program::run(shell).await;
        assert_eq!(ended.err, "", "{asked} complains");
    }
}

#[tokio::test]
async fn the_data_folder_is_meant_from_where_one_stands() {
    let (here, there) = (Place::sqlite(), Place::sqlite());
    let data = there.folder().join("kept");
    let data = data.to_str().expect("a path");
    let add = ["users", "add", "ann@acme.test", "--name", "Ann", "--org", "Acme", "--data-dir"];
    here.run(&[&add[..], &[data]].concat()).await.fine();
    assert!(!here.folder().join("data").exists() && there.folder().join("kept/autorisen.db").exists());
    let listed = there.run(&["users", "list", "--json", "--data-dir", "kept"]).await.fine().json();
    assert_eq!(listed[0]["email"], "ann@acme.test");
    let mut server = here.serving(&["--data-dir", data]).ready().await;
    let shown = json!({"email": "ann@acme.test", "password": "not hers at all"});
    server.somebody().post("/v1/auth/login", shown).await.refused(401, "credentials_wrong");
    assert!(server.runs());
    server.stop().await;
}
