//! A payer: has no account, opens one link, pays.

use anyhow::{Context as _, Result, ensure};

use crate::player::Page;
use crate::stage::Stage;

/// What the page after the payment says of itself when the money has arrived.
const PAID: &str = "data-state=\"paid\"";
/// The way to the provider's page begins with a form that goes here.
const TO_CHECKOUT: &str = "/pay/";
/// The form of the sandbox's own page.
const AT_CHECKOUT: &str = "/dev/sandbox/stripe/checkout/";

/// The page behind a link of a letter. Looking spends nothing.
pub async fn look(stage: &Stage, link: &str) -> Result<Page> {
    stage.somebody().visit(link).await
}

/// Opens the link of a letter, goes on to the provider's page and pays there. The page at the end
/// must say that the money has arrived.
pub async fn pay(stage: &Stage, link: &str) -> Result<Page> {
    let mut payer = stage.somebody();
    let asked = payer.visit(link).await?.fine().context("the payer's link")?;
    let sent = payer.submit(&asked, &asked.form(TO_CHECKOUT)?).await?;
    ensure!(sent.leads_to().is_some(), "the way to the checkout answered {}: {}", sent.status, sent.quoted());
    let checkout = payer.follow(sent).await?.fine().context("the provider's page")?;
    let form = checkout.form(AT_CHECKOUT)?;
    let paid = payer.submit(&checkout, &form).await?;
    let end = payer.follow(paid).await?.fine().context("the page after the payment")?;
    ensure!(end.text.contains(PAID), "the page after the payment says: {}", end.quoted());
    Ok(end)
}
