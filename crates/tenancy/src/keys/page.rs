//! The page /api-keys, and the page that shows a new key this once.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use chrono::{NaiveDate, NaiveTime};
use console::{Badge, Button, Complaint, Csrf, Field, Pager, Tone, When, answered, wrong};
use host::{Core, Registry};
use kernel::{ApiKeyId, At, Failed, Failure, Permission, Secret};
use serde::Deserialize;
use web::{Ctx, Form, Html, ListQuery, NavItem, PageFault, Path, Query, Routes as _, See};

use super::actions::{self, Maker};
use super::{ApiKeyView, NewApiKey};
use crate::page_form::told;
use crate::permissions::{KEYS_READ, KEYS_WRITE};
use crate::verification::{CONFIRM_PAGE, is_proven, proven_person};

const PATH: &str = "/api-keys";

pub(super) fn register(app: &mut Registry) {
    let pages = Router::<Core>::new().route(PATH, get(keys_page).post(key_create)).route("/api-keys/{id}/revoke", post(key_revoke));
    app.pages(pages);
    app.nav(NavItem { href: PATH, label: "API keys", order: 720, permission: Some(KEYS_READ) });
}

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyForm {
    name: String,
    /// A date, or nothing for a key that does not expire.
    #[serde(default)]
    expires_on: String,
    #[serde(default)]
    scopes: Vec<String>,
}

impl KeyForm {
    fn read(&self) -> Result<NewApiKey, Failure> {
        Ok(NewApiKey { name: self.name.clone(), scopes: self.scopes.clone(), expires_at: end_of_day(&self.expires_on)? })
    }
}

/// The last second of the day in UTC: a key that expires on a day works on that day.
fn end_of_day(text: &str) -> Result<Option<At>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let day: NaiveDate = text.parse().map_err(|_| Failure::field("expires_on", "must be a date such as 2027-01-31"))?;
    let last = NaiveTime::from_hms_opt(23, 59, 59).expect("a time of every day");
    Ok(Some(day.and_time(last).and_utc()))
}

/// A permission to tick, if the person at the form holds it.
struct Scope {
    code: &'static str,
    describe: &'static str,
    is_ticked: bool,
}

#[derive(Template)]
#[template(path = "api_keys.html")]
struct KeysPage {
    csrf: Secret,
    can_write: bool,
    /// Whether the password was shown lately; else the page asks for it in place of the form.
    is_proven: bool,
    now: At,
    keys: Vec<ApiKeyView>,
    pager: Pager,
    scopes: Vec<Scope>,
    form: KeyForm,
    complaint: Option<Complaint>,
}

impl KeysPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn name(&self) -> Field<'_> {
        let error = wrong(self.complaint.as_ref(), "name");
        let hint = "What it is for, so that you know later which one to revoke.";
        Field { label: "Name", name: "name", value: &self.form.name, hint, error, autocomplete: "off", required: true, ..Field::default() }
    }

    fn expires_on(&self) -> Field<'_> {
        let complaint = self.complaint.as_ref();
        let error = wrong(complaint, "expires_on").or_else(|| wrong(complaint, "expires_at"));
        Field { label: "Expires after", name: "expires_on", kind: "date", value: &self.form.expires_on, error, ..Field::default() }
    }

    fn confirm_page() -> String {
        format!("{CONFIRM_PAGE}?return_to={PATH}")
    }

    fn scopes_error(&self) -> Option<&str> {
        wrong(self.complaint.as_ref(), "scopes")
    }

    fn state(&self, key: &ApiKeyView) -> Badge<'static> {
        if key.revoked_at.is_some() {
            Badge { text: "revoked", tone: Tone::Neutral }
        } else if key.expires_at.is_some_and(|at| at <= self.now) {
            Badge { text: "expired", tone: Tone::Warn }
        } else {
            Badge { text: "active", tone: Tone::Ok }
        }
    }

    fn last_used(key: &ApiKeyView) -> Option<When> {
        key.last_used_at.map(When)
    }

    fn expires(key: &ApiKeyView) -> Option<When> {
        key.expires_at.map(When)
    }
}

/// The one page that shows a key.
#[derive(Template)]
#[template(path = "api_key_created.html")]
struct CreatedPage<'a> {
    name: &'a str,
    key: &'a str,
}

async fn keys_page(ctx: Ctx, Query(query): Query<ListQuery>) -> Result<Html, PageFault> {
    Ok(show(&ctx, &query, KeyForm::default(), None).await?)
}

async fn show(ctx: &Ctx, query: &ListQuery, form: KeyForm, complaint: Option<Complaint>) -> Result<Html, Failure> {
    let (limit, after) = ctx.list(query)?;
    let mut tx = ctx.begin(KEYS_READ).await?;
    let page = actions::list(&mut tx, limit, after).await?;
    let now = tx.now();
    tx.commit().await?;
    let page = KeysPage {
        csrf: ctx.csrf(),
        can_write: ctx.can(KEYS_WRITE),
        is_proven: is_proven(ctx),
        now,
        pager: Pager { next: page.next.map(|after| format!("{PATH}?cursor={}", ctx.cursor(&after))) },
        keys: page.items.into_iter().map(ApiKeyView::from).collect(),
        scopes: offered(ctx, &form),
        form,
        complaint,
    };
    Ok(answered(ctx.page(PATH, "API keys", &page)?, page.complaint.as_ref()))
}

fn offered(ctx: &Ctx, form: &KeyForm) -> Vec<Scope> {
    let mut held: Vec<Permission> =
        ctx.core().registry.all_permissions().iter().copied().filter(|permission| ctx.can(*permission)).collect();
    held.sort_by_key(|permission| permission.code);
    let scope = |permission: Permission| Scope {
        code: permission.code,
        describe: permission.describe,
        is_ticked: form.scopes.iter().any(|code| code == permission.code),
    };
    held.into_iter().map(scope).collect()
}

async fn key_create(ctx: Ctx, Form(form): Form<KeyForm>) -> Result<Response, PageFault> {
    match create(&ctx, &form).await {
        Ok(key) => Ok(ctx.page(PATH, "API key", &CreatedPage { name: &form.name, key: key.expose() })?.into_response()),
        Err(failure) => {
            let complaint = Complaint::of(failure)?;
            Ok(show(&ctx, &ListQuery::default(), form, Some(complaint)).await?.into_response())
        }
    }
}

async fn create(ctx: &Ctx, form: &KeyForm) -> Result<Secret, Failure> {
    let new = form.read()?;
    let mut tx = ctx.begin(KEYS_WRITE).await?;
    let maker = Maker { account: proven_person(ctx)?, rights: &ctx.caller()?.rights };
    let (_, secret) = actions::create(&mut tx, &ctx.core().registry, maker, new).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    Ok(secret)
}

async fn key_revoke(ctx: Ctx, Path(id): Path<ApiKeyId>, Form(Button {}): Form<Button>) -> Result<See, PageFault> {
    let outcome = revoke(&ctx, id).await;
    Ok(told(&ctx, outcome, "The key is revoked; whoever uses it is refused from now on.", PATH)?)
}

async fn revoke(ctx: &Ctx, id: ApiKeyId) -> Result<(), Failure> {
    let mut tx = ctx.begin(KEYS_WRITE).await?;
    actions::revoke(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_works_on_the_day_that_it_expires_on() {
        let end = end_of_day("2027-01-31").unwrap().unwrap();
        assert_eq!(end.to_rfc3339(), "2027-01-31T23:59:59+00:00");
        assert!(end_of_day("").unwrap().is_none());
        assert!(end_of_day("31.1.2027").is_err());
    }
}
