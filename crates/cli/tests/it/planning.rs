//! `migrate plan` and `stamp`, and the scripts that complete commands.

use crate::Place;
use crate::place::on_both;

on_both! {
    async fn a_plan_shows_what_would_run_and_changes_nothing(place: Place) {
        let plan = place.run(&["migrate", "plan"]).await.fine();
        assert!(plan.out.contains("-- 20261120_05_mail_1_mails\nCREATE TABLE") && plan.out.contains("\"mails\""), "{}", plan.out);
        let (marked, told) = (plan.out.contains("-- DESTRUCTIVE: "), plan.err.contains("destructive"));
        assert!(plan.err.contains(" steps") && marked == told, "{}", plan.err);
        assert!(!place.folder().join("data").exists(), "a plan makes nothing");
        place.run(&["migrate", "status"]).await.with(1);
        place.run(&["migrate", "up"]).await.fine();
        let after = place.run(&["migrate", "plan"]).await.fine();
        assert!(after.out.is_empty() && after.err.contains("nothing is pending"), "{}{}", after.out, after.err);
        let all = place.run(&["migrate", "plan", "--all", "--json"]).await.fine().json();
        let steps = all.as_array().expect("a list");
        assert!(steps.len() > 10 && steps.iter().any(|step| step["statements"][0]["sql"].is_string()));
    }

    async fn a_stamp_is_believed_and_so_it_has_to_be_asked_for(place: Place) {
        place.run(&["migrate", "stamp"]).await.with(2).complains(&["--yes"]);
        place.run(&["migrate", "up"]).await.fine();
        let last = place.run(&["migrate", "down"]).await.fine().out;
        assert_eq!(place.run(&["migrate", "stamp", "--yes"]).await.fine().out, last, "only what is pending is stamped");
        place.run(&["migrate", "status"]).await.fine();
        assert_eq!(place.run(&["migrate", "stamp", "--yes"]).await.fine().out, "");
    }
}

#[tokio::test]
async fn a_plan_is_told_in_the_words_of_either_engine() {
    let place = Place::sqlite();
    let postgres = place.run(&["migrate", "plan", "--engine", "postgres"]).await.fine();
    assert!(postgres.out.contains("force row level security") && postgres.out.contains("to autorisen_app"), "{}", postgres.out);
    let sqlite = place.run(&["migrate", "plan", "--engine", "sqlite"]).await.fine();
    assert!(!sqlite.out.contains("row level security"), "{}", sqlite.out);
    place.run(&["migrate", "plan", "--engine", "oracle"]).await.with(2);
}

#[tokio::test]
async fn each_shell_gets_a_script_that_knows_the_commands() {
    let place = Place::untouched();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).await.fine();
        for word in ["autorisen", "migrate", "doctor", "smoke", "demo"] {
            assert!(script.out.contains(word), "{shell}: {word} is missing");
        }
    }
    let bash = place.run(&["completions", "bash"]).await.fine();
    place.write("script", &bash.out);
    let mut shell = tokio::process::Command::new("bash");
    shell.args(["-n", "script"]).current_dir(place.folder());
    crate::program::run(shell).await.fine();
    place.run(&["completions", "cmd.exe"]).await.with(2);
}
