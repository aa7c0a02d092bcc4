//! The pages around mails: /verify, /forgot and /reset. Opening a link spends nothing, because
//! scanners open links; the button does.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Csrf, Field};
use host::{Core, Registry};
use kernel::{Failed, Failure, MailAddress, Secret};
use serde::Deserialize;
use web::{Ctx, Form, PageFault, Query, Routes as _, See};

use super::complaint::{Complaint, answer, wrong};
use super::signup::password_hint;
use crate::client::Client;
use crate::proofs::{self, Wanted};

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
    complaint: Option<Complaint>,
}

impl VerifyPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }
}

async fn verify_page(ctx: Ctx, Query(mailed): Query<Mailed>) -> Result<Response, PageFault> {
    Ok(show_verify(&ctx, mailed.token, None)?)
}

async fn verify_form(ctx: Ctx, Form(mailed): Form<Mailed>) -> Result<Response, PageFault> {
    match proofs::verify_email(ctx.core(), &mailed.token, &Client::of(&ctx)).await.map_err(Failed::into_failure) {
        Ok(_) => {
            ctx.notice("Your mail address is confirmed.");
            Ok(See::other("/").into_response())
        }
        Err(failure) => Ok(show_verify(&ctx, mailed.token, Some(Complaint::of(failure)?))?),
    }
}

fn show_verify(ctx: &Ctx, token: Secret, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let page = VerifyPage { csrf: ctx.csrf(), token, complaint };
    Ok(answer(ctx.plain_page("Confirm your address", &page)?, page.complaint.as_ref()))
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
        let error = wrong(self.complaint.as_ref(), "email");
        Field {
            label: "Mail address",
            name: "email",
            kind: "email",
            value: &self.form.email,
            autocomplete: "username",
            error,
            required: true,
            ..Field::default()
        }
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
    let email: MailAddress =
        form.email.parse().map_err(|wrong: kernel::mail_address::NotAnAddress| Failure::field("email", wrong.to_string()))?;
    proofs::request(ctx.core(), Wanted::Reset, &email, &Client::of(ctx)).await
}

fn show_forgot(ctx: &Ctx, form: ForgotForm, is_done: bool, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let page = ForgotPage { csrf: ctx.csrf(), form, is_done, complaint };
    Ok(answer(ctx.plain_page("Forgot your password?", &page)?, page.complaint.as_ref()))
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
        let error = wrong(self.complaint.as_ref(), "password");
        Field {
            label: "New password",
            name: "password",
            kind: "password",
            hint: &self.password_hint,
            autocomplete: "new-password",
            error,
            required: true,
            ..Field::default()
        }
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
    Ok(answer(ctx.plain_page("Choose a new password", &page)?, page.complaint.as_ref()))
}
