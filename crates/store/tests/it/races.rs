//! Two replicas on one PostgreSQL, a thousand times each.

use std::sync::atomic::{AtomicU32, Ordering};

use kernel::{Actor, Clock};
use store::{Claim, Engine, Guards, Plan, Store, StoreError, Tx};

use crate::world::{ACME, Place, World, customer, in_an_hour, new_customer, steps};

const RACES: u32 = 1000;
/// Keys that are raced for at the same time.
const AT_ONCE: u32 = 8;

async fn request(store: &Store, key: &str) -> Result<Claim, StoreError> {
    let mut tx = Tx::for_org(store, ACME, Actor::System("test")).await?;
    let claim = tx.idempotency_claim("create_customer", key, "h", in_an_hour(store.clock())).await?;
    if claim == Claim::Fresh {
        tx.insert(new_customer(key)).await?;
        tx.idempotency_finish(201, key).await?;
        tx.commit().await?;
    }
    Ok(claim)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_thousand_keys_is_won_by_one_replica() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let other = world.place.open(&world.clock, Guards::default()).await;
    let (fresh, replayed) = (AtomicU32::new(0), AtomicU32::new(0));
    for begin in (0..RACES).step_by(AT_ONCE as usize) {
        let races = (begin..begin + AT_ONCE).flat_map(|n| [(n, &world.store), (n, &other)]).map(|(n, store)| {
            let (fresh, replayed) = (&fresh, &replayed);
            async move {
                let key = format!("key-{n}");
                match request(store, &key).await.unwrap() {
                    Claim::Fresh => fresh.fetch_add(1, Ordering::SeqCst),
                    claim => {
                        assert_eq!(claim, Claim::Replay { status: 201, body: key });
                        replayed.fetch_add(1, Ordering::SeqCst)
                    }
                }
            }
        });
        futures::future::join_all(races).await;
    }
    assert_eq!((fresh.into_inner(), replayed.into_inner()), (RACES, RACES));
    let tx = world.tx(ACME).await;
    assert_eq!(tx.find::<customer::Entity>().count().await.unwrap(), u64::from(RACES) + 1, "ann, and one for each key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_that_start_at_once_migrate_once_in_every_round() {
    for round in 0..12 {
        let Some(place) = Place::new(Engine::Postgres).await else { return };
        let start = async || {
            let store = place.open(&Clock::system(), Guards::default()).await;
            let applied = Plan::new(steps()).up(&store).await.unwrap().len();
            store.check_key().await.unwrap();
            applied
        };
        let (one, two) = futures::join!(start(), start());
        let mut applied = [one, two];
        applied.sort_unstable();
        assert_eq!(applied, [0, steps().len()], "round {round}");
    }
}
