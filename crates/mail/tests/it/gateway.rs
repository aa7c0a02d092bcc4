//! Over a signed HTTP gateway.

use chrono::Duration;
use flows::Engine;
use kernel::MailAddress;
use mail::Withdrawn;

use crate::gateway_sink::{API_KEY, GatewaySink, SECRET};
use crate::sending::withdraw;
use crate::world::{World, greeting, start_of_story};

async fn over(url: &str) -> World {
    World::with(|sources| {
        let sources = sources.set("mail.gateway_url", url).set("mail.from", "Shop <shop@y.io>");
        sources.set("mail.gateway_api_key", API_KEY).set("mail.gateway_secret", SECRET)
    })
    .await
}

testkit::both_engines! {
    async fn a_letter_goes_over_the_gateway_with_key_and_signature() {
        let sink = GatewaySink::start(&[]).await;
        let world = over(&sink.url).await;
        let id = world.send(greeting("ann@x.io", "verify:1").from_name("Acme Books")).await.expect("sends");
        world.work().await;
        let post = sink.posts().remove(0);
        assert_eq!((post.header("x-api-key"), post.header("idempotency-key")), (API_KEY, id.to_string().as_str()));
        assert!(post.header("x-signature").starts_with(&format!("t={},", start_of_story().timestamp())));
        assert!(post.is_signed_with(SECRET) && !post.is_signed_with("another secret"));
        let body = post.json();
        assert_eq!((&body["id"], &body["to"]), (&id.to_string().into(), &"ann@x.io".into()));
        assert_eq!(body["from"], serde_json::json!({"name": "Acme Books", "address": "shop@y.io"}));
        assert_eq!((&body["subject"], &body["expires_at"]), (&"Confirm your address".into(), &"2026-03-04T12:00:00Z".into()));
        assert!(body["text"].as_str().is_some_and(|text| text.contains("Thank you for signing up.")), "{body}");
        assert!(body["html"].as_str().is_some_and(|html| html.contains("token=abc")), "{body}");
        assert_eq!(world.row(id).await.state, "sent");
    }
}

testkit::both_engines! {
    async fn while_the_gateway_is_busy_the_same_letter_is_tried_again() {
        let sink = GatewaySink::start(&[503, 429, 409]).await;
        let world = over(&sink.url).await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        let waiting = world.row(id).await;
        assert_eq!((waiting.state.as_str(), waiting.reason.as_deref()), ("queued", Some("the mail gateway answered 503")));
        for minutes in [1, 5, 15] {
            world.later(Duration::minutes(minutes)).await;
        }
        let posts = sink.posts();
        assert_eq!((posts.len(), world.row(id).await.state.as_str()), (4, "sent"));
        assert!(posts.iter().all(|post| post.raw == posts[0].raw && post.header("idempotency-key") == id.to_string()));
        assert!(posts.iter().all(|post| post.is_signed_with(SECRET)), "each try has a stamp and a signature of its own");
        assert_ne!(posts[0].header("x-signature"), posts[1].header("x-signature"));
    }
}

testkit::both_engines! {
    async fn of_what_may_have_left_nobody_says_that_it_was_not_sent_and_it_is_not_sent_again() {
        let sink = GatewaySink::start(&[503, 429]).await;
        let world = over(&sink.url).await;
        let unsure = world.send(greeting("ann@x.io", "reminder:1")).await.expect("sends");
        world.work().await;
        let unsent = world.send(greeting("bob@x.io", "reminder:2")).await.expect("sends");
        world.work().await;
        let taken_back = [withdraw(&world, "reminder:1").await, withdraw(&world, "reminder:2").await];
        assert_eq!(taken_back, [Withdrawn::PerhapsSent, Withdrawn::Unsent]);
        for (id, reason) in [(unsure, "withdrawn, and it may have left before"), (unsent, "withdrawn before it was delivered")] {
            let row = world.row(id).await;
            assert_eq!((row.state.as_str(), row.sealed, row.reason.as_deref()), ("expired", None, Some(reason)));
        }
        world.later(Duration::hours(1)).await;
        assert_eq!(sink.posts().len(), 2, "neither is tried again");
    }
}

testkit::both_engines! {
    async fn a_letter_that_the_gateway_refuses_is_a_dead_letter_and_no_secret_is_told() {
        testkit::keep_logs();
        let sink = GatewaySink::start(&[422]).await;
        let world = over(&sink.url).await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        world.later(Duration::days(1)).await;
        let row = world.row(id).await;
        assert_eq!((sink.posts().len(), row.state.as_str()), (1, "refused"));
        assert_eq!(row.reason.as_deref(), Some("the mail gateway answered 422"));
        let dead = world.core.parts.get::<Engine>().dead_letters(&world.core).await.expect("a list");
        assert!(dead[0].reason.starts_with("mail_refused"), "{}", dead[0].reason);
        for canary in [API_KEY, SECRET] {
            assert!(!dead[0].reason.contains(canary) && !testkit::logs().contains(canary), "{canary} is told");
        }
    }
}

testkit::both_engines! {
    async fn nobody_who_writes_notices_that_the_gateway_is_away() {
        let closed = GatewaySink::start(&[]).await;
        let url = closed.url.clone();
        drop(closed);
        let world = over(&url).await;
        let short = greeting("ann@x.io", "reset:1").expiring(start_of_story() + Duration::minutes(10));
        let (short, long) = (world.send(short).await.expect("sends"), world.send(greeting("bob@x.io", "reset:2")).await.expect("sends"));
        world.work().await;
        for id in [short, long] {
            let row = world.row(id).await;
            assert_eq!((row.state.as_str(), row.reason.as_deref()), ("queued", Some("the mail gateway can't be reached")));
        }
        world.later(Duration::hours(1)).await;
        assert_eq!((world.row(short).await.state.as_str(), world.row(short).await.sealed), ("expired", None));
        assert_eq!(world.row(long).await.state, "queued");
        let ready = world.get("/readyz").await;
        assert_eq!(ready.0, 200, "what waits is no reason to be taken out of service: {}", ready.1);
    }
}

testkit::both_engines! {
    async fn a_hostile_address_is_data_in_the_body_and_nothing_else() {
        let sink = GatewaySink::start(&[]).await;
        let world = over(&sink.url).await;
        let to: MailAddress = "\"a\\\"b\"@x.io".parse().unwrap_or_else(|_| "a'b@x.io".parse().expect("a valid address"));
        world.send(greeting(to.as_str(), "verify:1").from_name("A \"B\" </script>")).await.expect("sends");
        world.work().await;
        let body = sink.posts().remove(0).json();
        assert_eq!((&body["to"], &body["from"]["name"]), (&to.as_str().into(), &"A \"B\" </script>".into()));
    }
}
