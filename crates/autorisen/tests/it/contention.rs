//! Two who lock the same rows in opposite order: the database ends one of them, and its request is run
//! once more, unless something of it was kept already.

use std::sync::atomic::{AtomicU32, Ordering};

use autorisen::crm::CUSTOMERS_WRITE;
use autorisen::kernel::{Actor, CustomerId, General, OrgId};
use autorisen::web::{Answer, Ctx, Json, Routes as _};
use autorisen::{Module, Registry};
use serde::Deserialize;
use store::{Store, StoreError, TenantSql, Tx};
use testkit::{TestApp, TestEngine, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::world::modules;

const TOUCH: TenantSql = TenantSql::both("update customers set version = version + 1 where org_id = $1 and id = $2");

/// Deadlocks that are made until the request is the one that the server ends.
const TRIES_MAX: usize = 10;

/// A request waits for a lock within milliseconds; a busy machine is no failure.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// How often the handler began.
static ROUNDS: AtomicU32 = AtomicU32::new(0);

struct Swapping;

impl Module for Swapping {
    fn name(&self) -> &'static str {
        "swapping"
    }

    fn register(&self, app: &mut Registry) {
        app.routes(OpenApiRouter::new().routes(routes!(swap)));
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Swap {
    first: String,
    second: String,
    /// Whether something is committed before.
    keeps: bool,
}

fn id(text: &str) -> CustomerId {
    text.parse().expect("a customer's id")
}

/// Touch two customers
#[utoipa::path(post, path = "/swaps", tag = "swapping")]
async fn swap(ctx: Ctx, Json(swap): Json<Swap>) -> Answer<bool, General> {
    ROUNDS.fetch_add(1, Ordering::SeqCst);
    if swap.keeps {
        ctx.begin(CUSTOMERS_WRITE).await?.commit().await?;
    }
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    for customer in [&swap.first, &swap.second] {
        tx.sql(TOUCH.bind(id(customer).uuid())).await?;
    }
    Ok(tx.answer(true).await?)
}

/// Somebody else, who holds `first` and wants `second` as soon as the request wants ours. Whether the
/// request was ended for it: on a busy machine the server sometimes ends us, who waited less.
async fn in_the_way(store: &Store, mut tx: Tx, second: CustomerId) -> bool {
    let end = std::time::Instant::now() + PATIENCE;
    while store::testing::owner_rows(store, "select 1 from pg_locks where not granted").await.expect("reads").is_empty() {
        assert!(std::time::Instant::now() < end, "the request never waits for us");
    }
    match tx.sql(TOUCH.bind(second.uuid())).await {
        Ok(_) => tx.commit().await.map(|()| true).expect("commits"),
        Err(StoreError::Contended(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_runs_the_request_once_more_unless_something_of_it_was_kept() {
    if !testkit::available(TestEngine::Postgres) {
        return;
    }
    let mut all = modules();
    all.push(Box::new(Swapping));
    let app = TestApp::start(TestEngine::Postgres, all).await;
    let alice = app.alice().await;
    let mut ids = Vec::new();
    for name in ["Ann", "Bob"] {
        let made = alice.post("/v1/customers", json!({"name": name, "email": format!("{name}@example.com")})).await.expect(201);
        ids.push(made["id"].as_str().expect("an id").to_owned());
    }
    let org: OrgId = alice.get("/v1/auth/org").await.expect(200)["id"].as_str().expect("an id").parse().expect("an organization");
    for (keeps, status, rounds) in [(false, 200, 2), (true, 503, 1)] {
        let mut met = None;
        for _ in 0..TRIES_MAX {
            ROUNDS.store(0, Ordering::SeqCst);
            let mut tx = Tx::for_org(&app.core.store, org, Actor::System("story")).await.expect("a transaction");
            tx.sql(TOUCH.bind(id(&ids[0]).uuid())).await.expect("locks");
            let asked = alice.post("/v1/swaps", json!({"first": ids[1], "second": ids[0], "keeps": keeps}));
            let (answer, was_ended) = tokio::join!(asked, in_the_way(&app.core.store, tx, id(&ids[1])));
            met = was_ended.then_some(answer);
            if met.is_some() {
                break;
            }
        }
        let answer = met.expect("the request is ended at least once");
        assert_eq!((answer.status, ROUNDS.load(Ordering::SeqCst)), (status, rounds), "{}", answer.text);
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
    }
    app.expect_mail();
    app.finish().await;
}
