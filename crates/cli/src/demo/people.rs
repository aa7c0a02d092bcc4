//! An organization moves in: its founder signs up, invites the others, connects the sandbox.

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::cast::{Company, Member};
use crate::player::Player;
use crate::stage::Stage;

/// What the demo's own program reads with its key.
const KEY_MAY: [&str; 3] = ["cases:read", "customers:read", "analytics:read"];

/// An organization that works.
#[derive(Debug)]
pub struct Office {
    pub org: String,
    pub connection: String,
    /// Reads for the greeting.
    pub clerk: Player,
}

/// Opens one with all its members.
pub async fn open_office(stage: &Stage, company: &Company, password: &str) -> Result<Office> {
    let (founder, others) = company.members.split_first().context("a company without people")?;
    let mut admin = sign_up(stage, founder, company.name, password).await?;
    let org = admin.get("/v1/auth/org").await?;
    for member in others {
        join(stage, &mut admin, member, password).await?;
        lands(stage, member, company.name, password).await?;
    }
    let connection = admin.post("/v1/payment-connections", json!({ "provider": "sandbox", "name": "Sandbox" })).await?;
    let key = admin.post("/v1/api-keys", json!({ "name": "demo", "scopes": KEY_MAY })).await?;
    Ok(Office { org: text(&org, "id")?, connection: text(&connection, "id")?, clerk: stage.somebody().with_key(&text(&key, "key")?) })
}

/// Registers somebody and confirms their address.
async fn sign_up(stage: &Stage, member: &Member, org_name: &str, password: &str) -> Result<Player> {
    let wanted = json!({ "email": member.email, "password": password, "full_name": member.name, "org_name": org_name });
    let tokens = stage.somebody().post("/v1/auth/register", wanted).await?;
    let token = token_of(stage, member.email, "/verify").await?;
    stage.somebody().post("/v1/auth/verify-email", json!({ "token": token })).await?;
    Ok(stage.somebody().with_key(&text(&tokens, "access_token")?))
}

/// Invites somebody, who signs up and accepts.
async fn join(stage: &Stage, admin: &mut Player, member: &Member, password: &str) -> Result<()> {
    admin.post("/v1/org/invitations", json!({ "email": member.email, "role": member.role })).await?;
    let invitation = token_of(stage, member.email, "/invitations").await?;
    let mut person = sign_up(stage, member, &format!("{}'s own", member.name), password).await?;
    person.call(Method::POST, "/v1/invitations/accept", Some(json!({ "token": invitation }))).await.map(drop)
}

/// The sign-in that will be printed must lead to the organization.
async fn lands(stage: &Stage, member: &Member, org_name: &str, password: &str) -> Result<()> {
    let shown = json!({ "email": member.email, "password": password });
    let land = async || {
        let tokens = stage.somebody().post("/v1/auth/login", shown.clone()).await?;
        Ok(Some(()).filter(|()| tokens["organization"]["name"] == org_name))
    };
    stage.until(&format!("the sign-in of {} to lead to {org_name}", member.email), land).await
}

/// The token in a letter's link to a page of ours.
async fn token_of(stage: &Stage, email: &str, page: &str) -> Result<String> {
    let find = async || {
        let letters = stage.letters(email).await?;
        let link = letters.iter().find_map(|letter| letter.link(page).ok().filter(|link| link.contains("token=")).map(str::to_owned));
        Ok(link)
    };
    let link = stage.until(&format!("a letter to {email} with a link to {page}"), find).await?;
    let token = link.split_once("token=").map(|(_, token)| token).context("a token")?;
    Ok(token.split('&').next().unwrap_or_default().to_owned())
}

fn text(of: &Value, field: &str) -> Result<String> {
    of[field].as_str().map(str::to_owned).with_context(|| format!("the answer has no `{field}`"))
}
