//! Idempotency keys under races.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::Duration;
use kernel::Actor;
use store::{Claim, Engine, StoreError, Tx};

use crate::world::{ACME, GLOBEX, World, customer, in_an_hour, new_customer, story};

const ROUTE: &str = "create_customer";

async fn request(world: &World, key: &str, hash: &str) -> Result<Claim, StoreError> {
    let mut tx = Tx::for_org(&world.store, ACME, Actor::System("test")).await?;
    let claim = tx.idempotency_claim(ROUTE, key, hash, in_an_hour(&world.clock)).await?;
    if claim == Claim::Fresh {
        tx.insert(new_customer(key)).await?;
        tx.idempotency_finish(201, "the answer").await?;
        tx.commit().await?;
    }
    Ok(claim)
}

/// Until another transaction stands at the key. On SQLite it waits for its turn from its first step on,
/// which it took before us.
async fn second_waits(world: &World) {
    let waiting = "select 1 from pg_locks where not granted";
    let end = std::time::Instant::now() + std::time::Duration::from_secs(4);
    while world.store.engine() == Engine::Postgres && store::testing::owner_rows(&world.store, waiting).await.unwrap().is_empty() {
        assert!(std::time::Instant::now() < end, "nobody waits");
    }
}

fn replay() -> Claim {
    Claim::Replay { status: 201, body: "the answer".into() }
}

story!(a_repeated_request_gets_the_first_answer, world, {
    assert_eq!(request(&world, "k1", "h").await.unwrap(), Claim::Fresh);
    assert_eq!(request(&world, "k1", "h").await.unwrap(), replay());
    assert_eq!(request(&world, "k1", "other").await.unwrap(), Claim::BodyDiffers);
    assert_eq!(request(&world, "k2", "h").await.unwrap(), Claim::Fresh);
    let mut tx = world.tx(GLOBEX).await;
    let elsewhere = tx.idempotency_claim(ROUTE, "k1", "h", in_an_hour(&world.clock)).await.unwrap();
    assert_eq!(elsewhere, Claim::Fresh, "keys belong to a company");
});

story!(of_many_at_once_exactly_one_does_the_work, world, {
    let fresh = AtomicU32::new(0);
    let requests = (0..8).map(|_| async {
        match request(&world, "race", "h").await.unwrap() {
            Claim::Fresh => drop(fresh.fetch_add(1, Ordering::SeqCst)),
            claim => assert_eq!(claim, replay()),
        }
    });
    futures::future::join_all(requests).await;
    assert_eq!(fresh.into_inner(), 1);
    let tx = world.tx(ACME).await;
    assert_eq!(tx.find::<customer::Entity>().count().await.unwrap(), 2, "ann and the one of the race");
});

story!(an_expired_key_is_taken_over_by_exactly_one, world, {
    request(&world, "old", "h").await.unwrap();
    world.clock.advance(Duration::hours(2));
    let mut first = world.tx(ACME).await;
    assert_eq!(first.idempotency_claim(ROUTE, "old", "new body", in_an_hour(&world.clock)).await.unwrap(), Claim::Fresh);
    let second = async {
        let mut tx = world.tx(ACME).await;
        tx.idempotency_claim(ROUTE, "old", "new body", in_an_hour(&world.clock)).await.unwrap()
    };
    let finish = async {
        second_waits(&world).await;
        first.idempotency_finish(201, "the answer").await.unwrap();
        first.commit().await.unwrap();
    };
    let (second, ()) = futures::join!(second, finish);
    assert_eq!(second, replay());
});

story!(a_request_that_failed_leaves_its_key_free, world, {
    let mut tx = world.tx(ACME).await;
    assert_eq!(tx.idempotency_claim(ROUTE, "k", "h", in_an_hour(&world.clock)).await.unwrap(), Claim::Fresh);
    drop(tx);
    assert_eq!(request(&world, "k", "h").await.unwrap(), Claim::Fresh);
});

// The wait of five seconds is the promise itself, so this story takes that long.
story!(a_first_request_that_does_not_end_is_waited_for_five_seconds, world, {
    let mut first = world.tx(ACME).await;
    assert_eq!(first.idempotency_claim(ROUTE, "slow", "h", in_an_hour(&world.clock)).await.unwrap(), Claim::Fresh);
    let started = std::time::Instant::now();
    let second = request(&world, "slow", "h").await;
    let waited = started.elapsed().as_secs();
    assert!((4..7).contains(&waited), "{waited} s");
    match world.store.engine() {
        // With one writer, the second does not get as far as the key.
        Engine::Sqlite => assert!(matches!(second, Err(StoreError::TimedOut)), "{second:?}"),
        Engine::Postgres => assert_eq!(second.unwrap(), Claim::StillRunning),
    }
    first.idempotency_finish(201, "the answer").await.unwrap();
    first.commit().await.unwrap();
    assert_eq!(request(&world, "slow", "h").await.unwrap(), replay());
});

story!(the_answer_is_sealed_at_rest_and_swept_when_expired, world, {
    request(&world, "k", "h").await.unwrap();
    let rows = store::testing::owner_rows(&world.store, "select body from idempotency_keys").await.unwrap();
    let body: String = rows[0].try_get_by("body").unwrap();
    assert!(!body.contains("answer"));
    world.clock.advance(Duration::hours(2));
    let mut system = world.store.system("sweep").await.unwrap();
    assert_eq!(system.sweep_idempotency_keys(10).await.unwrap(), 1);
    system.commit().await.unwrap();
});
