//! Every mail has text and HTML that say the same, and links that are ours.

use std::collections::BTreeSet;

use testkit::{TestEngine, Value, json};

use crate::code::files;
use crate::world::{World, modules};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_has_text_and_html() {
    let world = World::new(TestEngine::Sqlite).await;
    the_rest_of_the_mails(&world).await;
    let mails = world.app.nobody().get("/dev/mail/messages").await.ok();
    for mail in mails.as_array().expect("mails") {
        readable(mail, &world.app.base);
    }
    every_kind_was_sent(&world).await;
    world.app.finish().await;
}

/// A forgotten and a changed password, and a phone that nobody knows.
async fn the_rest_of_the_mails(world: &World) {
    let (app, email) = (&world.app, "bob@acme.test");
    app.nobody().post("/v1/auth/password/forgot", json!({"email": email})).await.ok();
    let change = json!({"current_password": testkit::PASSWORD, "new_password": "a-Quite-unheard-0f-phrase"});
    world.alice.post("/v1/auth/password/change", change).await.ok();
    let phone = app.nobody().with_header("user-agent", "A new phone");
    phone.post("/v1/auth/login", json!({"email": "vera@acme.test", "password": testkit::PASSWORD})).await.ok();
    // Registering by mail, with an address that has an account and with one that has none.
    let by_mail = app.replica(modules(), &[("identity.registration_mode", "mail_first")]).await;
    for email in [email, "newcomer@nowhere.test"] {
        let new = json!({"email": email, "password": testkit::PASSWORD, "full_name": "New", "org_name": "Newcomers"});
        by_mail.nobody().post("/v1/auth/register", new).await.expect(202);
    }
    by_mail.finish().await;
    app.settle().await;
}

fn readable(mail: &Value, base: &str) {
    let part = |name: &str| mail[name].as_str().unwrap_or_default();
    let (subject, text, html) = (part("subject"), part("text"), part("html"));
    assert!((5..=150).contains(&subject.chars().count()) && !subject.contains(['\r', '\n', '{']), "{subject:?}");
    assert!(text.len() > 60 && !text.contains('<'), "{subject}: {text}");
    assert!(html.contains("<html") && !html.contains("<script") && !html.contains("<img"), "{subject}: {html}");
    for link in mail["links"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(link.starts_with(base), "{subject} leads to {link}");
        assert!(text.contains(link), "{subject}: the text lacks the link {link}");
    }
    // Words of the text, but for the links, which HTML escapes.
    let said = text.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic));
    let missing: Vec<_> = said.filter(|word| !html.contains(word)).collect();
    assert!(missing.is_empty(), "{subject}: the HTML lacks {missing:?}");
}

/// Each `Note::new` in the sources is one kind of mail; the key against doubles begins with its name.
async fn every_kind_was_sent(world: &World) {
    let written = files().iter().filter(|file| file.room != "mail").map(|file| file.code().matches("Note::new(").count()).sum::<usize>();
    let rows = store::testing::owner_texts(&world.app.core.store, "select dedupe_key from mails").await.expect("the queue of mails");
    let keys = rows.iter().flatten().filter_map(|(_, key)| key.as_deref());
    let kinds: BTreeSet<_> = keys.map(|key| key.split(['/', ':']).next().unwrap_or_default().to_owned()).collect();
    assert_eq!(kinds.len(), written, "of {written} kinds of mail in the sources the story sends {kinds:?}");
}
