//! The dashboard: what it shows must be what happened.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::telling::Step;
use super::{Story, is};

/// Shares are compared to this.
const SHARE_EXACT: f64 = 1e-9;

impl Story<'_> {
    pub(super) async fn the_numbers(&mut self) -> Result<()> {
        self.telling.chapter("What the dashboard shows");
        self.sign_in_again().await?;
        let now = self.stage.now().await?;
        let iso = |at: autorisen::kernel::At| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let span = format!("from={}&to={}", iso(self.began_at), iso(now));
        self.summary(&span).await?;
        self.rates(&span).await
    }

    /// A session does not last a month, so she signs in with her password.
    async fn sign_in_again(&mut self) -> Result<()> {
        let page = self.ada.visit("/dashboard").await?.fine()?;
        ensure!(page.path() == "/signin", "a session of a month ago still opens {}", page.path());
        let email = self.address("ada", "northwind");
        let form = page
            .form("/signin")?
            .fill("email", &email)
            .and_then(|form| form.fill("password", &self.password()))
            .map_err(anyhow::Error::msg)?;
        let sent = self.ada.submit(&page, &form).await?;
        ensure!(sent.leads_to().is_some(), "signing in answered {}: {}", sent.status, sent.quoted());
        let landed = self.ada.follow(sent).await?.fine()?;
        ensure!(landed.path() == "/dashboard", "signing in leads to {}", landed.path());
        self.told(Step::new("signed_in", "A month later the old session has ended; Ada signs in again").see("/dashboard")).await
    }

    async fn summary(&mut self, span: &str) -> Result<()> {
        let summary = self.ada.get(&format!("/v1/analytics/summary?{span}")).await?;
        let row = self.only_currency(&summary)?;
        let tally = &self.tally;
        is(row, "opened", tally.failed)?;
        is(row, "open", 0)?;
        is(row, "recovered", tally.recovered)?;
        is(row, "involuntary_loss", tally.failed - tally.recovered)?;
        is(row, "amount_due/minor", tally.failed_minor)?;
        is(row, "amount_recovered/minor", tally.recovered_minor)?;
        is(row, "attempts_sent", tally.attempts)?;
        is(row, "attempts_succeeded", tally.attempts_succeeded)?;
        let by = |name: &str| groups(row, "by_mechanism").find(|group| group["name"] == name).map(|group| group["cases"].clone());
        ensure!(by("retry") == Some(json!(1)) && by("link:email") == Some(json!(1)), "the mechanisms are {}", row["by_mechanism"]);
        let classes: Vec<_> = groups(row, "by_class").filter_map(|group| group["name"].as_str()).collect();
        ensure!(classes == ["insufficient_funds", "lost_stolen", "stale_credentials"], "the classes are {classes:?}");
        let (due, back) = (self.money(tally.failed_minor), self.money(tally.recovered_minor));
        let (failed, recovered) = (tally.failed, tally.recovered);
        let step = Step::new("summary", "The summary says what the story did").see("/v1/analytics/summary");
        self.told(step.facts(json!({ "opened": failed, "recovered": recovered, "amount_due": due, "amount_recovered": back }))).await?;
        self.telling.row("failed", &format!("{failed}   {due}"));
        self.telling.row("came back", &format!("{recovered}   {back}"));
        self.telling.row("by retry", "1");
        self.telling.row("by link", "1");
        Ok(())
    }

    async fn rates(&mut self, span: &str) -> Result<()> {
        let rates = self.ada.get(&format!("/v1/analytics/recovery_rate?{span}")).await?;
        let row = self.only_currency(&rates)?;
        let tally = &self.tally;
        let by_count = tally.recovered as f64 / tally.failed as f64;
        let by_amount = tally.recovered_minor as f64 / tally.failed_minor as f64;
        for (field, right) in [("rate_count", by_count), ("rate_amount", by_amount)] {
            let found = row[field].as_f64().with_context(|| format!("there is no `{field}`"))?;
            ensure!((found - right).abs() < SHARE_EXACT, "`{field}` is {found}, where {right} is right");
        }
        let text = format!(
            "The recovery rate is {:.1} % of all failures, hard ones included, and {:.1} % of the money",
            by_count * 100.0,
            by_amount * 100.0
        );
        let facts = json!({ "rate_count": by_count, "rate_amount": by_amount });
        self.told(Step::new("recovery_rate", text).see("/v1/analytics/recovery_rate").facts(facts)).await
    }

    /// The story used one currency.
    fn only_currency<'a>(&self, answer: &'a Value) -> Result<&'a Value> {
        let rows = answer["currencies"].as_array().context("no currencies")?;
        ensure!(
            rows.len() == 1 && rows[0]["currency"] == self.currency.code(),
            "the answer has other currencies: {}",
            answer["currencies"]
        );
        Ok(&rows[0])
    }
}

fn groups<'a>(row: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    row[field].as_array().into_iter().flatten()
}
