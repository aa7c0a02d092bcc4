//! The page behind the link in an invitation. Opening it spends nothing (mail scanners open links).
//! Somebody who is signed in accepts with a button; somebody with an account is sent to sign in; a
//! newcomer chooses a name and a password, and has an account.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Complaint, Csrf, Field, answered};
use host::{Core, Registry};
use kernel::{Failed, Failure, Secret};
use serde::Deserialize;
use tenancy::invitations::{self, Acceptor, Offer, PAGE};
use web::{Ctx, Form, PageFault, Query, Routes as _, See};

use super::fields;
use super::signup::password_hint;
use crate::accounts::{self, Join};
use crate::client::Client;

pub(super) fn register(app: &mut Registry) {
    app.public_pages(Router::<Core>::new().route(PAGE, get(invited_page).post(invited_form)));
}

/// What the link carries. A password in an address would stand in histories and logs: it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    token: Secret,
}

/// What a newcomer sends: the link's token, and what they typed besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    token: Secret,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    password: Secret,
}

/// To whoever is signed in: the offer, or why there is none.
#[derive(Template)]
#[template(path = "invitation_accept.html")]
struct AcceptPage<'a> {
    csrf: Secret,
    token: &'a str,
    email: &'a str,
    offer: Option<Offer>,
    complaint: Option<Complaint>,
}

impl AcceptPage<'_> {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }
}

/// To somebody who has an account and is not signed in.
#[derive(Template)]
#[template(path = "invitation_signin.html")]
struct SignInFirst {
    offer: Offer,
    return_to: String,
}

/// To somebody who has no account.
#[derive(Template)]
#[template(path = "invitation_join.html")]
struct JoinPage<'a> {
    csrf: Secret,
    given: &'a Given,
    /// None when the link does not open.
    offer: Option<Offer>,
    password_hint: String,
    complaint: Option<Complaint>,
}

impl JoinPage<'_> {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn full_name(&self) -> Field<'_> {
        fields::full_name(&self.given.full_name, self.complaint.as_ref())
    }

    fn password(&self) -> Field<'_> {
        fields::new_password("Password", "password", &self.password_hint, self.complaint.as_ref())
    }
}

impl From<Link> for Given {
    fn from(link: Link) -> Self {
        Self { token: link.token, full_name: String::new(), password: Secret::default() }
    }
}

async fn invited_page(ctx: Ctx, Query(link): Query<Link>) -> Result<Response, PageFault> {
    let given = Given::from(link);
    if ctx.somebody().is_none() {
        return Ok(show_stranger(&ctx, &given, None).await?);
    }
    let offer = invitations::look(ctx.core(), Some(&Acceptor::of(&ctx)?), &given.token).await.map_err(Failed::into_failure);
    Ok(show_member(&ctx, &given, offer)?)
}

async fn invited_form(ctx: Ctx, Form(given): Form<Given>) -> Result<Response, PageFault> {
    if ctx.somebody().is_none() {
        return Ok(join(&ctx, &given).await?);
    }
    match invitations::accept(ctx.core(), Acceptor::of(&ctx)?, &given.token).await {
        Ok(accepted) => {
            ctx.notice(&format!("You are a member of {} now.", accepted.organization.name));
            Ok(See::other("/").into_response())
        }
        Err(failed) => Ok(show_member(&ctx, &given, Err(failed.into_failure()))?),
    }
}

async fn join(ctx: &Ctx, given: &Given) -> Result<Response, Failure> {
    let new = Join { token: given.token.clone(), password: given.password.clone(), full_name: given.full_name.clone() };
    match accounts::join(ctx.core(), new, &Client::of(ctx)).await.map_err(Failed::into_failure) {
        Ok(joined) => {
            ctx.notice(&format!("You are a member of {} now. Sign in with the password that you chose.", joined.organization.name));
            Ok(See::other("/signin").into_response())
        }
        Err(failure) => show_stranger(ctx, given, Some(Complaint::of(failure)?)).await,
    }
}

fn show_member(ctx: &Ctx, given: &Given, offer: Result<Offer, Failure>) -> Result<Response, Failure> {
    let (offer, complaint) = match offer {
        Ok(offer) => (Some(offer), None),
        Err(failure) => (None, Some(Complaint::of(failure)?)),
    };
    let page = AcceptPage { csrf: ctx.csrf(), token: given.token.expose(), email: &ctx.caller()?.email, offer, complaint };
    Ok(answered(ctx.plain_page("You are invited", &page)?, page.complaint.as_ref()).into_response())
}

async fn show_stranger(ctx: &Ctx, given: &Given, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let (offer, complaint) = match accounts::offer(ctx.core(), &given.token).await.map_err(Failed::into_failure) {
        Ok((offer, true)) => {
            let page = SignInFirst { offer, return_to: format!("{PAGE}?token={}", given.token.expose()) };
            return Ok(answered(ctx.plain_page("You are invited", &page)?, complaint.as_ref()).into_response());
        }
        Ok((offer, false)) => (Some(offer), complaint),
        Err(failure) => (None, Some(Complaint::of(failure)?)),
    };
    let page = JoinPage { csrf: ctx.csrf(), given, offer, password_hint: password_hint(ctx), complaint };
    Ok(answered(ctx.plain_page("You are invited", &page)?, page.complaint.as_ref()).into_response())
}
