//! The page /signup.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Complaint, Csrf, Field, answered, wrong};
use host::{Core, Registry};
use kernel::{Failed, Failure, Secret};
use serde::Deserialize;
use web::{Ctx, Form, PageFault, Query, Routes as _, See};

use super::signin::Onward;
use super::{HOME, enter, fields, return_to};
use crate::accounts::{self, Register, Registered};
use crate::client::Client;
use crate::sessions::Kind;
use crate::{Identity, Registration, RegistrationMode};

pub(super) fn register(app: &mut Registry) {
    app.public_pages(Router::<Core>::new().route("/signup", get(signup_page).post(signup_form)));
}

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignupForm {
    #[serde(default)]
    email: String,
    password: Option<Secret>,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    org_name: String,
    return_to: Option<String>,
}

#[derive(Template)]
#[template(path = "signup.html")]
struct SignupPage {
    csrf: Secret,
    form: SignupForm,
    registration: Registration,
    mode: RegistrationMode,
    password_hint: String,
    complaint: Option<Complaint>,
}

/// After signing up where the link in a mail finishes it.
#[derive(Template)]
#[template(path = "signup_mailed.html")]
struct MailedPage<'a> {
    email: &'a str,
}

impl SignupPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn is_open(&self) -> bool {
        self.registration == Registration::Open
    }

    /// Where the link in a mail finishes it, the password is chosen there.
    fn is_at_once(&self) -> bool {
        self.mode == RegistrationMode::Immediate
    }

    fn full_name(&self) -> Field<'_> {
        fields::full_name(&self.form.full_name, self.complaint.as_ref())
    }

    fn email(&self) -> Field<'_> {
        fields::email(&self.form.email, self.complaint.as_ref())
    }

    fn org_name(&self) -> Field<'_> {
        Field {
            label: "Your company",
            name: "org_name",
            value: &self.form.org_name,
            autocomplete: "organization",
            error: wrong(self.complaint.as_ref(), "org_name"),
            required: true,
            ..Field::default()
        }
    }

    fn password(&self) -> Field<'_> {
        fields::new_password("Password", "password", &self.password_hint, self.complaint.as_ref())
    }

    fn return_to(&self) -> Option<&str> {
        return_to::safe(self.form.return_to.as_deref())
    }
}

/// What a field for a new password says beside it (ASVS 6.2.1 recommends 15 characters).
pub(super) fn password_hint(ctx: &Ctx) -> String {
    let least = Identity::of(ctx.core()).settings.password_chars_min;
    format!("At least {least} characters, better {} or more. A short sentence is easy to remember.", least.max(15))
}

async fn signup_page(ctx: Ctx, Query(onward): Query<Onward>) -> Result<Response, PageFault> {
    if ctx.somebody().is_some() {
        return Ok(See::other(return_to::safe(onward.return_to.as_deref()).unwrap_or(HOME)).into_response());
    }
    Ok(show(&ctx, SignupForm { return_to: onward.return_to, ..SignupForm::default() }, None)?)
}

async fn signup_form(ctx: Ctx, Form(form): Form<SignupForm>) -> Result<Response, PageFault> {
    match attempt(&ctx, &form).await {
        Ok(Registered::SignedIn(signed_in)) => {
            ctx.notice("Welcome. We sent you a mail with a link that confirms your address.");
            Ok(enter(&ctx, &signed_in, form.return_to.as_deref()).into_response())
        }
        // The same page for every address.
        Ok(Registered::ByMail) => Ok(ctx.plain_page("Look in your mailbox", &MailedPage { email: &form.email })?.into_response()),
        Err(failure) => Ok(show(&ctx, form, Some(Complaint::of(failure)?))?),
    }
}

async fn attempt(ctx: &Ctx, form: &SignupForm) -> Result<Registered, Failure> {
    let email = fields::address(&form.email)?;
    let new = Register {
        email,
        password: form.password.clone(),
        full_name: form.full_name.clone(),
        org_name: form.org_name.clone(),
        org_slug: None,
    };
    accounts::register_account(ctx.core(), new, Kind::Browser, &Client::of(ctx)).await.map_err(Failed::into_failure)
}

fn show(ctx: &Ctx, form: SignupForm, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let settings = &Identity::of(ctx.core()).settings;
    let (registration, mode) = (settings.registration, settings.mode(ctx.core().environment));
    let page = SignupPage { csrf: ctx.csrf(), form, registration, mode, password_hint: password_hint(ctx), complaint };
    Ok(answered(ctx.plain_page("Sign up", &page)?, page.complaint.as_ref()).into_response())
}
