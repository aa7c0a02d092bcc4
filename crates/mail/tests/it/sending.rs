//! Handing letters over.

use kernel::OrgId;
use mail::Withdrawn;
use store::Tx;
use store::testing::owner_rows;

use crate::world::{World, greeting};

testkit::both_engines! {
    async fn a_letter_leaves_if_and_only_if_its_transaction_commits() {
        let world = World::new().await;
        let mut tx = Tx::for_org(&world.core.store, world.org, kernel::Actor::System("story")).await.expect("a transaction");
        mail::send(&mut tx, greeting("ann@x.io", "verify:1")).await.expect("sends");
        drop(tx);
        world.work().await;
        assert!(world.messages("ann@x.io").await.is_empty());
        world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        world.work().await;
        assert_eq!(world.messages("ann@x.io").await.len(), 1);
    }
}

testkit::both_engines! {
    async fn one_key_sends_one_letter_in_each_organization() {
        let world = World::new().await;
        let first = world.send(greeting("ann@x.io", "receipt:1")).await.expect("sends");
        let again = world.send(greeting("ann@x.io", "receipt:1")).await.expect("sends");
        let elsewhere = OrgId::new(world.core.clock.now());
        let other = world.send_from(elsewhere, greeting("ann@x.io", "receipt:1")).await.expect("sends");
        world.work().await;
        assert!(first == again && first != other);
        assert_eq!(world.messages("ann@x.io").await.len(), 2);
    }
}

testkit::both_engines! {
    async fn the_platform_sends_letters_too() {
        let world = World::new().await;
        let mut ids = Vec::new();
        for _ in 0..2 {
            let mut system = world.core.store.system("story").await.expect("the system door");
            ids.push(mail::send_system(&mut system, greeting("new@x.io", "verify:2")).await.expect("sends"));
            system.commit().await.expect("commits");
        }
        world.work().await;
        assert_eq!(ids[0], ids[1]);
        assert_eq!(world.messages("new@x.io").await.len(), 1);
    }
}

testkit::both_engines! {
    async fn words_are_sealed_while_they_wait_and_erased_when_they_went() {
        let world = World::new().await;
        let id = world.send(greeting("ann@x.io", "verify:1")).await.expect("sends");
        let waiting = world.row(id).await;
        let sealed = waiting.sealed.expect("the words wait");
        assert!(!sealed.contains("token") && !sealed.contains("Confirm"), "{sealed}");
        world.work().await;
        let sent = world.row(id).await;
        assert_eq!((sent.state.as_str(), sent.sealed), ("sent", None));
    }
}

testkit::both_engines! {
    async fn a_subject_that_smuggles_a_header_is_refused() {
        let world = World::new().await;
        let letter = mail::Letter { subject: "Hi\r\nBcc: eve@x.io".to_owned(), ..greeting("ann@x.io", "verify:1") };
        let refused = world.send(letter).await.expect_err("it is refused");
        assert!(refused.fields.contains_key("subject"));
    }
}

testkit::both_engines! {
    async fn a_letter_that_waits_can_be_withdrawn_and_its_words_are_erased() {
        let world = World::new().await;
        let id = world.send(greeting("ann@x.io", "reminder:1")).await.expect("sends");
        let kept = world.send(greeting("ann@x.io", "reminder:2")).await.expect("sends");
        let mut tx = Tx::for_org(&world.core.store, OrgId::new(world.core.clock.now()), kernel::Actor::System("story")).await.expect("a transaction");
        assert_eq!(mail::withdraw(&mut tx, "reminder:1").await.expect("an answer"), Withdrawn::Nothing, "another organization's key");
        drop(tx);
        assert_eq!(withdraw(&world, "reminder:1").await, Withdrawn::Unsent);
        let row = world.row(id).await;
        assert_eq!((row.state.as_str(), row.sealed), ("expired", None));
        assert_eq!(row.reason.as_deref(), Some("withdrawn before it was delivered"));
        world.work().await;
        assert_eq!((world.messages("ann@x.io").await.len(), world.row(kept).await.state.as_str()), (1, "sent"));
        assert_eq!(withdraw(&world, "reminder:2").await, Withdrawn::Nothing, "what went cannot be taken back");
    }
}

pub async fn withdraw(world: &World, key: &str) -> Withdrawn {
    let mut tx = Tx::for_org(&world.core.store, world.org, kernel::Actor::System("story")).await.expect("a transaction");
    let is_withdrawn = mail::withdraw(&mut tx, key).await.expect("an answer");
    tx.commit().await.expect("a commit");
    is_withdrawn
}

/// Taken back while it is being delivered, after delivery has read it. On PostgreSQL alone: SQLite's one
/// writer lets nobody in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_is_taken_back_on_its_way_into_the_mailbox_stays_away() {
    testkit::on_postgres(async {
        let world = World::new().await;
        let id = world.send(greeting("ann@x.io", "reminder:1")).await.expect("sends");
        let mut tx = Tx::for_org(&world.core.store, world.org, kernel::Actor::System("story")).await.expect("a transaction");
        assert_eq!(mail::withdraw(&mut tx, "reminder:1").await.expect("an answer"), Withdrawn::Unsent);
        let taking_back = async {
            let waiting = "select 1 as one from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
            while owner_rows(&world.core.store, waiting).await.expect("the owner sees them").is_empty() {}
            tx.commit().await.expect("commits");
        };
        tokio::join!(world.work(), taking_back);
        let row = world.row(id).await;
        assert_eq!((row.state.as_str(), row.reason.as_deref()), ("expired", Some("withdrawn before it was delivered")));
        assert!(world.messages("ann@x.io").await.is_empty());
    })
    .await;
}
