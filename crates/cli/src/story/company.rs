//! A company signs up, proves its address and connects its payment provider.

use anyhow::{Context as _, Result, ensure};
use autorisen::kernel::chance;
use serde_json::json;

use super::telling::Step;
use super::{Story, is};
use crate::merchant::Merchant;

/// What the company's own programs may do with their key.
const CLERK_MAY: [&str; 3] = ["cases:read", "payments:read", "analytics:read"];

impl Story<'_> {
    pub(super) async fn a_company_signs_up(&mut self) -> Result<()> {
        self.telling.chapter("A company signs up");
        let email = self.address("ada", "northwind");
        self.sign_up(&email).await?;
        self.verify(&email).await?;
        self.connect().await?;
        self.make_a_key().await
    }

    async fn sign_up(&mut self, email: &str) -> Result<()> {
        let page = self.ada.visit("/signup").await?.fine()?;
        let typed = [("full_name", "Ada Berg"), ("email", email), ("org_name", "Northwind Coffee"), ("password", &self.password())];
        let form =
            typed.into_iter().try_fold(page.form("/signup")?, |form, (name, value)| form.fill(name, value)).map_err(anyhow::Error::msg)?;
        let sent = self.ada.submit(&page, &form).await?;
        ensure!(sent.leads_to().is_some(), "signing up answered {}: {}", sent.status, sent.quoted());
        let landed = self.ada.follow(sent).await?.fine()?;
        let step = Step::new("signed_up", "Ada Berg signs up and founds Northwind Coffee");
        self.told(step.see("/signup").facts(json!({ "email": email, "landed_at": landed.path() }))).await
    }

    /// The same at each sign-in of this run, and of no use after it.
    pub(super) fn password(&self) -> String {
        format!("mild roast {} before nine", &chance::digest(&self.run)[..12])
    }

    async fn verify(&mut self, email: &str) -> Result<()> {
        let before = self.ada.get("/auth/web/me").await?;
        is(&before, "email_verified_at", serde_json::Value::Null)?;
        let letter = self.stage.letter(email, 1).await?;
        let step = Step::new("mail_sent", format!("A mail asks her to confirm her address: \"{}\"", letter.subject));
        self.told(step.see("/dev/mail")).await?;
        let page = self.ada.visit(letter.link("token=")?).await?.fine()?;
        let pressed = self.ada.submit(&page, &page.form("/verify")?).await?;
        ensure!(pressed.leads_to().is_some(), "confirming answered {}: {}", pressed.status, pressed.quoted());
        let after = self.ada.get("/auth/web/me").await?;
        ensure!(!after["email_verified_at"].is_null(), "the address is still not verified");
        self.told(Step::new("verified", "She opens the link and presses the button; the address is hers").see("/verify")).await
    }

    async fn connect(&mut self) -> Result<()> {
        let key = format!("sk_test_{}", chance::token().expose());
        let wanted = json!({ "provider": "sandbox", "name": "Northwind's sandbox", "api_key": key });
        let made = self.ada.post_from_page("/v1/payment-connections", wanted).await?;
        is(&made, "provider", "sandbox")?;
        ensure!(!made.to_string().contains(&key), "the answer shows the key that was entered");
        made["webhook_url"].as_str().context("the connection has no address for webhooks")?.clone_into(&mut self.webhook_url);
        self.merchant = Merchant::new(&self.stage, &key);
        let step = Step::new("connected", "She connects her payment provider, here the sandbox; its key is kept sealed");
        self.told(step.see("/connections").facts(json!({ "connection": made["id"] }))).await
    }

    async fn make_a_key(&mut self) -> Result<()> {
        let made = self.ada.post_from_page("/v1/api-keys", json!({ "name": "billing system", "scopes": CLERK_MAY })).await?;
        let key = made["key"].as_str().context("the key is not shown")?;
        self.clerk = self.stage.somebody().with_key(key);
        let step = Step::new("key_made", "She makes an API key that may read cases, for the company's own programs");
        self.told(step.see("/api-keys").facts(json!({ "scopes": CLERK_MAY }))).await
    }
}
