//! The pages about connections: the list, a new one, and one with its latest events. A connection
//! to the sandbox has a button that makes a charge, so that a newcomer sees the whole way.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use console::{Badge, Button, Choice, Csrf, Empty, Field, Pager, Select, Tone, When};
use host::{Core, Registry};
use kernel::{Check, ConnectionId, Failed, Failure, Fields, Limit, Page, Secret};
use serde::Deserialize;
use web::{Ctx, Form, Html, ListQuery, NavItem, PageFault, Path, Query, Routes as _, See};

use super::routes::may_connect;
use super::{ConnectionView, Model, NewConnection, actions};
use crate::intake::{self, EventRow, EventState};
use crate::permissions::{PAYMENTS_READ, PAYMENTS_WRITE};
use crate::provider::ProviderName;
use crate::sandbox;

/// Where the pages are.
const PATH: &str = "/connections";

pub(super) fn register(app: &mut Registry) {
    app.nav(NavItem { href: PATH, label: "Connections", order: 60, permission: Some(PAYMENTS_READ) });
    app.pages(
        Router::<Core>::new()
            .route("/connections", get(connections_page))
            .route("/connections/new", get(new_connection_page).post(add_from_page))
            .route("/connections/sandbox", post(add_sandbox_from_page))
            .route("/connections/{id}", get(connection_page))
            .route("/connections/{id}/charge", post(charge_from_page))
            .route("/connections/{id}/remove", post(remove_from_page)),
    );
}

#[derive(Template)]
#[template(path = "billing/connections.html")]
struct ListPage<'a> {
    connections: &'a [ConnectionView],
    pager: Pager,
    csrf: Csrf<'a>,
    can_write: bool,
    has_sandbox: bool,
}

impl ListPage<'_> {
    fn empty(&self) -> Empty<'static> {
        Empty {
            title: "No connections yet",
            text: "Connect your payment provider, and failed payments arrive here by themselves.",
            href: if self.can_write { "/connections/new" } else { "" },
            action: "Connect a provider",
        }
    }
}

fn standing(connection: &ConnectionView) -> Badge<'static> {
    match (connection.is_active, connection.mode.as_str()) {
        (false, _) => Badge { text: "off", tone: Tone::Warn },
        (true, "live") => Badge { text: "live", tone: Tone::Ok },
        (true, _) => Badge { text: "test", tone: Tone::Info },
    }
}

async fn connections_page(ctx: Ctx, Query(query): Query<ListQuery>) -> Result<Html, PageFault> {
    let (limit, after) = ctx.list(&query)?;
    let mut tx = ctx.begin(PAYMENTS_READ).await?;
    let page = actions::list(&mut tx, limit, after.as_ref()).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    Ok(list_page(&ctx, page)?)
}

fn list_page(ctx: &Ctx, page: Page<Model>) -> Result<Html, Failure> {
    let next = page.next.map(|after| console::address(PATH, &[("cursor", &ctx.cursor(&after))]));
    let connections: Vec<ConnectionView> = page.items.into_iter().map(|row| ConnectionView::of(ctx.core(), row)).collect();
    let token = ctx.csrf();
    let template = ListPage {
        connections: &connections,
        pager: Pager { next },
        csrf: Csrf(token.expose()),
        can_write: ctx.can(PAYMENTS_WRITE),
        has_sandbox: ctx.core().environment.is_dev(),
    };
    ctx.page(PATH, "Connections", &template)
}

/// The form as it was filled in; secrets are not shown again.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionForm {
    name: String,
    #[serde(default)]
    api_key: Secret,
    #[serde(default)]
    webhook_secret: Secret,
}

#[derive(Template)]
#[template(path = "billing/connection_new.html")]
struct NewPage<'a> {
    form: &'a ConnectionForm,
    errors: &'a Fields,
    csrf: Csrf<'a>,
}

impl NewPage<'_> {
    fn fields(&self) -> [Field<'_>; 3] {
        let field = |label, name, kind, hint| Field {
            label,
            name,
            kind,
            hint,
            autocomplete: "off",
            error: self.errors.get(name).map(String::as_str),
            ..Field::default()
        };
        [
            Field { value: &self.form.name, ..field("Name", "name", "text", "For your own lists, such as Stripe Europe.") },
            field(
                "Secret API key",
                "api_key",
                "password",
                "Stripe shows it under Developers, API keys. Without it we can listen, and not charge or refund.",
            ),
            Field {
                required: true,
                ..field(
                    "Webhook signing secret",
                    "webhook_secret",
                    "password",
                    "It begins with whsec_. Stripe shows it when you add the webhook address.",
                )
            },
        ]
    }
}

fn new_page(ctx: &Ctx, form: &ConnectionForm, errors: &Fields) -> Result<Html, Failure> {
    let token = ctx.csrf();
    ctx.page(PATH, "Connect Stripe", &NewPage { form, errors, csrf: Csrf(token.expose()) })
}

async fn new_connection_page(ctx: Ctx) -> Result<Html, PageFault> {
    ctx.begin(PAYMENTS_WRITE).await?.commit().await?;
    Ok(new_page(&ctx, &ConnectionForm::default(), &Fields::new())?)
}

fn stripe(form: &ConnectionForm) -> NewConnection {
    let filled = |secret: &Secret| (!secret.expose().trim().is_empty()).then(|| Secret::new(secret.expose().trim()));
    NewConnection {
        provider: ProviderName::Stripe.to_string(),
        name: Some(form.name.trim().to_owned()).filter(|name| !name.is_empty()),
        api_key: filled(&form.api_key),
        webhook_secret: filled(&form.webhook_secret),
        base_url: None,
        mode: None,
    }
}

async fn add_from_page(ctx: Ctx, Form(form): Form<ConnectionForm>) -> Result<Response, PageFault> {
    match add(&ctx, stripe(&form)).await {
        Ok(id) => {
            ctx.notice("The provider is connected. Enter the webhook address below at the provider.");
            Ok(See::other(format!("{PATH}/{id}")).into_response())
        }
        Err(failure) if !failure.fields.is_empty() => {
            Ok(new_page(&ctx, &form, &failure.fields)?.with_status(failure.status).into_response())
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn add_sandbox_from_page(ctx: Ctx, Form(Button {}): Form<Button>) -> Result<See, PageFault> {
    let new = NewConnection {
        provider: ProviderName::Sandbox.to_string(),
        name: None,
        api_key: None,
        webhook_secret: None,
        base_url: None,
        mode: None,
    };
    let id = add(&ctx, new).await?;
    ctx.notice("The sandbox is connected. Make a charge fail and watch what happens.");
    Ok(See::other(format!("{PATH}/{id}")))
}

async fn add(ctx: &Ctx, new: NewConnection) -> Result<ConnectionId, Failure> {
    may_connect(ctx)?;
    let mut tx = ctx.begin(PAYMENTS_WRITE).await?;
    let row = actions::add(&mut tx, ctx.core().environment, new).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    Ok(row.connection_id())
}

/// What a bank may answer to the charge of the button.
const OUTCOMES: [Choice<'static>; 6] = [
    Choice { value: "insufficient_funds", label: "Not enough money, paid when tried again" },
    Choice { value: "do_not_honor", label: "Declined without a reason, paid when tried again" },
    Choice { value: "expired_card", label: "Expired card: needs the payer" },
    Choice { value: "authentication_required", label: "The bank wants the payer" },
    Choice { value: "stolen_card", label: "Stolen card: never try again" },
    Choice { value: "succeeded", label: "It works" },
];

#[derive(Template)]
#[template(path = "billing/connection.html")]
struct ShowPage<'a> {
    connection: &'a ConnectionView,
    events: &'a [EventRow],
    csrf: Csrf<'a>,
    can_write: bool,
    /// The form that makes a charge, where there is one.
    charge: Option<ChargeFields>,
}

/// What the form about a charge asks for.
struct ChargeFields {
    outcome: Select<'static>,
    email: Field<'static>,
    amount: Field<'static>,
}

impl ChargeFields {
    fn new() -> Self {
        let field = || Field { autocomplete: "off", required: true, ..Field::default() };
        Self {
            outcome: Select {
                label: "What the bank answers",
                name: "outcome",
                choices: &OUTCOMES,
                value: "insufficient_funds",
                ..Select::default()
            },
            amount: Field {
                label: "Amount",
                name: "amount",
                kind: "number",
                value: "4900",
                hint: "In cents: 4900 is 49.00 euros.",
                ..field()
            },
            email: Field { label: "The payer's address", name: "email", kind: "email", value: "payer@example.com", ..field() },
        }
    }
}

fn event_badge(row: &EventRow) -> Badge<'_> {
    let tone = match EventState::ALL.into_iter().find(|state| state.name() == row.state) {
        Some(EventState::Applied) => Tone::Ok,
        Some(EventState::Received | EventState::Quarantined) => Tone::Warn,
        Some(EventState::Failed) | None => Tone::Bad,
        Some(EventState::Ignored) => Tone::Neutral,
    };
    Badge { text: &row.state, tone }
}

async fn connection_page(ctx: Ctx, Path(id): Path<ConnectionId>) -> Result<Html, PageFault> {
    let mut tx = ctx.begin(PAYMENTS_READ).await?;
    let row = actions::find(&mut tx, id).await.map_err(Failed::into_failure)?;
    let events = intake::of_connection(&mut tx, id, Limit::default(), None).await?;
    tx.commit().await?;
    Ok(show_page(&ctx, row, &events.items)?)
}

fn show_page(ctx: &Ctx, row: Model, events: &[EventRow]) -> Result<Html, Failure> {
    let is_sandbox = row.provider == ProviderName::Sandbox.as_str();
    let connection = ConnectionView::of(ctx.core(), row);
    let token = ctx.csrf();
    let can_write = ctx.can(PAYMENTS_WRITE);
    let template = ShowPage {
        connection: &connection,
        events,
        csrf: Csrf(token.expose()),
        can_write,
        charge: (can_write && is_sandbox && ctx.core().environment.is_dev()).then(ChargeFields::new),
    };
    ctx.page(PATH, &connection.name, &template)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChargeForm {
    email: String,
    amount: i64,
    outcome: String,
}

async fn charge_from_page(ctx: Ctx, Path(id): Path<ConnectionId>, Form(form): Form<ChargeForm>) -> Result<See, PageFault> {
    let org = ctx.org()?;
    let mut tx = ctx.begin(PAYMENTS_WRITE).await?;
    actions::find(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    let charged = sandbox::make(ctx.core(), Some(org), charge(id, &form)?).await?;
    let became = charged.decline_code.map_or_else(|| charged.status.replace('_', " "), |code| code.replace('_', " "));
    ctx.notice(&format!("The charge {} was answered with: {became}. Its webhook is on its way.", charged.reference));
    Ok(See::other(format!("{PATH}/{id}")))
}

/// A charge with a card of its own, whose bank answers as chosen, and then pays if it ever may.
fn charge(connection: ConnectionId, form: &ChargeForm) -> Result<sandbox::Charge, Failure> {
    let mut check = Check::new();
    check.parse::<kernel::MailAddress>("email", &form.email);
    check.that(OUTCOMES.iter().any(|choice| choice.value == form.outcome), "outcome", "is not one of the choices");
    check.done()?;
    let outcomes = match form.outcome.as_str() {
        "insufficient_funds" | "do_not_honor" => vec![form.outcome.clone(), "succeeded".to_owned()],
        other => vec![other.to_owned()],
    };
    Ok(sandbox::Charge {
        connection,
        payer: sandbox::Payer { email: Some(form.email.trim().to_owned()), ..Default::default() },
        amount: form.amount,
        currency: "EUR".parse().expect("the euro is in ISO 4217"),
        payment_method: sandbox::fresh_token(),
        outcomes: Some(outcomes),
        with_invoice: false,
    })
}

async fn remove_from_page(ctx: Ctx, Path(id): Path<ConnectionId>, Form(Button {}): Form<Button>) -> Result<See, PageFault> {
    may_connect(&ctx)?;
    let mut tx = ctx.begin(PAYMENTS_WRITE).await?;
    actions::remove(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    ctx.notice("The connection is removed, and its secrets with it.");
    Ok(See::other(PATH))
}
