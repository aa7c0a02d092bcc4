//! The page /settings.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Complaint, Csrf, Field, When, answered, wrong};
use host::{Core, Registry};
use kernel::{Failed, Failure};
use serde::Deserialize;
use web::{Ctx, Form, Html, NavItem, PageFault, Routes as _, See};

use super::{ChangeOrganization, OrganizationView, actions};
use crate::permissions::{ORG_READ, ORG_WRITE};

const PATH: &str = "/settings";

pub(super) fn register(app: &mut Registry) {
    app.pages(Router::<Core>::new().route(PATH, get(settings_page).post(settings_change)));
    app.nav(NavItem { href: PATH, label: "Settings", order: 900, permission: Some(ORG_READ) });
}

/// What was typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsForm {
    name: String,
    slug: String,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    csrf: String,
    organization: OrganizationView,
    form: SettingsForm,
    can_write: bool,
    complaint: Option<Complaint>,
}

impl SettingsPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(&self.csrf)
    }

    fn founded(&self) -> When {
        When(self.organization.created_at)
    }

    fn name(&self) -> Field<'_> {
        let error = wrong(self.complaint.as_ref(), "name");
        Field {
            label: "Name",
            name: "name",
            value: &self.form.name,
            autocomplete: "organization",
            error,
            required: true,
            ..Field::default()
        }
    }

    fn slug(&self) -> Field<'_> {
        let error = wrong(self.complaint.as_ref(), "slug");
        let hint = "3 to 63 of a-z, 0-9 and single hyphens. Addresses that contain it change with it.";
        Field { label: "Short name", name: "slug", value: &self.form.slug, hint, error, required: true, ..Field::default() }
    }
}

async fn settings_page(ctx: Ctx) -> Result<Html, PageFault> {
    Ok(show(&ctx, None).await?)
}

async fn settings_change(ctx: Ctx, Form(form): Form<SettingsForm>) -> Result<Response, PageFault> {
    match change(&ctx, &form).await {
        Ok(()) => {
            ctx.notice("The settings are saved.");
            Ok(See::other(PATH).into_response())
        }
        Err(failure) => Ok(show(&ctx, Some((form, Complaint::of(failure)?))).await?.into_response()),
    }
}

async fn change(ctx: &Ctx, form: &SettingsForm) -> Result<(), Failure> {
    let mut tx = ctx.begin(ORG_WRITE).await?;
    let change = ChangeOrganization { name: Some(form.name.clone()), slug: Some(form.slug.clone()) };
    actions::change(&mut tx, change).await.map_err(Failed::into_failure)?;
    tx.commit().await
}

async fn show(ctx: &Ctx, again: Option<(SettingsForm, Complaint)>) -> Result<Html, Failure> {
    let mut tx = ctx.begin(ORG_READ).await?;
    let organization = OrganizationView::from(actions::current(&mut tx).await?);
    tx.commit().await?;
    let (form, complaint) = match again {
        Some((form, complaint)) => (form, Some(complaint)),
        None => (SettingsForm { name: organization.name.clone(), slug: organization.slug.clone() }, None),
    };
    let csrf = ctx.csrf().expose().to_owned();
    let page = SettingsPage { csrf, organization, form, can_write: ctx.can(ORG_WRITE), complaint };
    Ok(answered(ctx.page(PATH, "Settings", &page)?, page.complaint.as_ref()))
}
