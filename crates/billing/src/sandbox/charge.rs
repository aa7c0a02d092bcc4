//! A charge on demand: what a merchant's own shop would do. It fails or succeeds as scripted, and
//! its signed webhook arrives like any other.

use host::Core;
use kernel::{ConnectionId, Currency, Failure, General, OrgId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Call, text};
use super::charging::{Presence, collect};
use super::fields::Fields;
use super::refusal::Refusal;
use super::{intents, invoices, methods, scripts};
use crate::connections;
use crate::stripe;
use kernel::Money;

/// Whom a charge is for: `"ann@example.com"`, `"cus_123"`, or both and a name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "PayerForm")]
pub struct Payer {
    pub id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PayerForm {
    Text(String),
    Object { id: Option<String>, email: Option<String>, name: Option<String> },
}

impl From<PayerForm> for Payer {
    fn from(form: PayerForm) -> Self {
        match form {
            PayerForm::Text(text) if text.contains('@') => Self { email: Some(text), ..Self::default() },
            PayerForm::Text(text) => Self { id: Some(text), ..Self::default() },
            PayerForm::Object { id, email, name } => Self { id, email, name },
        }
    }
}

/// What to charge.
pub struct Charge {
    pub connection: ConnectionId,
    pub payer: Payer,
    pub amount: i64,
    pub currency: Currency,
    pub payment_method: String,
    /// Written as the method's script first.
    pub outcomes: Option<Vec<String>>,
    pub with_invoice: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Charged {
    pub payment_intent: String,
    pub invoice: Option<String>,
    /// What the payment is known by.
    #[serde(rename = "ref")]
    pub reference: String,
    pub payment_method: String,
    /// The intent's status at the sandbox.
    pub status: String,
    pub decline_code: Option<String>,
}

/// A method that nobody has used yet.
pub fn fresh_token() -> String {
    super::call::new_id("pm_sandbox")
}

/// Makes the charge. With `org`, only through a connection of that organization.
pub async fn make(core: &Core, org: Option<OrgId>, charge: Charge) -> Result<Charged, Failure> {
    let address = connections::at_address(&core.store, charge.connection).await?;
    let address = address.filter(|found| org.is_none_or(|org| org == found.org)).ok_or(General::NotFound)?;
    let account = address.row.api_key_hash.ok_or_else(|| Failure::field("connection_id", "has no API key"))?;
    let system = core.store.system("a charge in the sandbox").await?;
    let mut call = Call::within(system, account, None, &core.public_url).await.map_err(into_failure)?;
    let charged = run(&mut call, &charge).await.map_err(into_failure)?;
    call.system.commit().await?;
    Ok(charged)
}

async fn run(call: &mut Call, charge: &Charge) -> Result<Charged, Refusal> {
    let method = charge.payment_method.as_str();
    if let Some(outcomes) = &charge.outcomes {
        scripts::write(&mut call.system, method, outcomes).await?;
    }
    let (email, name) = (charge.payer.email.as_deref(), charge.payer.name.as_deref());
    methods::keep(call, method, email, name).await?;
    let fields = fields(charge)?;
    let invoice = if charge.with_invoice { Some(invoices::create(call, &fields).await?) } else { None };
    let intent = match &invoice {
        Some(invoice) => of_invoice(call, invoice).await?,
        None => text(&intents::create(call, &fields).await?, "id"),
    };
    let whole = call.load("payment_intent", &intent).await?;
    match collect(call, whole, method, Presence::OffSession).await {
        // A decline is what this is for.
        Ok(_) | Err(Refusal::Answer { .. }) => {}
        Err(broken) => return Err(broken),
    }
    let after = call.load("payment_intent", &intent).await?;
    let invoice = invoice.map(|invoice| text(&invoice, "id"));
    Ok(Charged {
        reference: invoice.clone().unwrap_or_else(|| intent.clone()),
        payment_intent: intent,
        invoice,
        payment_method: method.to_owned(),
        status: text(&after, "status"),
        decline_code: Some(text(&after["last_payment_error"], "decline_code")).filter(|code| !code.is_empty()),
    })
}

fn fields(charge: &Charge) -> Result<Fields, Refusal> {
    let money = Money::new(charge.amount, charge.currency);
    let amount = stripe::to_stripe(money).map_err(|wrong| Refusal::invalid("invalid_amount", wrong.to_string()))?;
    let pairs = [
        ("amount", Some(amount.to_string())),
        ("currency", Some(charge.currency.code().to_lowercase())),
        ("customer", charge.payer.id.clone()),
        ("receipt_email", charge.payer.email.clone()),
        ("customer_email", charge.payer.email.clone()),
        ("customer_name", charge.payer.name.clone()),
        ("default_payment_method", Some(charge.payment_method.clone())),
    ];
    Ok(Fields::of(pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))))
}

async fn of_invoice(call: &mut Call, invoice: &Value) -> Result<String, Refusal> {
    let payments = call.children("invoice_payment", &text(invoice, "id")).await?;
    Ok(payments.first().map(|row| text(&row["payment"], "payment_intent")).unwrap_or_default())
}

fn into_failure(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Broken(failure) => failure,
        Refusal::Answer { body, .. } => {
            let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or_default().to_owned();
            Failure::new(General::ValidationFailed).with_message(message).with_cause(json!(body).to_string())
        }
    }
}
