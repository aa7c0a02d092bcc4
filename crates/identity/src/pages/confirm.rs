//! The page /confirm: the password once more, before something that outlives the session.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Complaint, Csrf, Field, answered};
use host::{Core, Registry};
use kernel::{Failed, Failure, Secret};
use serde::Deserialize;
use tenancy::verification::CONFIRM_PAGE;
use web::{Ctx, Form, PageFault, Query, Routes as _, See};

use super::signin::Onward;
use super::{HOME, fields, return_to};
use crate::proofs;

pub(super) fn register(app: &mut Registry) {
    app.pages(Router::<Core>::new().route(CONFIRM_PAGE, get(confirm_page).post(confirm_form)));
}

/// What was typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmForm {
    #[serde(default)]
    password: Secret,
    return_to: Option<String>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    csrf: Secret,
    return_to: Option<String>,
    complaint: Option<Complaint>,
}

impl ConfirmPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn password(&self) -> Field<'_> {
        fields::known_password("Your password", "password", self.complaint.as_ref())
    }
}

async fn confirm_page(ctx: Ctx, Query(onward): Query<Onward>) -> Result<Response, PageFault> {
    Ok(show(&ctx, onward.return_to.as_deref(), None)?)
}

async fn confirm_form(ctx: Ctx, Form(form): Form<ConfirmForm>) -> Result<Response, PageFault> {
    match proofs::confirm_password(&ctx, &form.password).await.map_err(Failed::into_failure) {
        Ok(_) => Ok(See::other(return_to::safe(form.return_to.as_deref()).unwrap_or(HOME)).into_response()),
        Err(failure) => Ok(show(&ctx, form.return_to.as_deref(), Some(Complaint::of(failure)?))?),
    }
}

fn show(ctx: &Ctx, onward: Option<&str>, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let return_to = return_to::safe(onward).map(str::to_owned);
    let page = ConfirmPage { csrf: ctx.csrf(), return_to, complaint };
    Ok(answered(ctx.plain_page("Your password, please", &page)?, page.complaint.as_ref()).into_response())
}
