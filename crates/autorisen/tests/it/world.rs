//! A busy story of acme, played over HTTP: every table has a row of theirs in the end. Globex signs
//! up and does nothing, so that whatever it can see is not its own.

use chrono::Duration;
use flows::{StartOptions, Workflow};
use kernel::{Actor, OrgId};
use mail::{Letter, Note};
use store::{Guards, Tx};
use testkit::{Client, Options, Row, TestApp, TestEngine, Value, json, stripe_signature};

use crate::samples::Samples;

/// What acme's payment provider knows it by; must never be seen again.
pub const PROVIDER_KEY: &str = "sk_test_canary-of-a-provider-key";
/// What acme's payment provider signs with; must never be seen again.
pub const WEBHOOK_SECRET: &str = "whsec_canary-of-a-webhook-secret";
/// The payer whose card is expired.
pub const PAYER: &str = "grace@payer.test";

/// The application after the story, with everybody signed in anew.
pub struct World {
    pub app: TestApp,
    pub alice: Client,
    pub bob: Client,
    pub vera: Client,
    pub mallory: Client,
    /// A key of acme that may do the least.
    pub clerk: Client,
    pub acme: OrgId,
    pub globex: OrgId,
    /// Acme's ids.
    pub samples: Samples,
    /// What the provider calls one of acme's payments.
    pub reference: String,
    /// The token in a payer's link.
    pub link: String,
    /// Ids that a walk may use up.
    pub spare: Samples,
}

/// The standard modules.
pub fn modules() -> Vec<Box<dyn host::Module>> {
    autorisen::standard()
}

impl World {
    pub async fn new(engine: TestEngine) -> Self {
        Self::with(engine, Guards::default()).await
    }

    /// The same with layers of isolation switched off.
    pub async fn with(engine: TestEngine, guards: Guards) -> Self {
        let app = TestApp::start_with(engine, modules(), Options { guards, ..Options::default() }).await;
        app.expect_mail();
        store::testing::record(&app.core.store);
        let mut story = Story { app, samples: Samples::default(), spare: Samples::default() };
        story.people().await;
        let customers = story.customers().await;
        let (reference, link) = story.payments().await;
        story.end(&customers, reference, link).await
    }
}

impl World {
    /// Acme's rows are what they were; else the failure shows those that are not.
    pub async fn is_unchanged(&self, before: &[Row], suspect: &str) {
        let after = self.app.rows_of(self.acme).await;
        let gone: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
        let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
        assert!(gone.is_empty() && new.is_empty(), "{suspect} changed {gone:#?}\ninto {new:#?}");
    }
}

struct Story {
    app: TestApp,
    samples: Samples,
    spare: Samples,
}

impl Story {
    /// Members, an invitation, keys: one of each that stays, one that may be used up.
    async fn people(&mut self) {
        let alice = self.app.alice().await;
        self.app.bob().await;
        self.app.vera().await;
        self.app.mallory().await;
        for (email, spare) in [("dora@x.test", true), ("erin@x.test", false)] {
            let body = json!({"email": email, "role": "user"});
            self.keep(spare, &alice.post_once("/v1/org/invitations", email, body).await.expect(201));
        }
        for spare in [true, false] {
            self.keep(spare, &alice.post("/v1/api-keys", json!({"name": "till", "scopes": ["org:read"]})).await.expect(201));
        }
        alice.patch("/v1/auth/org", json!({"name": "Acme"})).await.ok();
        alice.patch("/v1/auth/me", json!({"full_name": "Alice Admin"})).await.ok();
    }

    fn keep(&mut self, spare: bool, answer: &Value) {
        if spare { self.spare.note(answer) } else { self.samples.note(answer) }
    }

    async fn customers(&mut self) -> String {
        let bob = self.app.bob().await;
        let ada = json!({"name": "Ada Payer", "email": PAYER, "external_ref": "acme-1", "timezone": "Europe/Berlin", "locale": "en"});
        let ada = bob.post("/v1/customers", ada).await.expect(201);
        let path = format!("/v1/customers/{}", ada["id"].as_str().expect("an id"));
        bob.patch(&path, json!({"phone": "+27821234567"})).await.ok();
        bob.post_empty(&format!("{path}/archive")).await.ok();
        bob.post_empty(&format!("{path}/restore")).await.ok();
        self.samples.note(&ada);
        path
    }

    /// A payment that comes back by itself, one that the payer has to help with, and a report.
    async fn payments(&mut self) -> (String, String) {
        let alice = self.app.alice().await;
        let connect = |name: &str| json!({"provider": "sandbox", "name": name, "api_key": format!("{PROVIDER_KEY}-{name}"), "webhook_secret": WEBHOOK_SECRET});
        self.spare.note(&alice.post("/v1/payment-connections", connect("spare")).await.expect(201));
        let made = alice.post("/v1/payment-connections", connect("till")).await.expect(201);
        self.samples.note(&made);
        let connection = made["id"].as_str().expect("an id").to_owned();
        let poor = self.charge(&connection, "poor@payer.test", &["insufficient_funds", "succeeded"], true).await;
        let expired = self.charge(&connection, PAYER, &["expired_card"], false).await;
        let link = self.app.token_to(PAYER).await;
        let webhook = made["webhook_url"].as_str().expect("an address");
        self.orphan(webhook).await;
        self.stranger(&connection, webhook).await;
        self.app.advance(Duration::days(9)).await;
        let alice = self.app.alice().await;
        alice.post_once("/v1/events/payment_failed", "story", report(&connection, self.app.now())).await.expect(201);
        for reference in [&poor, &expired] {
            self.samples.note(&alice.get(&format!("/v1/recoveries/by_ref/{reference}")).await.ok());
            self.samples.note(&alice.get(&format!("/v1/events/by_ref/{reference}")).await.ok());
        }
        (poor, link)
    }

    /// A refund of a payment that nobody heard of: it waits for its parent.
    async fn orphan(&self, webhook: &str) {
        let object = json!({"id": "ch_orphan", "payment_intent": "pi_orphan", "amount_refunded": 100, "currency": "eur"});
        self.tell(webhook, "charge.refunded", object).await;
    }

    /// Dollars for a payment that is owed in euros: somebody has to look at it.
    async fn stranger(&self, connection: &str, webhook: &str) {
        let owed = self.charge(connection, "strange@payer.test", &["insufficient_funds"], false).await;
        let object =
            json!({"id": owed, "invoice": null, "amount": 5300, "amount_received": 5300, "currency": "usd", "latest_charge": "ch_strange"});
        self.tell(webhook, "payment_intent.succeeded", object).await;
        self.app.settle().await;
    }

    /// A signed event of the provider.
    async fn tell(&self, webhook: &str, kind: &str, object: Value) {
        let now = self.app.now();
        let event =
            json!({"id": format!("evt_{kind}"), "type": kind, "created": now.timestamp(), "livemode": false, "data": {"object": object}});
        let body = event.to_string();
        let signature = stripe_signature(WEBHOOK_SECRET, now, &body);
        let nobody = self.app.nobody().with_header("stripe-signature", &signature);
        let sent = nobody.send(nobody.request(reqwest::Method::POST, webhook).body(body)).await;
        assert_eq!(sent.status, 200, "{}", sent.text);
    }

    /// A charge in the sandbox, and all that follows from it at once.
    async fn charge(&self, connection: &str, payer: &str, outcomes: &[&str], invoice: bool) -> String {
        let charge = json!({"connection_id": connection, "customer": payer, "amount": 4900, "currency": "EUR", "outcomes": outcomes, "invoice": invoice});
        let charged = self.app.nobody().post("/dev/sandbox/charge", charge).await.expect(201);
        self.app.settle().await;
        charged["ref"].as_str().expect("a reference").to_owned()
    }

    async fn end(mut self, customer: &str, reference: String, link: String) -> World {
        // The story took longer than a token lives.
        let alice = self.app.alice().await;
        let (bob, vera, mallory) = (self.app.bob().await, self.app.vera().await, self.app.mallory().await);
        let clerk = self.app.clerk(&["org:read"]).await;
        self.samples.note(&alice.get(&format!("{customer}/timeline")).await.ok());
        self.samples.note(&alice.profile);
        for path in lists(&self.app).await {
            self.samples.note(&alice.get(&path).await.ok());
        }
        for page in pages(&alice.get("/dashboard").await.text) {
            assert!(matches!(alice.get(&page).await.status, 200 | 303), "{page}");
        }
        clerk.get("/v1/auth/org").await.ok();
        let org = |who: &Client| who.profile["organization"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an organization");
        let (acme, globex) = (org(&alice), org(&mallory));
        say_everything_twice(&self.app, acme).await;
        let Self { app, samples, spare } = self;
        World { app, alice, bob, vera, mallory, clerk, acme, globex, samples, reference, link, spare }
    }
}

/// Every operation that reads without asking for anything.
async fn lists(app: &TestApp) -> Vec<String> {
    let document = app.nobody().get("/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("paths").iter();
    paths.filter(|(path, item)| item.get("get").is_some() && !path.contains('{')).map(|(path, _)| path.clone()).collect()
}

/// The pages that the navigation leads to.
fn pages(html: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let pages: Vec<_> = links.filter(|link| link.starts_with('/') && !link.starts_with("/assets/")).map(str::to_owned).collect();
    assert!(pages.len() > 4, "the dashboard leads nowhere: {html}");
    pages
}

/// What happens only when something is started or sent a second time, or taken back. Nothing of it is
/// kept.
async fn say_everything_twice(app: &TestApp, org: OrgId) {
    let mut tx = Tx::for_org(&app.core.store, org, Actor::System("walk")).await.expect("a transaction");
    let letter =
        || Letter::from_template(&Note::new("Twice").line("Hello"), PAYER.parse().expect("an address"), "twice").expect("it renders");
    for _ in 0..2 {
        mail::send(&mut tx, letter()).await.expect("it is queued");
        flows::start(&mut tx, Workflow::new("walk.twice", 1), &(), StartOptions::dedupe("twice")).await.expect("it is started");
    }
    mail::withdraw(&mut tx, "twice").await.expect("it is taken back");
}

fn report(connection: &str, now: kernel::At) -> Value {
    json!({
        "event_id": "evt-of-acme", "transaction_ref": "order-of-acme", "connection_id": connection, "amount": 1900, "currency": "EUR",
        "gateway": "sandbox", "failure_code": "card_declined", "occurred_at": now,
        "customer": {"email": "rep@payer.test", "external_ref": "acme-2", "name": "Rep Orted"},
        "payment_method": {"token": "pm_card_visa", "network": "visa", "last4": "4242"},
    })
}
