//! The page /audit.

use askama::Template;
use axum::Router;
use axum::routing::get;
use chrono::{Days, NaiveDate, NaiveTime};
use console::{Complaint, Empty, Field, Pager, When, answered, wrong};
use host::{Core, Registry};
use kernel::{After, At, Failure, Limit, Page};
use serde::Deserialize;
use web::{Ctx, Html, NavItem, PageFault, Query, Routes as _};

use super::{AuditLineView, AuditQuery, actions};
use crate::permissions::AUDIT_READ;

const PATH: &str = "/audit";

pub(super) fn register(app: &mut Registry) {
    app.pages(Router::<Core>::new().route(PATH, get(audit_page)));
    app.nav(NavItem { href: PATH, label: "Audit trail", order: 740, permission: Some(AUDIT_READ) });
}

/// What was typed: fields that were left empty arrive as empty texts.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FilterForm {
    action: String,
    subject: String,
    actor: String,
    from: String,
    to: String,
    cursor: Option<String>,
}

impl FilterForm {
    fn read(&self) -> Result<AuditQuery, Failure> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(AuditQuery {
            action: given(&self.action),
            subject: given(&self.subject),
            actor: given(&self.actor),
            from: day("from", &self.from)?.map(midnight),
            // The last day counts in full.
            to: day("to", &self.to)?.and_then(|day| day.checked_add_days(Days::new(1))).map(midnight),
            limit: None,
            cursor: self.cursor.clone(),
        })
    }
}

fn day(field: &str, text: &str) -> Result<Option<NaiveDate>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Failure::field(field, "must be a date such as 2027-01-31"))
}

fn midnight(day: NaiveDate) -> At {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    lines: Vec<AuditLineView>,
    pager: Pager,
    form: FilterForm,
    complaint: Option<Complaint>,
}

impl AuditPage {
    fn field<'a>(&'a self, label: &'a str, name: &'a str, value: &'a str, hint: &'a str) -> Field<'a> {
        Field {
            label,
            name,
            kind: "search",
            value,
            hint,
            error: wrong(self.complaint.as_ref(), name),
            autocomplete: "off",
            ..Field::default()
        }
    }

    fn action(&self) -> Field<'_> {
        self.field("What", "action", &self.form.action, "member.removed, or member. for all that begins so")
    }

    fn subject(&self) -> Field<'_> {
        self.field("To what", "subject", &self.form.subject, "An id such as mem_…, or a kind such as member")
    }

    fn actor(&self) -> Field<'_> {
        self.field("Who", "actor", &self.form.actor, "An id such as usr_…, or account, api_key, payer, system")
    }

    fn from(&self) -> Field<'_> {
        Field { kind: "date", ..self.field("From", "from", &self.form.from, "") }
    }

    fn to(&self) -> Field<'_> {
        Field { kind: "date", ..self.field("Until", "to", &self.form.to, "") }
    }

    fn empty() -> Empty<'static> {
        Empty { title: "Nothing here", text: "No line of the trail meets these filters.", href: PATH, action: "Show all" }
    }

    fn when(line: &AuditLineView) -> When {
        When(line.at)
    }

    /// What changed, as indented JSON.
    fn details(line: &AuditLineView) -> Option<String> {
        let part = |label: &str, value: &serde_json::Value| format!("{label} {value:#}");
        let before = line.before.as_ref().map(|value| part("before:", value));
        let after = line.after.as_ref().map(|value| part("after:", value));
        let parts: Vec<String> = before.into_iter().chain(after).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }
}

async fn audit_page(ctx: Ctx, Query(form): Query<FilterForm>) -> Result<Html, PageFault> {
    let (page, complaint) = match read(&ctx, &form).await {
        Ok(page) => (page, None),
        Err(failure) if failure.status == 422 => (Page { items: vec![], next: None }, Some(Complaint::of(failure)?)),
        Err(failure) => return Err(failure.into()),
    };
    let pager = Pager { next: page.next.as_ref().map(|after| next_page(&ctx, &form, after)) };
    let page = AuditPage { lines: page.items, pager, form, complaint };
    Ok(answered(ctx.page(PATH, "Audit trail", &page)?, page.complaint.as_ref()))
}

async fn read(ctx: &Ctx, form: &FilterForm) -> Result<Page<AuditLineView>, Failure> {
    let mut tx = ctx.begin(AUDIT_READ).await?;
    let query = form.read()?;
    let filters = query.filters()?;
    let (_, after) = ctx.list(&query.list())?;
    let page = actions::list(&mut tx, &filters, Limit::default(), after).await?;
    tx.commit().await?;
    Ok(page)
}

/// The address of the next page, with the filters of this one.
fn next_page(ctx: &Ctx, form: &FilterForm, after: &After) -> String {
    let cursor = ctx.cursor(after);
    let fields = [
        ("action", form.action.as_str()),
        ("subject", &form.subject),
        ("actor", &form.actor),
        ("from", &form.from),
        ("to", &form.to),
        ("cursor", &cursor),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields.iter().filter(|(_, text)| !text.is_empty()));
    format!("{PATH}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_days_holds_its_last_day() {
        let form = FilterForm { from: "2027-01-31".into(), to: "2027-01-31".into(), ..FilterForm::default() };
        let query = form.read().unwrap();
        assert_eq!(query.to.unwrap() - query.from.unwrap(), chrono::Duration::days(1));
        assert!(query.action.is_none(), "an empty field is no filter");
        assert!(FilterForm { from: "yesterday".into(), ..FilterForm::default() }.read().is_err());
    }
}
