//! A stolen card: never charged again, however long one waits.

use anyhow::{Result, ensure};
use chrono::Duration;
use serde_json::json;

use super::telling::Step;
use super::{Story, attempts, is, page_of};

const AMOUNT_MINOR: i64 = 5_900;
/// Longer than any policy runs.
const WAIT: Duration = Duration::days(30);
/// The bank would pay the next time: what keeps us from asking is not the bank.
const BANK: [&str; 2] = ["stolen_card", "succeeded"];
/// What no payer reads.
const UNSAID: [&str; 4] = ["stolen", "lost", "fraud", "declin"];

impl Story<'_> {
    pub(super) async fn a_stolen_card(&mut self) -> Result<()> {
        self.telling.chapter("A stolen card");
        let amount = self.money(AMOUNT_MINOR);
        let payer = self.merchant.keep_card("Mira Castellanos", &self.address("mira", "example"), None).await?;
        self.stage.script(&payer.card, &BANK).await?;
        let charge = self.merchant.charge(&payer, amount).await?;
        let charge = self.declined(&payer, charge, amount, "stolen_card").await?;
        let step = Step::new("charge_failed", format!("The company charges Mira {amount}; her bank says that the card is stolen"));
        self.told(step.facts(json!({ "ref": charge.reference, "decline": "stolen_card" }))).await?;

        let case = self.case_in(&charge.reference, &["action_required"]).await?;
        is(&case, "class", "lost_stolen")?;
        is(&case, "hardness", "hard")?;
        ensure!(case["attempts"].as_array().is_some_and(Vec::is_empty), "an attempt is planned on a stolen card");
        let letter = self.stage.letter(&payer.email, 1).await?;
        let said = letter.text.to_lowercase();
        ensure!(UNSAID.iter().all(|word| !said.contains(word)), "the letter tells the payer why: {}", letter.text);
        let step = Step::new("case_opened", "The card is blocked for good; the mail asks for another way to pay and does not say why");
        self.told(step.see(page_of(&case)).facts(json!({ "case": case["id"], "class": case["class"], "hardness": case["hardness"] })))
            .await?;

        self.stage.pass(WAIT).await?;
        let case = self.case_in(&charge.reference, &["not_recoverable"]).await?;
        is(&case, "attempts_used", 0)?;
        ensure!(attempts(&case).is_empty(), "the stolen card was charged again: {}", case["attempts"]);
        let charges = self.merchant.charges_of(&payer.card).await?;
        ensure!(charges == 1, "the provider saw {charges} charges of the stolen card, where the first one is all");
        let step = Step::new("closed", "Thirty days later the case is closed; the card was never charged again");
        self.told(
            step.see(page_of(&case)).facts(json!({ "case": case["id"], "state": case["state"], "attempts": 0, "charges_at_provider": 1 })),
        )
        .await
    }
}
