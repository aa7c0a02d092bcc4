//! Control from outside: scripts, faults, what was charged, and a charge on demand.

use axum::Router;
use axum::routing::{get, post};
use host::Core;
use kernel::{At, Check, ConnectionId, Currency, Failure};
use sea_orm::ColumnTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::answer::NoFault;
use web::{Answer, CreatedAnswer, Ctx, Json, Query};

use super::call::text;
use super::charge::{self, Charge, Charged, Payer};
use super::faults::Faults;
use super::outcome::Outcome;
use super::scripts;
use super::tables::object::{Column, Entity};

/// Charges that are shown: enough for a story, little enough to read.
const CHARGES_MAX: u64 = 500;
/// Outcomes of one script.
const OUTCOMES_MAX: usize = 1000;
/// Tokens of payment methods are shorter.
const TOKEN_LEN_MAX: usize = 255;

pub fn routes() -> Router<Core> {
    Router::new()
        .route("/dev/sandbox/script", post(write_script))
        .route("/dev/sandbox/faults", get(show_faults).post(set_faults))
        .route("/dev/sandbox/charges", get(list_charges))
        .route("/dev/sandbox/charge", post(make_charge))
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Script {
    payment_method: String,
    /// `succeeded`, `authentication_required`, `processing`, `timeout_after_charge`,
    /// `timeout_after_decline`, `timeout_before_charge`, `api_error`, `rate_limited`, or any decline code.
    outcomes: Vec<String>,
}

impl Script {
    fn check(&self) -> Result<(), Failure> {
        let mut check = Check::new();
        check.text("payment_method", &self.payment_method, 1..=TOKEN_LEN_MAX);
        check.that((1..=OUTCOMES_MAX).contains(&self.outcomes.len()), "outcomes", format!("must have 1 to {OUTCOMES_MAX} entries"));
        for (place, word) in self.outcomes.iter().enumerate() {
            check.that(Outcome::read(word).is_some(), &format!("outcomes.{place}"), "must be an outcome or a decline code in lower case");
        }
        check.done()
    }
}

async fn write_script(ctx: Ctx, Json(script): Json<Script>) -> Answer<Script, NoFault> {
    script.check()?;
    let mut system = ctx.core().store.system("a script for the sandbox").await?;
    scripts::write(&mut system, &script.payment_method, &script.outcomes).await?;
    system.commit().await?;
    Ok(ctx.answer(&script)?)
}

async fn show_faults(ctx: Ctx) -> Answer<Faults, NoFault> {
    let system = ctx.core().store.system_read("the sandbox's faults").await?;
    Ok(ctx.answer(&Faults::load(&system).await?)?)
}

async fn set_faults(ctx: Ctx, Json(faults): Json<Faults>) -> Answer<Faults, NoFault> {
    let mut system = ctx.core().store.system("the sandbox's faults").await?;
    let faults = faults.bounded();
    faults.keep(&mut system).await?;
    system.commit().await?;
    Ok(ctx.answer(&faults)?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChargesQuery {
    payment_method: Option<String>,
    payment_intent: Option<String>,
}

/// What a bank saw.
#[derive(Debug, Serialize)]
struct ChargeView {
    id: String,
    amount: i64,
    amount_refunded: i64,
    currency: String,
    customer: Option<String>,
    payment_method: String,
    payment_intent: String,
    status: String,
    /// `succeeded`, or the decline code.
    outcome: String,
    idempotency_key: Option<String>,
    metadata: Value,
    created_at: At,
}

impl ChargeView {
    fn of(body: &Value, created_at: At) -> Self {
        let optional = |field: &str| Some(text(body, field)).filter(|text| !text.is_empty());
        let status = text(body, "status");
        let reason = text(&body["outcome"], "reason");
        Self {
            id: text(body, "id"),
            amount: body["amount"].as_i64().unwrap_or_default(),
            amount_refunded: body["amount_refunded"].as_i64().unwrap_or_default(),
            currency: text(body, "currency"),
            customer: optional("customer"),
            payment_method: text(body, "payment_method"),
            payment_intent: text(body, "payment_intent"),
            outcome: if status == "succeeded" { status.clone() } else { reason },
            status,
            idempotency_key: optional("idempotency_key"),
            metadata: body["metadata"].clone(),
            created_at,
        }
    }
}

/// Every charge that was tried, newest first.
async fn list_charges(ctx: Ctx, Query(query): Query<ChargesQuery>) -> Answer<Vec<ChargeView>, NoFault> {
    let system = ctx.core().store.system_read("the sandbox's charges").await?;
    let rows = system.find::<Entity>().filter(Column::Kind.eq("charge")).newest(Column::CreatedAt).limit(CHARGES_MAX).all().await?;
    let mut views: Vec<ChargeView> = rows.iter().map(|row| ChargeView::of(&row.body, row.created_at)).collect();
    views.retain(|view| query.payment_method.as_ref().is_none_or(|wanted| *wanted == view.payment_method));
    views.retain(|view| query.payment_intent.as_ref().is_none_or(|wanted| *wanted == view.payment_intent));
    Ok(ctx.answer(&views)?)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChargeRequest {
    connection_id: ConnectionId,
    customer: Option<Payer>,
    amount: i64,
    currency: Currency,
    payment_method: Option<String>,
    outcomes: Option<Vec<String>>,
    /// Whether the charge is one of an invoice.
    #[serde(default)]
    invoice: bool,
}

impl ChargeRequest {
    /// The charge that is asked for; with a card of its own where none is named.
    fn charge(self) -> Result<Charge, Failure> {
        let payment_method = self.payment_method.unwrap_or_else(charge::fresh_token);
        if let Some(outcomes) = &self.outcomes {
            Script { payment_method: payment_method.clone(), outcomes: outcomes.clone() }.check()?;
        }
        Ok(Charge {
            connection: self.connection_id,
            payer: self.customer.unwrap_or_default(),
            amount: self.amount,
            currency: self.currency,
            payment_method,
            outcomes: self.outcomes,
            with_invoice: self.invoice,
        })
    }
}

async fn make_charge(ctx: Ctx, Json(request): Json<ChargeRequest>) -> CreatedAnswer<Charged, NoFault> {
    let charged = charge::make(ctx.core(), None, request.charge()?).await?;
    Ok(ctx.created(&charged)?)
}
