//! The company's own billing system: it keeps cards at the provider and charges them there. Of the
//! product it knows nothing; the provider's webhooks tell what happened.

use anyhow::{Context as _, Result, ensure};
use autorisen::kernel::Money;
use serde_json::Value;

use crate::player::{Page, Player};
use crate::stage::Stage;

/// Where the sandbox answers in place of the provider.
const SANDBOX: &str = "/dev/sandbox/stripe";

/// Somebody whose card is on file.
#[derive(Debug, Clone)]
pub struct Payer {
    pub name: String,
    pub email: String,
    /// The provider's token of the card.
    pub card: String,
    /// The provider's id of the customer.
    pub customer: Option<String>,
}

/// A charge that was sent.
#[derive(Debug, Clone)]
pub struct Charge {
    /// By which the provider, and so the product, knows the payment.
    pub reference: String,
    /// Why the bank said no, if it did.
    pub decline: Option<String>,
}

/// One account at the provider.
#[derive(Debug, Clone)]
pub struct Merchant {
    api: Player,
}

impl Merchant {
    pub fn new(stage: &Stage, api_key: &str) -> Self {
        Self { api: stage.somebody().with_key(api_key) }
    }

    async fn ask(&self, path: &str, fields: &[(&str, String)]) -> Result<Page> {
        self.api.clone().post_fields(&format!("{SANDBOX}/v1/{path}"), fields).await
    }

    /// Puts a card on file.
    pub async fn keep_card(&self, name: &str, email: &str, customer: Option<&str>) -> Result<Payer> {
        let details =
            [("type", "card".to_owned()), ("billing_details[name]", name.to_owned()), ("billing_details[email]", email.to_owned())];
        let card = id(&made(self.ask("payment_methods", &details).await?)?)?;
        Ok(Payer { name: name.to_owned(), email: email.to_owned(), card, customer: customer.map(str::to_owned) })
    }

    /// Charges a card once, while its owner is away.
    pub async fn charge(&self, payer: &Payer, amount: Money) -> Result<Charge> {
        let mut fields = money(amount);
        fields.extend([
            ("payment_method", payer.card.clone()),
            ("receipt_email", payer.email.clone()),
            ("confirm", "true".to_owned()),
            ("off_session", "true".to_owned()),
        ]);
        fields.extend(payer.customer.clone().map(|customer| ("customer", customer)));
        let answer = self.ask("payment_intents", &fields).await?;
        let (intent, decline) = outcome(answer)?;
        Ok(Charge { reference: id(&intent)?, decline })
    }

    /// Sends a bill and charges it.
    pub async fn bill(&self, payer: &Payer, amount: Money) -> Result<Charge> {
        let mut fields = money(amount);
        fields.extend([
            ("customer_email", payer.email.clone()),
            ("customer_name", payer.name.clone()),
            ("default_payment_method", payer.card.clone()),
        ]);
        fields.extend(payer.customer.clone().map(|customer| ("customer", customer)));
        let reference = id(&made(self.ask("invoices", &fields).await?)?)?;
        let (_, decline) = outcome(self.ask(&format!("invoices/{reference}/pay"), &[]).await?)?;
        Ok(Charge { reference, decline })
    }

    /// How often a card was charged, whoever sent it.
    pub async fn charges_of(&self, card: &str) -> Result<usize> {
        let all = self.api.clone().get(&format!("/dev/sandbox/charges?payment_method={card}")).await?;
        let rows = all.as_array().context("the sandbox lists no charges")?;
        Ok(rows.iter().filter(|charge| charge["payment_method"] == card).count())
    }
}

fn money(amount: Money) -> Vec<(&'static str, String)> {
    vec![("amount", amount.minor.to_string()), ("currency", amount.currency.code().to_lowercase())]
}

fn made(answer: Page) -> Result<Value> {
    ensure!(answer.status == 200, "the sandbox answered {}: {}", answer.status, answer.text);
    Ok(answer.json())
}

/// What was charged, and why it was declined, if it was.
fn outcome(answer: Page) -> Result<(Value, Option<String>)> {
    if answer.status != 402 {
        return Ok((made(answer)?, None));
    }
    let error = answer.json()["error"].clone();
    let code = error["decline_code"].as_str().or(error["code"].as_str()).context("a decline without a code")?;
    Ok((error["payment_intent"].clone(), Some(code.to_owned())))
}

fn id(object: &Value) -> Result<String> {
    object["id"].as_str().map(str::to_owned).with_context(|| format!("the sandbox made something without an id: {object}"))
}
