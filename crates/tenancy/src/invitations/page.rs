//! The page behind the link in the mail. Opening it spends nothing (mail scanners open links);
//! accepting is a button.

use askama::Template;
use axum::Router;
use axum::routing::get;
use console::Csrf;
use host::{Core, Registry};
use kernel::{Failed, Failure, Secret};
use serde::Deserialize;
use web::{Ctx, Form, Html, PageFault, Query, Routes as _, See};

use super::accept::{self, Acceptor, Offer};
use crate::page_form::{Complaint, with_status};

pub(super) const PATH: &str = "/invitations/accept";

pub(super) fn register(app: &mut Registry) {
    // For anybody: a person who has no account yet is shown both ways in.
    app.public_pages(Router::<Core>::new().route(PATH, get(accept_page).post(accept_from_page)));
}

/// What the link and the button carry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    token: Secret,
}

/// Before anybody is signed in.
#[derive(Template)]
#[template(path = "invitation_signin.html")]
struct SignInFirst {
    return_to: String,
}

/// To whoever is signed in: the offer, or why there is none.
#[derive(Template)]
#[template(path = "invitation_accept.html")]
struct AcceptPage<'a> {
    csrf: Secret,
    token: &'a str,
    email: &'a str,
    offer: Result<Offer, Complaint>,
}

impl AcceptPage<'_> {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }
}

async fn accept_page(ctx: Ctx, Query(given): Query<Given>) -> Result<Html, PageFault> {
    if ctx.somebody().is_none() {
        let return_to = format!("{PATH}?token={}", given.token.expose());
        return Ok(ctx.plain_page("You are invited", &SignInFirst { return_to })?);
    }
    let offer = accept::look(ctx.core(), &Acceptor::of(&ctx)?, &given.token).await.map_err(Failed::into_failure);
    Ok(show(&ctx, &given, offer)?)
}

async fn accept_from_page(ctx: Ctx, Form(given): Form<Given>) -> Result<Result<See, Html>, PageFault> {
    match accept::accept(ctx.core(), Acceptor::of(&ctx)?, &given.token).await {
        Ok(accepted) => {
            ctx.notice(&format!("You are a member of {} now.", accepted.organization.name));
            Ok(Ok(See::other("/")))
        }
        Err(failed) => Ok(Err(show(&ctx, &given, Err(failed.into_failure()))?)),
    }
}

fn show(ctx: &Ctx, given: &Given, offer: Result<Offer, Failure>) -> Result<Html, Failure> {
    let offer = match offer {
        Ok(offer) => Ok(offer),
        Err(failure) => Err(Complaint::of(failure)?),
    };
    let page = AcceptPage { csrf: ctx.csrf(), token: given.token.expose(), email: &ctx.caller()?.email, offer };
    Ok(with_status(ctx.plain_page("You are invited", &page)?, page.offer.as_ref().err()))
}
