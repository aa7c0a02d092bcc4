//! What the clients do: customers, reports, webhooks, payments through links, refreshes, accounts, and
//! now and then a look at what was promised before.

use reqwest::Method;
use testkit::{Answer, PASSWORD, Value, json, stripe_signature};

use crate::Somebody;
use crate::books::payer;
use crate::journal::Kind;
use crate::load::Client;
use crate::world::Person;

/// One answer in so many is asked for again: it must be the same.
const REPEAT_ONE_IN: u64 = 5;
/// Out of 100: what a client does next.
const CUSTOMER: u64 = 48;
const REPORT: u64 = 60;
const WEBHOOK: u64 = 67;
const REFRESH: u64 = 79;
const PAYMENT: u64 = 86;
const ACCOUNT: u64 = 87;

/// Does one thing.
pub(crate) async fn one(client: &mut Client) {
    match client.dice.below(100) {
        ..CUSTOMER => customer(client).await,
        CUSTOMER..REPORT => report(client).await,
        REPORT..WEBHOOK => webhook(client).await,
        WEBHOOK..REFRESH => refresh(client).await,
        REFRESH..PAYMENT => payment(client).await,
        PAYMENT..ACCOUNT => account(client).await,
        _ => look(client).await,
    }
}

/// Writes down an answer that must be a success.
fn judge(client: &Client, key: &str, answer: &Answer, said: Value) {
    if (200..300).contains(&answer.status) {
        client.journal.acknowledged(key, said);
    } else {
        client.journal.wrong(format!("{key} was refused: {} {}", answer.status, answer.text));
    }
}

async fn customer(client: &mut Client) {
    let key = client.key("customer");
    let body = json!({"name": key, "email": format!("{key}@customers.test")});
    let tries = 1 + u32::from(client.dice.below(REPEAT_ONE_IN) == 0);
    let clerk = client.cast.clerk.clone();
    for _ in 0..tries {
        client.journal.asked(Kind::Customer, &key);
        let asked = client.insist(&clerk, |by| by.request(Method::POST, "/v1/customers").header("idempotency-key", &key).json(&body));
        let Some(answer) = asked.await else { return };
        judge(client, &key, &answer, answer.body["data"]["id"].clone());
    }
}

async fn report(client: &mut Client) {
    let is_hard = client.dice.below(3) == 0;
    let key = client.key(if is_hard { "hard" } else { "soft" });
    let amount = 1000 + client.dice.below(9000);
    let code = if is_hard { "expired_card" } else { "insufficient_funds" };
    let body = json!({
        "event_id": format!("event-{key}"), "transaction_ref": key, "connection_id": client.cast.sandbox, "amount": amount,
        "currency": "EUR", "gateway": "sandbox", "failure_code": code, "occurred_at": client.now(),
        "customer": {"email": payer(&key)}, "payment_method": {"token": format!("pm_{key}")},
    });
    let tries = 1 + u32::from(client.dice.below(REPEAT_ONE_IN) == 0);
    let clerk = client.cast.clerk.clone();
    for _ in 0..tries {
        client.journal.asked(Kind::Report, &key);
        let Some(answer) = client.insist(&clerk, |by| by.request(Method::POST, "/v1/events/payment_failed").json(&body)).await else {
            return;
        };
        let told = &answer.body["data"];
        judge(client, &key, &answer, json!({"transaction": told["transaction_id"], "case": told["case_id"], "amount": amount}));
    }
}

/// A failed payment as Stripe tells of it.
pub(crate) fn stripe_event(key: &str, number: u64, at: kernel::At) -> Value {
    let method = json!({
        "id": format!("pm_{key}"), "object": "payment_method", "type": "card", "billing_details": {"email": payer(key), "name": "Paula"},
        "card": {"brand": "visa", "country": "DE", "exp_month": 8, "exp_year": 2031, "fingerprint": format!("fp{key}"),
                 "funding": "credit", "last4": "0341", "networks": {"available": ["visa"], "preferred": null}},
    });
    json!({
        "id": format!("evt_{key}_{number}"), "object": "event", "api_version": "2025-03-31.basil", "created": at.timestamp(), "livemode": true,
        "type": "payment_intent.payment_failed",
        "data": {"object": {
            "id": format!("pi_{key}"), "object": "payment_intent", "amount": 4900, "amount_received": 0, "created": at.timestamp(),
            "currency": "eur", "livemode": true, "metadata": {}, "status": "requires_payment_method",
            "latest_charge": format!("ch_{key}_{number}"),
            "last_payment_error": {"charge": format!("ch_{key}_{number}"), "code": "card_declined", "decline_code": "insufficient_funds",
                                   "network_decline_code": "51", "payment_method": method, "type": "card_error"},
        }},
    })
}

async fn webhook(client: &mut Client) {
    // Ids of a provider have no dashes; a letter keeps client and number apart.
    let key = client.key("hook").replace('-', "x");
    let body = stripe_event(&key, 1, client.now()).to_string();
    let path = format!("/v1/webhooks/stripe/{}", client.cast.stripe);
    let tries = 1 + u32::from(client.dice.below(REPEAT_ONE_IN) == 0);
    let (nobody, now, secret) = (client.cast.nobody.clone(), client.now(), client.cast.webhook_secret.clone());
    for _ in 0..tries {
        client.journal.asked(Kind::Webhook, &key);
        let asked = client.insist(&nobody, |by| {
            let signature = stripe_signature(&secret, now, &body);
            by.request(Method::POST, &path)
                .header("stripe-signature", signature)
                .header("content-type", "application/json")
                .body(body.clone())
        });
        let Some(answer) = asked.await else { return };
        judge(client, &key, &answer, Value::Null);
    }
}

/// Exchanges a refresh token. A lost answer may have spent it: then the person signs in again, and
/// nobody else's session suffers.
async fn refresh(client: &mut Client) {
    let people = client.cast.people.clone();
    let Some(person) = people.get(client.number % people.len().max(1)) else { return };
    let Ok(mut person) = person.try_lock() else { return };
    let (key, nobody) = (client.key("refresh"), client.cast.nobody.clone());
    let at = client.at(&nobody);
    client.journal.asked(Kind::Refresh, &key);
    let body = json!({"refresh_token": person.refresh});
    let first = client.try_once(at.request(Method::POST, "/v1/auth/refresh").json(&body)).await;
    let is_lost = first.as_ref().is_none_or(|answer| answer.status >= 500 || answer.status == 409);
    let again = |by: &Somebody| by.request(Method::POST, "/v1/auth/refresh").json(&body);
    let answer = if is_lost { client.insist(&nobody, again).await } else { first };
    let Some(answer) = answer else { return };
    match answer.status {
        200 => {
            let spent = person.refresh.clone();
            *person = Person { spent: Some(spent), ..Person::of(&person.email, &answer.body["data"]) };
            client.journal.acknowledged(&key, Value::Null);
        }
        401 if is_lost => sign_in(client, &mut person).await,
        status => client.journal.wrong(format!("{key}: the living token of {} was answered with {status} {}", person.email, answer.text)),
    }
}

async fn sign_in(client: &mut Client, person: &mut Person) {
    let (nobody, shown) = (client.cast.nobody.clone(), json!({"email": person.email, "password": PASSWORD}));
    let Some(answer) = client.insist(&nobody, |by| by.request(Method::POST, "/v1/auth/login").json(&shown)).await else { return };
    match answer.status {
        200 => *person = Person::of(&person.email, &answer.body["data"]),
        status => client.journal.wrong(format!("{} can't sign in: {status} {}", person.email, answer.text)),
    }
}

async fn account(client: &mut Client) {
    let key = client.key("account");
    let (nobody, email) = (client.cast.nobody.clone(), format!("{key}@people.test"));
    let body = json!({"email": email, "password": PASSWORD, "full_name": "Nora New", "org_name": key});
    client.journal.asked(Kind::Account, &key);
    let Some(answer) = client.insist(&nobody, |by| by.request(Method::POST, "/v1/auth/register").json(&body)).await else { return };
    // Taken: it was taken in before, and the answer was lost.
    if answer.status != 409 {
        judge(client, &key, &answer, json!({"token": answer.body["data"]["access_token"]}));
    }
}

/// Pays through the link of a letter about a card that expired.
async fn payment(client: &mut Client) {
    let hard = client.journal.deeds(Kind::Report).into_iter().filter(|(key, deed)| key.starts_with("hard") && deed.acknowledged.is_some());
    let mine: Vec<_> = hard.map(|(key, _)| key).filter(|key| key.contains(&format!("-{}-", client.name))).collect();
    let Some(key) = mine.last() else { return };
    let (nobody, path) = (client.cast.nobody.clone(), format!("/dev/mail/messages?to={}", payer(key)));
    let Some(letters) = client.insist(&nobody, |by| by.request(Method::GET, &path)).await else { return };
    let links = letters.body["data"][0]["links"].as_array().cloned().unwrap_or_default();
    let Some(link) = links.iter().filter_map(Value::as_str).find_map(|link| link.find("/pay/").map(|at| link[at..].to_owned())) else {
        return;
    };
    pay(client, key, &link).await;
}

async fn pay(client: &mut Client, key: &str, link: &str) {
    let (nobody, deed) = (client.cast.nobody.clone(), format!("payment-{key}"));
    let Some(page) = client.insist(&nobody, |by| by.request(Method::GET, link)).await else { return };
    if page.text.contains("data-state=\"") {
        return;
    }
    client.journal.asked(Kind::Payment, &deed);
    let Some(sent) = client.insist(&nobody, |by| by.request(Method::POST, link).form(&[("", ""); 0])).await else { return };
    let Some(checkout) = sent.headers.get("location").and_then(|to| to.to_str().ok()).filter(|_| sent.status == 303) else { return };
    let checkout = path_of(checkout);
    let card = [("payment_method", "pm_card_visa")];
    if client.insist(&nobody, |by| by.request(Method::POST, &checkout).form(&card)).await.is_none() {
        return;
    }
    let done = client.insist(&nobody, |by| by.request(Method::GET, &format!("{link}/done"))).await;
    if done.is_some_and(|page| page.text.contains("data-state=\"paid\"")) {
        client.journal.acknowledged(&deed, json!({"of": key}));
    }
}

/// An address without its server: the replica that made it may be another one by now.
fn path_of(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}

/// Looks at something that was acknowledged: it is there.
async fn look(client: &mut Client) {
    let known: Vec<_> =
        client.journal.deeds(Kind::Customer).into_iter().filter_map(|(key, deed)| Some((key, deed.acknowledged?))).collect();
    let place = usize::try_from(client.dice.below(known.len() as u64)).unwrap_or_default();
    let Some((key, id)) = known.get(place) else { return };
    let path = format!("/v1/customers/{}", id.as_str().unwrap_or_default());
    let clerk = client.cast.clerk.clone();
    let Some(answer) = client.insist(&clerk, |by| by.request(Method::GET, &path)).await else { return };
    if answer.status != 200 {
        client.journal.wrong(format!("{key} was acknowledged and is not there: {} {}", answer.status, answer.text));
    }
}
