//! A card without money: nobody is bothered, the charge is tried again when there may be some.

use anyhow::{Result, ensure};
use autorisen::kernel::{At, Money};
use serde_json::{Value, json};

use super::telling::Step;
use super::{Story, attempts, day, is, page_of};
use crate::merchant::Charge;
use crate::stage::at;

const AMOUNT_MINOR: i64 = 3_900;
/// The charge, and the first retry, find nothing; the second retry does.
const BANK: [&str; 3] = ["insufficient_funds", "insufficient_funds", "succeeded"];

impl Story<'_> {
    pub(super) async fn a_card_without_money(&mut self) -> Result<()> {
        self.telling.chapter("A card without money");
        let amount = self.money(AMOUNT_MINOR);
        let payer = self.merchant.keep_card("Tomás Lind", &self.address("tomas", "example"), None).await?;
        self.stage.script(&payer.card, &BANK).await?;
        let bill = self.merchant.bill(&payer, amount).await?;
        let bill = self.declined(&payer, bill, amount, "insufficient_funds").await?;
        let step = Step::new("charge_failed", format!("The company bills Tomás {amount}; there is not enough on his account"));
        self.told(step.facts(json!({ "ref": bill.reference, "decline": "insufficient_funds" }))).await?;
        let case = self.case_in(&bill.reference, &["scheduled"]).await?;
        is(&case, "class", "insufficient_funds")?;
        is(&case, "next_action", "retry")?;
        let first = at(&case["next_action_at"])?;
        ensure!(self.stage.letters(&payer.email).await?.is_empty(), "the payer is bothered although a retry may help");
        let step = Step::new("case_waits", format!("The case waits without a mail; the next charge is planned for {}", day(first)));
        self.told(step.see(page_of(&case)).facts(json!({ "case": case["id"], "next_action_at": case["next_action_at"] }))).await?;

        self.stage.move_to(first).await?;
        let case = self.tried(&bill, 1).await?;
        let second = next_retry(&case)?;
        let step = Step::new("retry_declined", format!("The clock moves there: still nothing, so the next try is on {}", day(second)));
        self.told(step.see(page_of(&case)).facts(json!({ "attempts": 1, "next_attempt_at": second }))).await?;

        self.stage.move_to(second).await?;
        self.collected(&bill, amount).await?;
        let charges = self.merchant.charges_of(&payer.card).await?;
        ensure!(charges == BANK.len(), "the card was charged {charges} times, where {} are right", BANK.len());
        Ok(())
    }

    /// The case once so many attempts were answered.
    async fn tried(&self, bill: &Charge, count: usize) -> Result<Value> {
        let what = format!("attempt {count} on {}", bill.reference);
        let is_done = |case: &Value| attempts(case).iter().filter(|(state, _)| matches!(*state, "declined" | "succeeded")).count() >= count;
        let path = format!("/v1/recoveries/by_ref/{}", bill.reference);
        self.stage.until(&what, async || Ok(Some(self.clerk.clone().get(&path).await?).filter(is_done))).await
    }

    async fn collected(&mut self, bill: &Charge, amount: Money) -> Result<()> {
        let case = self.case_in(&bill.reference, &["recovered"]).await?;
        is(&case, "outcome/mechanism", "retry")?;
        is(&case, "outcome/amount/minor", amount.minor)?;
        is(&case, "attempts_used", 2)?;
        let sent: Vec<_> = attempts(&case).into_iter().map(|(state, _)| state).collect();
        ensure!(sent == ["declined", "succeeded"], "the attempts went {sent:?}");
        self.tally.attempts += 2;
        self.tally.attempts_succeeded += 1;
        self.came_back(amount);
        let step = Step::new("recovered", format!("Payday: {amount} came back with the second retry, each sent once"));
        self.told(step.see(page_of(&case)).facts(json!({ "case": case["id"], "mechanism": "retry", "attempts": 2 }))).await
    }
}

fn next_retry(case: &Value) -> Result<At> {
    let planned = case["attempts"].as_array().into_iter().flatten().find(|attempt| attempt["state"] == "planned");
    at(&planned.map(|attempt| attempt["planned_for"].clone()).unwrap_or_default())
}
