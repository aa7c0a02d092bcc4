//! A handler that panics: its caller reads a 500 that tells nothing, whatever it had in hand is given
//! back, and everybody else goes on.

use autorisen::crm::CUSTOMERS_WRITE;
use autorisen::kernel::{CustomerId, General};
use autorisen::web::{Answer, Ctx, Json, Routes as _};
use autorisen::{Module, Registry};
use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use store::TenantSql;
use testkit::{Client, TestApp, json, keep_logs, logs};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::headers::dressed;
use crate::world::modules;

const RENAME: TenantSql = TenantSql::both("update customers set name = 'half done', version = version + 1 where org_id = $1 and id = $2");
/// What only the program's log may say.
const INSIDE: &str = "the vault stands open at midnight";
/// More than there are connections and permits: were one of each lost, nobody would be left to ask.
const PANICS: usize = 40;
/// A request that waits for a lost permit waits for ever; a busy machine is no failure.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

struct Panicking;

impl Module for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    fn register(&self, app: &mut Registry) {
        app.routes(OpenApiRouter::new().routes(routes!(panic_before)).routes(routes!(panic_inside)));
        app.public_pages(Router::new().route("/panics", get(panic_on_a_page)));
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Panic {
    customer: String,
}

/// Panic before anything is begun
#[utoipa::path(post, path = "/panics/before", tag = "panicking")]
async fn panic_before(ctx: Ctx, Json(panic): Json<Panic>) -> Answer<bool, General> {
    panic!("{INSIDE}: {} {}", panic.customer, ctx.request_id())
}

/// Panic with a row changed and not yet kept
#[utoipa::path(post, path = "/panics/inside", tag = "panicking")]
async fn panic_inside(ctx: Ctx, Json(panic): Json<Panic>) -> Answer<bool, General> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    let customer: CustomerId = panic.customer.parse().expect("a customer's id");
    assert_eq!(tx.sql(RENAME.bind(customer.uuid())).await?, 1);
    panic!("{INSIDE}: {}", ctx.request_id())
}

async fn panic_on_a_page(ctx: Ctx) -> String {
    panic!("{INSIDE}: {}", ctx.request_id())
}

async fn story(app: &TestApp, alice: &Client) {
    let made = alice.post("/v1/customers", json!({"name": "Ada"})).await.expect(201);
    let customer = json!({"customer": made["id"]});
    for path in ["/v1/panics/before", "/v1/panics/inside"] {
        for answer in asked_often(alice, path, &customer).await {
            answer.refused(500, "internal");
            dressed(path, path, &answer);
            assert!(!answer.text.contains(INSIDE) && !answer.text.contains("panic"), "{}", answer.text);
            assert_eq!(answer.body["meta"]["request_id"], answer.header("x-request-id"));
        }
    }
    let page = app.nobody().get("/panics").await;
    assert_eq!(page.status, 500);
    dressed("/panics", "/panics", &page);
    assert!(!page.text.contains(INSIDE), "{}", page.text);
    let path = format!("/v1/customers/{}", made["id"].as_str().expect("an id"));
    assert_eq!(alice.get(&path).await.ok()["name"], "Ada", "what was half done is undone");
    alice.patch(&path, json!({"name": "Ada Payer"})).await.ok();
    assert!(logs().contains(INSIDE), "whoever looks after it finds the cause in the log");
}

/// One after the other and at once.
async fn asked_often(alice: &Client, path: &str, customer: &testkit::Value) -> Vec<testkit::Answer> {
    let mut answers = Vec::new();
    for _ in 0..PANICS / 2 {
        answers.push(alice.post(path, customer.clone()).await);
    }
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..PANICS / 2 {
        let (alice, path, customer) = (alice.clone(), path.to_owned(), customer.clone());
        asked.spawn(async move { alice.post(&path, customer).await });
    }
    answers.extend(asked.join_all().await);
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_costs_its_caller_a_500_and_nobody_else_anything() {
    keep_logs();
    for engine in testkit::engines() {
        let mut all = modules();
        all.push(Box::new(Panicking));
        let app = TestApp::start(engine, all).await;
        let alice = app.alice().await;
        tokio::time::timeout(PATIENCE, story(&app, &alice)).await.expect("connections and permits come back");
        app.expect_mail();
        app.finish().await;
    }
}
