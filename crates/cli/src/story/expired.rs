//! An expired card: no silent retry can help, so the payer is written to at once, and pays.

use anyhow::{Result, ensure};
use autorisen::kernel::Money;
use chrono::Duration;
use serde_json::{Value, json};

use super::telling::Step;
use super::{Story, attempts, is, page_of};
use crate::merchant::{Charge, Payer};
use crate::payer;
use crate::stage::{Letter, at};

/// "At once" in a machine's words: within one look of the queue.
const AT_ONCE: Duration = Duration::seconds(60);
const AMOUNT_MINOR: i64 = 4_900;

impl Story<'_> {
    pub(super) async fn an_expired_card(&mut self) -> Result<()> {
        self.telling.chapter("An expired card");
        let amount = self.money(AMOUNT_MINOR);
        let payer = self.merchant.keep_card("Grace Okafor", &self.address("grace", "example"), None).await?;
        self.stage.script(&payer.card, &["expired_card"]).await?;
        let charge = self.merchant.charge(&payer, amount).await?;
        let charge = self.declined(&payer, charge, amount, "expired_card").await?;
        let step = Step::new("charge_failed", format!("The company charges Grace {amount}; her bank declines, the card has expired"));
        self.told(step.facts(json!({ "ref": charge.reference, "decline": "expired_card" }))).await?;
        let case = self.expired_case(&charge).await?;
        self.a_forged_webhook(&charge, amount).await?;
        let letter = self.the_payer_is_written_to(&payer, &case, amount).await?;
        self.the_payer_pays(&charge, &letter, amount).await
    }

    async fn expired_case(&mut self, charge: &Charge) -> Result<Value> {
        let case = self.case_in(&charge.reference, &["action_required"]).await?;
        is(&case, "class", "stale_credentials")?;
        is(&case, "hardness", "needs_data")?;
        is(&case, "amount/minor", AMOUNT_MINOR)?;
        ensure!(case["attempts"].as_array().is_some_and(Vec::is_empty), "an attempt is planned on a card that has expired");
        let step = Step::new("case_opened", "The provider's signed webhook opens one case: only the payer can help, no retry is planned");
        self.told(step.see(page_of(&case)).facts(json!({ "case": case["id"], "class": case["class"], "state": case["state"] }))).await?;
        Ok(case)
    }

    async fn a_forged_webhook(&mut self, charge: &Charge, amount: Money) -> Result<()> {
        let now = self.stage.now().await?.timestamp();
        let event = json!({
            "id": format!("evt_forged_{}", self.run), "object": "event", "type": "payment_intent.succeeded", "created": now, "livemode": false,
            "data": { "object": { "id": charge.reference, "object": "payment_intent", "status": "succeeded",
                "amount": amount.minor, "amount_received": amount.minor, "currency": amount.currency.code().to_lowercase() } },
        });
        let signature = format!("t={now},v1={}", "0".repeat(64));
        let answer = self.stage.somebody().deliver(&self.webhook_url, &[("stripe-signature", &signature)], event.to_string()).await?;
        ensure!(answer.status == 400, "a webhook that is not signed right was answered {}", answer.status);
        is(&self.case(&charge.reference).await?, "state", "action_required")?;
        self.told(Step::new("forgery_refused", "Somebody without the secret says it was paid: refused with 400, nothing changes")).await
    }

    async fn the_payer_is_written_to(&mut self, payer: &Payer, case: &Value, amount: Money) -> Result<Letter> {
        let letter = self.stage.letter(&payer.email, 1).await?;
        let after = letter.sent_at - at(&case["failed_at"])?;
        ensure!(after <= AT_ONCE, "the payer was written to only after {} seconds", after.num_seconds());
        ensure!(letter.text.contains(&amount.to_string()), "the letter does not say how much is owed");
        ensure!(!letter.text.to_lowercase().contains("expired"), "the letter tells why the card was declined");
        let step = Step::new("payer_mailed", format!("Grace is written to at once: \"{}\"", letter.subject));
        self.told(step.see("/dev/mail").facts(json!({ "seconds_after_failure": after.num_seconds() }))).await?;
        Ok(letter)
    }

    async fn the_payer_pays(&mut self, charge: &Charge, letter: &Letter, amount: Money) -> Result<()> {
        let link = letter.link("/pay/")?;
        let page = payer::look(&self.stage, link).await?.fine()?;
        ensure!(page.text.contains(&amount.to_string()), "the payer's page does not say how much is owed");
        self.told(Step::new("link_opened", format!("She opens the one link in it and sees who asks for {amount}")).see("/pay/…")).await?;
        payer::pay(&self.stage, link).await?;
        self.told(Step::new("checkout_paid", "She pays on the provider's page with another card, without an account")).await?;
        let case = self.case_in(&charge.reference, &["recovered"]).await?;
        is(&case, "outcome/mechanism", "link:email")?;
        is(&case, "outcome/amount/minor", amount.minor)?;
        is(&case, "next_action_at", Value::Null)?;
        ensure!(attempts(&case).is_empty(), "the expired card was charged again");
        self.came_back(amount);
        let step = Step::new("recovered", format!("{amount} came back through the link; everything planned is cancelled"));
        self.told(step.see(page_of(&case)).facts(json!({ "case": case["id"], "mechanism": "link:email" }))).await?;
        let again = payer::look(&self.stage, link).await?;
        ensure!(again.text.contains("data-state=\"used\""), "the link answers a second visit with {}: {}", again.status, again.quoted());
        self.told(Step::new("link_spent", "Opened again, the link says that it is paid")).await
    }
}
