//! The mailbox in the browser.

use chrono::Duration;

use crate::world::{World, greeting};

testkit::both_engines! {
    async fn the_mailbox_lists_the_newest_letter_first_with_its_links() {
        let world = World::new().await;
        for key in ["verify:1", "verify:2"] {
            world.send(greeting("Ann@x.io", key)).await.expect("sends");
            world.later(Duration::minutes(1)).await;
        }
        world.send(greeting("bob@x.io", "verify:3")).await.expect("sends");
        world.work().await;
        let messages = world.messages("ann@X.io").await;
        assert_eq!(messages.len(), 2);
        assert_eq!((&messages[0]["created_at"], &messages[0]["to"]), (&"2026-03-01T12:02:00Z".into(), &"Ann@x.io".into()));
        assert_eq!(messages[0]["links"], serde_json::json!(["https://shop.test/verify?token=abc&next=1"]));
        assert_eq!(messages[0]["subject"], "Confirm your address");
        assert_eq!(world.messages("").await.len(), 3);
    }
}

testkit::both_engines! {
    async fn a_person_reads_the_letters_in_the_browser() {
        let world = World::new().await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        let (status, page) = world.get("/dev/mail").await;
        assert!(status == 200 && page.contains(&format!("/dev/mail/{id}")), "{page}");
        let (status, page) = world.get(&format!("/dev/mail/{id}")).await;
        assert!(status == 200 && page.contains("Thank you for signing up."), "{page}");
        let (status, page) = world.get(&format!("/dev/mail/{id}/html")).await;
        assert!(status == 200 && page.contains("prefers-color-scheme"), "{page}");
        assert_eq!(world.get("/dev/mail/mal_00000000000000000000000000").await.0, 404);
    }
}
