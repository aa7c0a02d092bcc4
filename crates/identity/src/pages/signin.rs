//! The page /signin.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Check, Complaint, Csrf, Field, answered};
use host::{Core, Registry};
use kernel::{Failed, Failure, Secret};
use serde::Deserialize;
use web::{Ctx, Form, PageFault, Query, Routes as _, See};

use super::{HOME, enter, fields, return_to};
use crate::Identity;
use crate::Registration;
use crate::client::Client;
use crate::sessions::Kind;
use crate::signin::{Credentials, SignedIn, sign_in};

pub(super) fn register(app: &mut Registry) {
    app.public_pages(Router::<Core>::new().route("/signin", get(signin_page).post(signin_form)));
    app.goes_on_read_only(&["/signin"]);
}

/// Where to go on. Other parameters are tolerated: people arrive from anywhere.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Onward {
    pub return_to: Option<String>,
}

/// What was typed. Texts, so that a wrong one is shown again with a sentence beside it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SigninForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: Secret,
    remember: Option<String>,
    return_to: Option<String>,
}

#[derive(Template)]
#[template(path = "signin.html")]
struct SigninPage {
    csrf: Secret,
    form: SigninForm,
    can_register: bool,
    complaint: Option<Complaint>,
}

impl SigninPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn email(&self) -> Field<'_> {
        fields::email(&self.form.email, self.complaint.as_ref())
    }

    fn password(&self) -> Field<'_> {
        fields::known_password("Password", "password", self.complaint.as_ref())
    }

    fn remember(&self) -> Check<'_> {
        Check { label: "Stay signed in on this device", name: "remember", value: "yes", checked: self.form.remember.is_some() }
    }

    fn return_to(&self) -> Option<&str> {
        return_to::safe(self.form.return_to.as_deref())
    }
}

async fn signin_page(ctx: Ctx, Query(onward): Query<Onward>) -> Result<Response, PageFault> {
    if ctx.somebody().is_some() {
        return Ok(See::other(return_to::safe(onward.return_to.as_deref()).unwrap_or(HOME)).into_response());
    }
    Ok(show(&ctx, SigninForm { return_to: onward.return_to, ..SigninForm::default() }, None)?)
}

async fn signin_form(ctx: Ctx, Form(form): Form<SigninForm>) -> Result<Response, PageFault> {
    match attempt(&ctx, &form).await {
        Ok(signed_in) => Ok(enter(&ctx, &signed_in, form.return_to.as_deref()).into_response()),
        Err(failure) => Ok(show(&ctx, form, Some(Complaint::of(failure)?))?),
    }
}

async fn attempt(ctx: &Ctx, form: &SigninForm) -> Result<SignedIn, Failure> {
    let email = fields::address(&form.email)?;
    let kind = if form.remember.is_some() { Kind::Remembered } else { Kind::Browser };
    let shown = Credentials { email, password: form.password.clone(), org_id: None };
    sign_in(ctx.core(), shown, kind, &Client::of(ctx)).await.map_err(Failed::into_failure)
}

fn show(ctx: &Ctx, form: SigninForm, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let can_register = Identity::of(ctx.core()).settings.registration == Registration::Open;
    let page = SigninPage { csrf: ctx.csrf(), form, can_register, complaint };
    Ok(answered(ctx.plain_page("Sign in", &page)?, page.complaint.as_ref()).into_response())
}
