//! The page behind a checkout session: where a payer pays in the sandbox. A form, no script.

use askama::Template;
use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Choice, Select};
use host::Core;
use kernel::{Currency, Failure, Money};
use sea_orm::ColumnTrait as _;
use serde_json::Value;
use web::{Ctx, Html, PageFault, Path, RawBody, See};

use super::call::{Call, text};
use super::fields::Fields;
use super::refusal::Refusal;
use super::sessions;
use super::tables::object::{self, Column, Entity};
use crate::stripe;

/// Paid or not, the payer goes back to the merchant, who may be at another address.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self' http: https:; frame-ancestors 'none'; base-uri 'none'";

const CARDS: [Choice<'static>; 6] = [
    Choice { value: "pm_card_visa", label: "A good card" },
    Choice { value: "pm_card_chargeDeclinedInsufficientFunds", label: "A card without money" },
    Choice { value: "pm_card_chargeDeclinedExpiredCard", label: "An expired card" },
    Choice { value: "pm_card_chargeDeclinedLostCard", label: "A lost card" },
    Choice { value: "pm_card_chargeDeclined", label: "A card that is declined" },
    Choice { value: "pm_card_authenticationRequired", label: "A card that asks who you are" },
];

pub fn routes() -> Router<Core> {
    Router::new().route(&format!("{}/checkout/{{session}}", super::BASE_PATH), get(show).post(pay))
}

#[derive(Template)]
#[template(path = "billing/sandbox_checkout.html")]
struct CheckoutPage<'a> {
    description: &'a str,
    amount: Money,
    action: String,
    cancel_url: &'a str,
    error: Option<&'a str>,
    is_open: bool,
}

impl CheckoutPage<'_> {
    fn card(&self) -> Select<'_> {
        Select { label: "Pay with", name: "payment_method", choices: &CARDS, value: "pm_card_visa", error: self.error, ..Select::default() }
    }
}

async fn row(core: &Core, session: &str) -> Result<Option<object::Model>, Failure> {
    let system = core.store.system_read("a checkout page of the sandbox").await?;
    Ok(system.find::<Entity>().filter(Column::Kind.eq("checkout_session")).filter(Column::PspId.eq(session)).one().await?)
}

async fn show(ctx: Ctx, Path(session): Path<String>) -> Result<Response, PageFault> {
    let row = row(ctx.core(), &session).await?.ok_or_else(|| Failure::new(kernel::General::NotFound))?;
    Ok(page(&ctx, &row.body, None)?)
}

fn page(ctx: &Ctx, session: &Value, error: Option<&str>) -> Result<Response, Failure> {
    let currency: Currency = text(session, "currency").parse().map_err(Failure::internal)?;
    let until = session["expires_at"].as_i64().unwrap_or_default();
    let template = CheckoutPage {
        description: &text(session, "description"),
        amount: stripe::from_stripe(session["amount_total"].as_i64().unwrap_or_default(), currency),
        action: format!("{}/checkout/{}", super::BASE_PATH, text(session, "id")),
        cancel_url: &text(session, "cancel_url"),
        error,
        is_open: text(session, "status") == "open" && ctx.now().timestamp() < until,
    };
    let html: Html = ctx.plain_page("Sandbox checkout", &template)?;
    let html = if error.is_some() { html.with_status(402) } else { html };
    Ok(([(CONTENT_SECURITY_POLICY, POLICY)], html).into_response())
}

async fn pay(ctx: Ctx, Path(session): Path<String>, RawBody(body): RawBody) -> Result<Response, PageFault> {
    let row = row(ctx.core(), &session).await?.ok_or_else(|| Failure::new(kernel::General::NotFound))?;
    let method = Fields::read(&body).text("payment_method").unwrap_or("pm_card_visa").to_owned();
    match visit(ctx.core(), &row, &method).await? {
        Visit::Paid { success_url } => Ok(See::other(success_url).into_response()),
        Visit::Refused(why) => Ok(page(&ctx, &row.body, Some(&why))?),
    }
}

/// What came of a press of the button.
enum Visit {
    Paid { success_url: String },
    Refused(String),
}

async fn visit(core: &Core, row: &object::Model, method: &str) -> Result<Visit, Failure> {
    let system = core.store.system("somebody pays in the sandbox").await?;
    let mut call = match Call::within(system, row.account.clone(), None, &core.public_url).await {
        Ok(call) => call,
        Err(Refusal::Broken(failure)) => return Err(failure),
        Err(Refusal::Answer { .. }) => return Ok(Visit::Refused("The merchant's connection was removed.".to_owned())),
    };
    let visit = match sessions::pay(&mut call, &row.psp_id, method).await {
        Ok(paid) => Visit::Paid { success_url: text(&paid, "success_url") },
        Err(Refusal::Broken(failure)) => return Err(failure),
        Err(Refusal::Answer { body, .. }) => {
            let why = body.pointer("/error/message").and_then(Value::as_str).unwrap_or("Your card was declined.");
            Visit::Refused(why.to_owned())
        }
    };
    // A declined charge has happened as well.
    call.system.commit().await?;
    Ok(visit)
}
