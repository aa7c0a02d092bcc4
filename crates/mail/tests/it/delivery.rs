//! Over a mail server, or without one.

use chrono::Duration;
use flows::Engine;
use mail::Withdrawn;
use store::Tx;
use testkit::SmtpSink;

use crate::world::{World, greeting, start_of_story};

async fn over(sink: &SmtpSink) -> World {
    let url = sink.url.clone();
    World::with(|sources| sources.set("mail.smtp_url", url).set("mail.from", "Shop <shop@y.io>")).await
}

testkit::both_engines! {
    async fn a_letter_goes_over_the_mail_server() {
        let sink = SmtpSink::start(&[]).await;
        let world = over(&sink).await;
        let id = world.send(greeting("ann@x.io", "verify:1").from_name("Acme Books")).await.expect("sends");
        world.work().await;
        let message = sink.messages().remove(0);
        for line in ["From: \"Acme Books\" <shop@y.io>", "To: ann@x.io", "Subject: Confirm your address", "multipart/alternative"] {
            assert!(message.contains(line), "{line} is missing in\n{message}");
        }
        assert!(message.contains(&format!("Message-ID: <{id}@")), "{message}");
        assert_eq!(world.row(id).await.state, "sent");
        assert!(world.messages("ann@x.io").await.is_empty(), "the mailbox is only for when there is no server");
    }
}

testkit::both_engines! {
    async fn while_the_server_is_busy_the_letter_waits_and_keeps_its_message_id() {
        let sink = SmtpSink::start(&["451 later", "421 busy"]).await;
        let world = over(&sink).await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        let waiting = world.row(id).await;
        assert_eq!((waiting.state.as_str(), waiting.reason.as_deref()), ("queued", Some("the mail server answered 451")));
        world.later(Duration::minutes(1)).await;
        world.later(Duration::minutes(5)).await;
        assert_eq!((sink.recipients(), sink.messages().len()), (3, 1));
        assert_eq!(world.row(id).await.state, "sent");
    }
}

testkit::both_engines! {
    async fn a_letter_that_is_refused_for_good_is_a_dead_letter() {
        let sink = SmtpSink::start(&["550 no such person"]).await;
        let world = over(&sink).await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        world.later(Duration::days(1)).await;
        assert_eq!((sink.recipients(), world.row(id).await.state.as_str()), (1, "refused"));
        let dead = world.core.parts.get::<Engine>().dead_letters(&world.core).await.expect("a list");
        assert!(dead[0].reason.starts_with("mail_refused"), "{}", dead[0].reason);
        world.core.parts.get::<Engine>().replay(&world.core, dead[0].id).await.expect("replays");
        world.work().await;
        assert_eq!(world.row(id).await.state, "sent");
    }
}

testkit::both_engines! {
    async fn an_expired_letter_is_not_sent_and_says_so() {
        let sink = SmtpSink::start(&["451 later"]).await;
        let world = over(&sink).await;
        let letter = greeting("ann@x.io", "verify:1").expiring(start_of_story() + Duration::minutes(10));
        let id = world.send(letter).await.expect("sends");
        world.work().await;
        world.later(Duration::hours(1)).await;
        let row = world.row(id).await;
        assert_eq!((row.state.as_str(), row.sealed), ("expired", None));
        assert_eq!(row.reason.as_deref(), Some("expired before it could be delivered"));
        assert!(sink.messages().is_empty());
    }
}

testkit::both_engines! {
    async fn without_a_mail_server_letters_outside_development_wait_until_they_expire() {
        let key = kernel::chance::digest("story");
        let world = World::with(|sources| sources.var("AUTORISEN_ENV", "staging").var("AUTORISEN_MASTER_KEY", key)).await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        let row = world.row(id).await;
        assert_eq!((row.state.as_str(), row.reason.as_deref()), ("queued", Some("no mail server is configured")));
        assert_eq!(world.get("/dev/mail/messages").await.0, 404);
        world.later(Duration::days(4)).await;
        assert_eq!(world.row(id).await.state, "expired");
    }
}

testkit::both_engines! {
    async fn a_letter_for_a_server_that_nobody_finds_never_left() {
        // A label of a name has 63 letters at most (RFC 1035), so that no name server is asked.
        let url = format!("smtp://{}.invalid", "x".repeat(64));
        let world = World::with(|sources| sources.set("mail.smtp_url", url).set("mail.from", "Shop <shop@y.io>")).await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        let row = world.row(id).await;
        assert_eq!((row.state.as_str(), row.reason.as_deref()), ("queued", Some("the mail server can't be reached")));
        let mut tx = Tx::for_org(&world.core.store, world.org, kernel::Actor::System("story")).await.expect("a transaction");
        assert_eq!(mail::withdraw(&mut tx, "verify:1").await.expect("an answer"), Withdrawn::Unsent);
    }
}
