//! The list of failed payments.

use askama::Template;
use axum::Router;
use axum::routing::get;
use console::{Empty, Pager};
use host::Core;
use kernel::Failed;
use serde::Deserialize;
use web::{Ctx, Html, ListQuery, PageFault, Query};

use super::row::{CaseRow, rows};
use crate::cases::{self, CaseState};
use crate::permissions::CASES_READ;

pub(super) const PATH: &str = "/payments";

/// The states that are worth a tab of their own.
const TABS: [(&str, &str); 5] =
    [("", "All"), ("scheduled", "Scheduled"), ("action_required", "Payer must act"), ("recovered", "Recovered"), ("exhausted", "Given up")];

pub(super) fn routes() -> Router<Core> {
    Router::new().route(PATH, get(payments_page))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentsQuery {
    #[serde(default)]
    state: String,
    limit: Option<u64>,
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "payments.html")]
struct PaymentsPage<'a> {
    rows: &'a [CaseRow],
    tabs: Vec<Tab>,
    empty: Empty<'static>,
    pager: Pager,
}

/// One tab over the list.
struct Tab {
    label: &'static str,
    href: String,
    is_shown: bool,
}

fn tabs(shown: &str) -> Vec<Tab> {
    let tab = |(state, label): &(&'static str, &'static str)| Tab {
        label,
        href: console::address(PATH, &[("state", state)]),
        is_shown: *state == shown,
    };
    TABS.iter().map(tab).collect()
}

/// Nothing in one state is another thing than nothing at all.
const fn empty(shows_all: bool) -> Empty<'static> {
    if shows_all {
        Empty {
            title: "No failed payments",
            text: "As soon as your payment provider reports one, it appears here with what is done about it.",
            href: "",
            action: "",
        }
    } else {
        Empty { title: "Nothing in this state", text: "Failed payments in other states are under All.", href: PATH, action: "Show all" }
    }
}

async fn payments_page(ctx: Ctx, Query(query): Query<PaymentsQuery>) -> Result<Html, PageFault> {
    let (limit, after) = ctx.list(&ListQuery { limit: query.limit, cursor: query.cursor })?;
    let state = CaseState::parse(&query.state);
    let mut tx = ctx.begin(CASES_READ).await?;
    let page = cases::list(&mut tx, state, limit, after).await.map_err(Failed::into_failure)?;
    let rows = rows(&mut tx, &page.items).await?;
    tx.commit().await?;
    let chosen = state.map_or("", CaseState::word);
    let next = page.next.map(|after| console::address(PATH, &[("state", chosen), ("cursor", &ctx.cursor(&after))]));
    let template = PaymentsPage { rows: &rows, tabs: tabs(chosen), empty: empty(chosen.is_empty()), pager: Pager { next } };
    Ok(ctx.page(PATH, "Failed payments", &template)?)
}
