//! `smoke`: a server is tried from outside.

use testkit::Value;

use crate::Place;

fn state<'a>(report: &'a Value, name: &str) -> &'a str {
    let check = report["checks"].as_array().expect("a list").iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("{name} was not tried: {report:#}"))["state"].as_str().expect("a word")
}

#[tokio::test]
async fn a_server_passes_and_somebody_really_signs_up() {
    let place = Place::sqlite();
    let mut server = place.serve().await;
    let mailbox = format!("{}/dev/mail/messages", server.base);
    let report = place.run(&["smoke", &server.base, "--mailbox", &mailbox, "--json"]).await.fine().json();
    assert_eq!(report["ok"], true);
    for name in ["alive", "ready", "page", "assets", "no listing", "headers", "openapi", "sign up", "mail", "verify", "sign in"] {
        assert_eq!(state(&report, name), "passed", "{name}: {report:#}");
    }
    let told = place.run(&["smoke", &server.base, "--mailbox", &mailbox]).await.fine();
    assert!(told.out.contains("passed   sign in") && told.err.is_empty(), "{}{}", told.out, told.err);
    server.stop().await;
}

#[tokio::test]
async fn where_the_link_makes_the_account_the_password_is_chosen_there() {
    let place = Place::sqlite();
    place.write("autorisen.yaml", "identity:\n  registration_mode: mail_first\n");
    let mut server = place.serve().await;
    let mailbox = format!("{}/dev/mail/messages", server.base);
    let report = place.run(&["smoke", &server.base, "--mailbox", &mailbox, "--json"]).await.fine().json();
    for name in ["sign up", "mail", "verify", "sign in"] {
        assert_eq!(state(&report, name), "passed", "{name}: {report:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn without_a_mailbox_it_stops_before_the_mail_and_says_so() {
    let place = Place::sqlite();
    let mut server = place.serve().await;
    let told = place.run(&["smoke", &server.base, "--email", "ann@shop.test"]).await.fine();
    assert!(told.out.contains("ann+") && told.out.contains("stopped before the mail: give --mailbox"), "{}", told.out);
    let letter = server.somebody().get("/dev/mail/messages").await.expect(200);
    assert!(letter[0]["to"].as_str().is_none_or(|to| to.starts_with("ann+")), "{letter}");
    let reading = place.run(&["smoke", &server.base, "--read-only", "--json"]).await.fine().json();
    assert_eq!((state(&reading, "headers"), state(&reading, "sign up")), ("passed", "skipped"));
    server.stop().await;
}

#[tokio::test]
async fn where_registration_is_closed_the_rest_is_tried() {
    let place = Place::sqlite();
    place.write("autorisen.yaml", "identity:\n  registration: closed\nserver:\n  openapi: false\n");
    let mut server = place.serve().await;
    let report = place.run(&["smoke", &server.base, "--json"]).await.fine().json();
    assert_eq!((state(&report, "sign up"), state(&report, "mail"), state(&report, "openapi")), ("passed", "skipped", "skipped"));
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_well_fails_with_1_and_one_that_is_away_with_4() {
    let place = Place::untouched()
        .var("AUTORISEN_ENV", "staging")
        .var("AUTORISEN_MASTER_KEY", "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c");
    place.write("autorisen.yaml", "identity:\n  registration: closed\n");
    let mut server = place.serve().await;
    let report = place.run(&["smoke", &server.base, "--json"]).await.with(1).json();
    assert_eq!((state(&report, "alive"), state(&report, "ready")), ("passed", "failed"), "nothing was migrated: {report:#}");
    let base = server.base.clone();
    server.stop().await;
    place.run(&["smoke", &base]).await.with(4).complains(&["does not answer", "hint: "]);
    place.run(&["smoke", "ftp://app.test"]).await.with(2).complains(&["hint: "]);
    place.run(&["smoke", "no address"]).await.with(2).complains(&["--help"]);
}
