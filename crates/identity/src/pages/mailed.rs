//! The pages around mails: /verify, /forgot and /reset. Opening a link spends nothing, because
//! scanners open links; the button does.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Complaint, Csrf, Field, answered};
use host::{Core, Registry};
use kernel::{Failed, Failure, Secret};
use serde::Deserialize;
use web::{Ctx, Form, PageFault, Query, Routes as _, See};

use super::fields;
use super::signup::password_hint;
use crate::client::Client;
use crate::proofs::{self, Proof, Verified, Wanted};
use crate::registrations;

pub(super) fn register(app: &mut Registry) {
    let pages = Router::<Core>::new()
        .route("/verify", get(verify_page).post(verify_form))
        .route("/forgot", get(forgot_page).post(forgot_form))
        .route("/reset", get(reset_page).post(reset_form));
    app.public_pages(pages);
}

/// The token of a link.
#[derive(Deserialize)]
struct Mailed {
    #[serde(default)]
    token: Secret,
}

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage {
    csrf: Secret,
    token: Secret,
    /// The organization that begins with it, where registering waited for this link.
    founding: Option<String>,
    password_hint: String,
    complaint: Option<Complaint>,
}

impl VerifyPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn password(&self) -> Field<'_> {
        fields::new_password("Password", "password", &self.password_hint, self.complaint.as_ref())
    }
}

async fn verify_page(ctx: Ctx, Query(mailed): Query<Mailed>) -> Result<Response, PageFault> {
    Ok(show_verify(&ctx, mailed.token, None).await?)
}

/// The token of the button, and the password where an account begins with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyForm {
    #[serde(default)]
    token: Secret,
    password: Option<Secret>,
}

async fn verify_form(ctx: Ctx, Form(mailed): Form<VerifyForm>) -> Result<Response, PageFault> {
    let proof = Proof { token: &mailed.token, password: mailed.password.as_ref() };
    match proofs::verify_email(ctx.core(), proof, &Client::of(&ctx)).await.map_err(Failed::into_failure) {
        Ok(Verified { is_new_account: true, .. }) => {
            ctx.notice("Your account is made. Sign in with the password that you chose.");
            Ok(See::other("/signin").into_response())
        }
        Ok(_) => {
            ctx.notice("Your mail address is confirmed.");
            Ok(See::other("/").into_response())
        }
        Err(failure) => Ok(show_verify(&ctx, mailed.token, Some(Complaint::of(failure)?)).await?),
    }
}

async fn show_verify(ctx: &Ctx, token: Secret, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let founding = registrations::waiting(ctx.core(), &token).await?.map(|waiting| waiting.org_name);
    let title = if founding.is_some() { "Finish signing up" } else { "Confirm your address" };
    let page = VerifyPage { csrf: ctx.csrf(), token, founding, password_hint: password_hint(ctx), complaint };
    Ok(answered(ctx.plain_page(title, &page)?, page.complaint.as_ref()).into_response())
}

/// Whose mail is wanted, and for what: to verify again, or to reset.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgotForm {
    #[serde(default)]
    email: String,
}

#[derive(Template)]
#[template(path = "forgot.html")]
struct ForgotPage {
    csrf: Secret,
    form: ForgotForm,
    is_done: bool,
    complaint: Option<Complaint>,
}

impl ForgotPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn email(&self) -> Field<'_> {
        fields::email(&self.form.email, self.complaint.as_ref())
    }
}

async fn forgot_page(ctx: Ctx) -> Result<Response, PageFault> {
    Ok(show_forgot(&ctx, ForgotForm::default(), false, None)?)
}

async fn forgot_form(ctx: Ctx, Form(form): Form<ForgotForm>) -> Result<Response, PageFault> {
    match ask(&ctx, &form).await {
        Ok(()) => Ok(show_forgot(&ctx, form, true, None)?),
        Err(failure) => Ok(show_forgot(&ctx, form, false, Some(Complaint::of(failure)?))?),
    }
}

async fn ask(ctx: &Ctx, form: &ForgotForm) -> Result<(), Failure> {
    proofs::request(ctx.core(), Wanted::Reset, &fields::address(&form.email)?, &Client::of(ctx)).await
}

fn show_forgot(ctx: &Ctx, form: ForgotForm, is_done: bool, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let page = ForgotPage { csrf: ctx.csrf(), form, is_done, complaint };
    Ok(answered(ctx.plain_page("Forgot your password?", &page)?, page.complaint.as_ref()).into_response())
}

/// The token of the link, and the password that is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetForm {
    token: Secret,
    #[serde(default)]
    password: Secret,
}

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage {
    csrf: Secret,
    token: Secret,
    password_hint: String,
    complaint: Option<Complaint>,
}

impl ResetPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn password(&self) -> Field<'_> {
        fields::new_password("New password", "password", &self.password_hint, self.complaint.as_ref())
    }
}

async fn reset_page(ctx: Ctx, Query(mailed): Query<Mailed>) -> Result<Response, PageFault> {
    Ok(show_reset(&ctx, mailed.token, None)?)
}

async fn reset_form(ctx: Ctx, Form(form): Form<ResetForm>) -> Result<Response, PageFault> {
    match proofs::reset_password(ctx.core(), &form.token, &form.password, &Client::of(&ctx)).await.map_err(Failed::into_failure) {
        Ok(()) => {
            ctx.notice("Your new password holds. Sign in with it.");
            Ok(See::other("/signin").into_response())
        }
        Err(failure) => Ok(show_reset(&ctx, form.token, Some(Complaint::of(failure)?))?),
    }
}

fn show_reset(ctx: &Ctx, token: Secret, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let page = ResetPage { csrf: ctx.csrf(), token, password_hint: password_hint(ctx), complaint };
    Ok(answered(ctx.plain_page("Choose a new password", &page)?, page.complaint.as_ref()).into_response())
}
