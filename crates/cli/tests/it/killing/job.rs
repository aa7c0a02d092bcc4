//! The main job, played over HTTP: what was not answered is asked again.

use std::collections::BTreeSet;

use autorisen::kernel::At;
use chaos::books;
use chrono::Duration;
use reqwest::{Method, RequestBuilder};
use testkit::{Answer, PASSWORD, Value, json};

use super::cast::{End, KINDS, Payment, Told};
use super::killer::Killer;
use super::ledger::Books;
use crate::Somebody;
use crate::somebody::{send, token_in};

/// Asking so often in vain means that something else is broken.
const TRIES_MAX: usize = 25;
/// Payments of each kind.
const ROUNDS: usize = 2;
/// Past the last step of every ladder, which ends after four weeks.
const DAYS: i64 = 36;
/// Between two looks at the mailbox; odd, so that it is another hour each time.
const STEP_HOURS: i64 = 11;
/// More than the lease of a worker that was killed, by the product's clock.
const LEASE_OVER_S: i64 = 40;
const ADA: &str = "ada@northwind.test";
const SANDBOX: &str = "/dev/sandbox/stripe/v1";

/// The company, its programs and its payers.
pub(super) struct Job {
    pub killer: Killer,
    pub payments: Vec<Payment>,
    nobody: Somebody,
    /// The company's own program, with an API key.
    clerk: Somebody,
    /// The company at its provider.
    merchant: Somebody,
    connection: String,
    began: At,
    now: At,
    /// Links that were paid.
    paid: BTreeSet<String>,
}

impl Job {
    /// A company signs up, proves its address, connects the sandbox and makes a key.
    pub async fn begin(killer: Killer) -> Self {
        let nobody = Somebody::at(killer.base());
        let (clerk, merchant) = (nobody.clone(), nobody.holding("sk_test_northwind"));
        let (payments, connection, paid) = Default::default();
        let mut job = Self { killer, payments, nobody, clerk, merchant, connection, began: At::default(), now: At::default(), paid };
        job.began = job.clock(json!({"advance_seconds": 0})).await;
        job.now = job.began;
        let ada = job.sign_up().await;
        job.verify(&ada).await;
        job.connect(&ada).await;
        let faults = json!({"duplicate": true, "reorder": true});
        job.post(&job.nobody.clone(), "/dev/sandbox/faults", None, faults).await.ok();
        job
    }

    /// Asks until there is an answer that says something.
    async fn insist(&mut self, request: impl Fn() -> RequestBuilder) -> Answer {
        for _ in 0..TRIES_MAX {
            let answer = self.killer.during(send(request())).await;
            // The first one with this key may have been killed just now.
            let is_final = |answer: &Answer| answer.status != 503 && answer.code() != "idempotency_key_in_use";
            if let Some(answer) = answer.ok().filter(is_final) {
                return answer;
            }
        }
        panic!("never answered: {:?}", request());
    }

    async fn post(&mut self, by: &Somebody, path: &str, key: Option<&str>, body: Value) -> Answer {
        let asked = || {
            let request = by.request(Method::POST, path).json(&body);
            key.into_iter().fold(request, |request, key| request.header("idempotency-key", key))
        };
        self.insist(asked).await
    }

    async fn get(&mut self, by: &Somebody, path: &str) -> Answer {
        self.insist(|| by.request(Method::GET, path)).await
    }

    /// Moves the clock there, and on until nothing is left that is due: what a killed process had in
    /// hand waits for the end of its lease.
    async fn clock(&mut self, to: Value) -> At {
        let (nobody, mut to) = (self.nobody.clone(), to);
        for _ in 0..TRIES_MAX {
            let shown = self.post(&nobody, "/dev/clock", None, to).await.ok();
            if shown["work_left"].as_u64().unwrap_or_default() == 0 {
                return shown["now"].as_str().and_then(|now| now.parse().ok()).expect("an instant");
            }
            to = json!({"advance_seconds": LEASE_OVER_S});
        }
        panic!("there is work that never ends");
    }

    async fn sign_up(&mut self) -> Somebody {
        let body = json!({"email": ADA, "password": PASSWORD, "full_name": "Ada Berg", "org_name": "Northwind"});
        let nobody = self.nobody.clone();
        let mut answer = self.post(&nobody, "/v1/auth/register", None, body).await;
        if answer.status == 409 {
            // It was taken in, and the answer was lost.
            answer = self.post(&nobody, "/v1/auth/login", None, json!({"email": ADA, "password": PASSWORD})).await;
        }
        nobody.holding(answer.ok()["access_token"].as_str().expect("a token"))
    }

    async fn verify(&mut self, ada: &Somebody) {
        let nobody = self.nobody.clone();
        for _ in 0..TRIES_MAX {
            if !self.get(ada, "/v1/auth/me").await.ok()["email_verified_at"].is_null() {
                return;
            }
            let letters = self.get(&nobody, &format!("/dev/mail/messages?to={ADA}")).await.ok();
            match token_in(&letters[0]) {
                Some(token) => drop(self.post(&nobody, "/v1/auth/verify-email", None, json!({"token": token})).await),
                None => drop(self.clock(json!({"advance_seconds": LEASE_OVER_S})).await),
            }
        }
        panic!("the address is never verified");
    }

    async fn connect(&mut self, ada: &Somebody) {
        let body = json!({"provider": "sandbox", "name": "Northwind", "api_key": self.merchant.token});
        let made = self.post(ada, "/v1/payment-connections", Some("connect"), body).await.expect(201);
        made["id"].as_str().expect("an id").clone_into(&mut self.connection);
        let scopes = json!(["cases:read", "payments:read", "analytics:read", "events:write"]);
        let made = self.post(ada, "/v1/api-keys", Some("key"), json!({"name": "billing", "scopes": scopes})).await.expect(201);
        self.clerk = self.nobody.holding(made["key"].as_str().expect("a key"));
    }

    /// Payments of every kind fail.
    pub async fn payments_fail(&mut self) {
        for round in 0..ROUNDS {
            for kind in KINDS {
                let payment = self.fail(Payment::new(kind, round)).await;
                self.payments.push(payment);
            }
        }
    }

    async fn fail(&mut self, mut payment: Payment) -> Payment {
        let email = payment.email();
        let details = [("type", "card"), ("billing_details[email]", &email)];
        let card = self.provider("payment_methods", &payment.key("card"), &details).await.1;
        card["id"].as_str().expect("a token").clone_into(&mut payment.card);
        let script = json!({"payment_method": payment.card, "outcomes": payment.kind.bank});
        self.post(&self.nobody.clone(), "/dev/sandbox/script", None, script).await.ok();
        match payment.kind.told {
            Told::Charge => self.charge(&mut payment).await,
            Told::Bill => self.bill(&mut payment).await,
            Told::Report => self.report(&mut payment).await,
        }
        payment
    }

    /// A call to the provider with a key, so that asking again repeats the answer.
    async fn provider(&mut self, path: &str, key: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let (merchant, path) = (self.merchant.clone(), format!("{SANDBOX}/{path}"));
        let answer = self.insist(|| merchant.request(Method::POST, &path).header("idempotency-key", key).form(fields)).await;
        (answer.status, answer.body)
    }

    async fn charge(&mut self, payment: &mut Payment) {
        let (amount, email, card) = (payment.amount.to_string(), payment.email(), payment.card.clone());
        let fields = [
            ("amount", amount.as_str()),
            ("currency", "eur"),
            ("payment_method", &card),
            ("receipt_email", &email),
            ("confirm", "true"),
            ("off_session", "true"),
        ];
        let (status, body) = self.provider("payment_intents", &payment.key("charge"), &fields).await;
        assert_eq!(status, 402, "{body}");
        body["error"]["payment_intent"]["id"].as_str().expect("an id").clone_into(&mut payment.reference);
    }

    async fn bill(&mut self, payment: &mut Payment) {
        let (amount, email, card) = (payment.amount.to_string(), payment.email(), payment.card.clone());
        let fields = [("amount", amount.as_str()), ("currency", "eur"), ("customer_email", &email), ("default_payment_method", &card)];
        let (status, body) = self.provider("invoices", &payment.key("bill"), &fields).await;
        assert_eq!(status, 200, "{body}");
        body["id"].as_str().expect("an id").clone_into(&mut payment.reference);
        let (status, body) = self.provider(&format!("invoices/{}/pay", payment.reference), &payment.key("pay"), &[]).await;
        assert_eq!(status, 402, "{body}");
    }

    async fn report(&mut self, payment: &mut Payment) {
        payment.reference = payment.key("order");
        let body = json!({
            "event_id": payment.key("event"), "transaction_ref": payment.reference, "connection_id": self.connection,
            "amount": payment.amount, "currency": "EUR", "gateway": "sandbox", "failure_code": "insufficient_funds",
            "occurred_at": self.now, "customer": {"email": payment.email()}, "payment_method": {"token": payment.card},
        });
        // The same event again is answered as the first time: no key is needed.
        let told = self.post(&self.clerk.clone(), "/v1/events/payment_failed", None, body).await.ok();
        let id = |field: &str| told[field].as_str().unwrap_or_else(|| panic!("no {field} in {told}")).to_owned();
        payment.acknowledged = Some((id("transaction_id"), id("case_id")));
    }

    /// The clock moves past every schedule; payers who mean to pay read their letters and do.
    pub async fn time_passes(&mut self) {
        let end = self.now + Duration::days(DAYS);
        while self.now < end {
            let next = self.now + Duration::hours(STEP_HOURS);
            self.now = self.clock(json!({"now": next})).await;
            let letters = self.letters().await;
            for (link, to) in letters {
                let pays = self.payments.iter().any(|payment| payment.kind.end == End::Paid && payment.email() == to);
                if pays && !self.paid.contains(&link) && self.pay(&link).await {
                    self.paid.insert(link);
                }
            }
        }
    }

    /// The links of all letters with the address that they went to.
    async fn letters(&mut self) -> Vec<(String, String)> {
        let letters = self.get(&self.nobody.clone(), "/dev/mail/messages").await.ok();
        let link = |letter: &Value| {
            let mut links = letter["links"].as_array()?.iter().filter_map(Value::as_str);
            Some((links.find(|link| link.contains("/pay/"))?.to_owned(), letter["to"].as_str()?.to_owned()))
        };
        letters.as_array().into_iter().flatten().filter_map(link).collect()
    }

    /// Opens the link, goes on to the provider's page, pays, comes back. `false` when it cannot be
    /// paid now.
    async fn pay(&mut self, link: &str) -> bool {
        let payer = self.nobody.clone();
        for _ in 0..TRIES_MAX {
            match state(&self.get(&payer, link).await) {
                None => {}
                Some(state) => return matches!(state.as_str(), "used" | "paid"),
            }
            let sent = self.insist(|| payer.request(Method::POST, link).form(&[("", ""); 0])).await;
            let Some(checkout) = leads_to(&sent) else { return false };
            let card = [("payment_method", "pm_card_visa")];
            self.insist(|| payer.request(Method::POST, &checkout).form(&card)).await;
            if state(&self.get(&payer, &format!("{link}/done")).await).is_some_and(|state| state == "paid") {
                return true;
            }
        }
        panic!("the link can never be paid: {link}");
    }

    /// Everything that the product and the bank have written down.
    pub async fn books(&mut self) -> Books {
        let (clerk, nobody) = (self.clerk.clone(), self.nobody.clone());
        let cases = self.all(&clerk, "/v1/cases?limit=100").await;
        let transactions = self.all(&clerk, "/v1/transactions?limit=100").await;
        let charges = self.get(&nobody, "/dev/sandbox/charges").await.ok();
        let letters = self.get(&nobody, "/dev/mail/messages").await.ok();
        let mut reports = Vec::new();
        for payment in self.payments.clone() {
            reports.push(self.get(&clerk, &format!("/v1/events/by_ref/{}", payment.reference)).await.ok());
        }
        let summary = self.get(&clerk, &format!("/v1/analytics/summary?from={}", self.began.date_naive())).await.ok();
        let list = |of: Value| of.as_array().cloned().unwrap_or_default();
        let seen = books::Books { cases, transactions, charges: list(charges), letters: list(letters), ..books::Books::default() };
        Books { seen, reports, summary }
    }

    async fn all(&mut self, by: &Somebody, path: &str) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(by, &format!("{path}{cursor}")).await;
            let next = page.body["meta"]["next_cursor"].as_str().map(|next| format!("&cursor={next}"));
            rows.extend(page.ok().as_array().cloned().unwrap_or_default());
            match next {
                Some(next) => cursor = next,
                None => return rows,
            }
        }
    }
}

/// What a payer's page says of itself; a page with a form to pay says nothing.
fn state(page: &Answer) -> Option<String> {
    let (_, after) = page.text.split_once("data-state=\"")?;
    Some(after.split('"').next().unwrap_or_default().to_owned())
}

fn leads_to(answer: &Answer) -> Option<String> {
    let to = answer.headers.get("location").filter(|_| answer.status == 303)?;
    to.to_str().ok().map(str::to_owned)
}
