//! Listeners after the commit are durable runs of one step.

use chrono::Duration;
use host::Work;
use kernel::{CustomerId, Event, Failure, General};
use serde::{Deserialize, Serialize};

use crate::world::{Effects, World};

#[derive(Debug, Serialize, Deserialize)]
struct CustomerGreeted {
    customer: CustomerId,
}

impl Event for CustomerGreeted {
    const NAME: &'static str = "story.customer_greeted";

    fn subject(&self) -> uuid::Uuid {
        self.customer.uuid()
    }
}

/// A world where the listener fails at first.
async fn listening(failures: usize) -> (World, Effects, CustomerId) {
    let effects = Effects::default();
    let log = effects.clone();
    let world = World::new(move |app| {
        let log = log.clone();
        app.on::<CustomerGreeted>("story.greet", move |work: Work, event: CustomerGreeted| {
            let heard = log.add(format!("{} {}", event.customer, work.key));
            async move {
                work.begin("story").await?;
                if heard <= failures { Err(Failure::new(General::DependencyUnavailable)) } else { Ok(()) }
            }
        });
    })
    .await;
    let customer = CustomerId::new(world.core.clock.now());
    (world, effects, customer)
}

testkit::both_engines! {
    async fn a_listener_hears_after_the_commit_and_never_without_one() {
        let (world, effects, customer) = listening(0).await;
        let mut tx = world.tx().await;
        tx.emit(&CustomerGreeted { customer }).await.expect("emits");
        drop(tx);
        world.work().await;
        assert_eq!(effects.count(), 0);
        let mut tx = world.tx().await;
        tx.emit(&CustomerGreeted { customer }).await.expect("emits");
        tx.commit().await.expect("commits");
        world.work().await;
        assert_eq!(effects.count(), 1);
    }
}

testkit::both_engines! {
    async fn a_listener_that_fails_hears_again_with_the_same_key() {
        let (world, effects, customer) = listening(1).await;
        let mut tx = world.tx().await;
        tx.emit(&CustomerGreeted { customer }).await.expect("emits");
        tx.commit().await.expect("commits");
        world.work().await;
        world.later(Duration::minutes(1)).await;
        let all = effects.all();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], all[1]);
    }
}
