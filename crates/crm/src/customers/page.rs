//! The pages that show customers: the list, and one of them with everything that is known.

use askama::Template;
use axum::Router;
use axum::routing::{get, post};
use console::{Badge, Csrf, Empty, Field, Pager, Tone, When};
use host::Core;
use kernel::{CustomerId, Failed, Failure, Limit};
use serde::Deserialize;
use store::Tx;
use web::{Ctx, Form, Html, PageFault, Path, Query, See};

use super::routes::CustomersQuery;
use super::{CUSTOMERS_READ, CUSTOMERS_WRITE, Customer, Shown, Wanted};
use crate::timeline::{self, NotedEntry};
use crate::{CustomerPanels, customers};

/// Lines of the timeline on a customer's page: about two screens; the API has all.
const TIMELINE_ROWS: u64 = 50;

pub(super) fn routes() -> Router<Core> {
    Router::new()
        .route("/customers", get(customers_page))
        .route("/customers/{id}", get(customer_page))
        .route("/customers/{id}/archive", post(archive_from_page))
        .route("/customers/{id}/restore", post(restore_from_page))
}

#[derive(Template)]
#[template(path = "customers/list.html")]
struct ListPage<'a> {
    customers: &'a [Customer],
    search: &'a str,
    shown: Shown,
    pager: Pager,
    can_write: bool,
}

impl<'a> ListPage<'a> {
    fn of(wanted: &'a Wanted, customers: &'a [Customer], next: Option<String>, can_write: bool) -> Self {
        let search = wanted.search.as_deref().unwrap_or_default();
        Self { customers, search, shown: wanted.shown, pager: Pager { next }, can_write }
    }

    fn search_field(&self) -> Field<'_> {
        Field { label: "Name, mail address or reference", name: "q", kind: "search", value: self.search, ..Field::default() }
    }

    /// Nothing found is another thing than nothing there.
    fn empty(&self) -> Empty<'static> {
        match (self.search.is_empty(), self.shown) {
            (false, _) => Empty {
                title: "Nobody found",
                text: "The search compares beginnings: of the name, the mail address and your reference.",
                href: "/customers",
                action: "Show all customers",
            },
            (true, Shown::Archived) => Empty {
                title: "Nobody is archived",
                text: "Customers whom you archive wait here, and can come back.",
                href: "",
                action: "",
            },
            (true, _) => Empty {
                title: "No customers yet",
                text: "They appear here when you add one, or when a payment of theirs fails.",
                href: if self.can_write { "/customers/new" } else { "" },
                action: "Add the first customer",
            },
        }
    }
}

async fn customers_page(ctx: Ctx, Query(query): Query<CustomersQuery>) -> Result<Html, PageFault> {
    let (limit, after) = ctx.list(&query.page())?;
    let wanted = query.wanted()?;
    let mut tx = ctx.begin(CUSTOMERS_READ).await?;
    let page = customers::list(&mut tx, &wanted, limit, after).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    let next = page.next.map(|after| next_page(&wanted, &ctx.cursor(&after)));
    Ok(ctx.page("/customers", "Customers", &ListPage::of(&wanted, &page.items, next, ctx.can(CUSTOMERS_WRITE)))?)
}

/// The address of the next page of the same list.
fn next_page(wanted: &Wanted, cursor: &str) -> String {
    let archived = if wanted.shown == Shown::Archived { "true" } else { "" };
    console::address("/customers", &[("q", wanted.search.as_deref().unwrap_or_default()), ("archived", archived), ("cursor", cursor)])
}

#[derive(Template)]
#[template(path = "customers/show.html")]
struct ShowPage<'a> {
    id: CustomerId,
    customer: &'a Customer,
    timeline: &'a [NotedEntry],
    /// Finished HTML of other rooms.
    panels: &'a [String],
    csrf: Csrf<'a>,
    can_write: bool,
}

impl ShowPage<'_> {
    fn state(&self) -> Option<Badge<'static>> {
        self.customer.archived_at.map(|_| Badge { text: "Archived", tone: Tone::Neutral })
    }

    /// What is known, in the order in which people ask for it.
    fn facts(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("Mail address", &self.customer.email),
            ("Phone", &self.customer.phone),
            ("Your reference", &self.customer.external_ref),
            ("Language", &self.customer.locale),
            ("Time zone", &self.customer.timezone),
        ];
        all.into_iter().filter_map(|(label, value)| value.as_deref().map(|value| (label, value))).collect()
    }
}

/// What other rooms show on this customer's page.
async fn panels(ctx: &Ctx, tx: &mut Tx, id: CustomerId) -> Result<Vec<String>, Failure> {
    match ctx.core().registry.get_slot::<CustomerPanels>() {
        Some(panels) => panels.render(ctx, tx, id).await,
        None => Ok(vec![]),
    }
}

async fn customer_page(ctx: Ctx, Path(id): Path<CustomerId>) -> Result<Html, PageFault> {
    let mut tx = ctx.begin(CUSTOMERS_READ).await?;
    let customer = customers::find(&mut tx, id).await.map_err(Failed::into_failure)?;
    let rows = Limit::new(TIMELINE_ROWS).unwrap_or_default();
    let timeline = timeline::list(&mut tx, id, rows, None).await?.items;
    let panels = panels(&ctx, &mut tx, id).await?;
    tx.commit().await?;
    let token = ctx.csrf();
    let (csrf, can_write) = (Csrf(token.expose()), ctx.can(CUSTOMERS_WRITE));
    let template = ShowPage { id, customer: &customer, timeline: &timeline, panels: &panels, csrf, can_write };
    Ok(ctx.page("/customers", &customer.name, &template)?)
}

/// A form that carries nothing but its token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn archive_from_page(ctx: Ctx, Path(id): Path<CustomerId>, Form(Nothing {}): Form<Nothing>) -> Result<See, PageFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    customers::archive(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    ctx.notice("The customer is archived.");
    Ok(See::other(format!("/customers/{id}")))
}

async fn restore_from_page(ctx: Ctx, Path(id): Path<CustomerId>, Form(Nothing {}): Form<Nothing>) -> Result<See, PageFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    customers::restore(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    ctx.notice("The customer is back in the lists.");
    Ok(See::other(format!("/customers/{id}")))
}
