//! The payer's pages: what is owed, the way to the provider, and the way back. They work without
//! script, and say nothing of why an earlier charge failed.

use askama::Template;
use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use host::Core;
use kernel::{Actor, Failure, Money};
use store::{Mode, Pin};
use web::{Ctx, Html, PageFault, Path, See};

use super::LinkFault;
use super::actions::reason_closed;
use super::checkout::open_checkout;
use super::finish::settle_visit;
use super::lookup::{Found, by_token};
use crate::provider::PaymentStatus;
use crate::transactions;

/// The form leads to the provider's page, so the policy lets forms leave, to anywhere encrypted.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self' https:; \
     frame-ancestors 'none'; base-uri 'none'";

pub(super) fn routes() -> Router<Core> {
    Router::new().route("/pay/{token}", get(pay_page).post(start_payment)).route("/pay/{token}/done", get(done_page))
}

#[derive(Template)]
#[template(path = "billing/pay.html")]
struct PayPage<'a> {
    merchant: &'a str,
    owed: Money,
    token: &'a str,
}

/// A page that says one thing: the link's end, or what became of the payment.
#[derive(Template)]
#[template(path = "billing/pay_notice.html")]
struct NoticePage {
    state: &'static str,
    title: &'static str,
    text: &'static str,
    tone: &'static str,
    /// Where the payer may look again, if that helps.
    again: Option<String>,
}

/// What a payer may look at.
enum Seen {
    Payable { merchant: String, owed: Money },
    Closed(LinkFault),
}

/// Reads only: whoever looks, a scanner or a person, spends nothing.
async fn look(core: &Core, token: &str) -> Result<Seen, Failure> {
    let Some(Found { org, link }) = by_token(core, token).await? else { return Ok(Seen::Closed(LinkFault::Unknown)) };
    let pin = Pin { org, who: Actor::Payer(link.link_id()).into(), rights: None };
    let mut tx = core.store.begin(pin, Mode::Read).await?;
    let Some(transaction) = transactions::find(&mut tx, link.transaction()).await? else { return Ok(Seen::Closed(LinkFault::Unknown)) };
    if let Some(reason) = reason_closed(&link, &transaction, tx.now()) {
        return Ok(Seen::Closed(reason));
    }
    let merchant = tenancy::organizations::current(&mut tx).await?.name;
    Ok(Seen::Payable { merchant, owed: transaction.owed() })
}

async fn pay_page(ctx: Ctx, Path(token): Path<String>) -> Result<Response, PageFault> {
    match look(ctx.core(), &token).await? {
        Seen::Payable { merchant, owed } => {
            let page = PayPage { merchant: &merchant, owed, token: &token };
            Ok(dressed(&ctx, ctx.plain_page(&format!("Pay {merchant}"), &page)?))
        }
        Seen::Closed(fault) => Ok(closed(&ctx, fault)?.into_response()),
    }
}

async fn start_payment(ctx: Ctx, Path(token): Path<String>) -> Result<Response, PageFault> {
    match open_checkout(ctx.core(), &token).await {
        Ok(opening) => Ok(See::other(opening.url).into_response()),
        Err(failure) => match fault_of(&failure) {
            Some(fault) => Ok(closed(&ctx, fault)?.into_response()),
            None => Err(failure.into()),
        },
    }
}

async fn done_page(ctx: Ctx, Path(token): Path<String>) -> Result<Html, PageFault> {
    let Some(found) = by_token(ctx.core(), &token).await? else { return Ok(closed(&ctx, LinkFault::Unknown)?) };
    // Without an answer the webhook will tell; the payer need not wait for it.
    let status = settle_visit(ctx.core(), &found).await.unwrap_or_else(|failure| {
        tracing::warn!(event = "billing.read_back_failed", link = %found.link.link_id(), code = failure.code);
        Some(PaymentStatus::Processing)
    });
    let page = outcome(status, &token);
    Ok(ctx.plain_page(page.title, &page)?)
}

/// What a payer reads who comes back from the provider.
fn outcome(status: Option<PaymentStatus>, token: &str) -> NoticePage {
    match status {
        Some(PaymentStatus::Succeeded) => NoticePage {
            state: "paid",
            title: "Thank you",
            text: "Your payment has arrived. You can close this page.",
            tone: "notice notice-ok",
            again: None,
        },
        Some(PaymentStatus::Processing) => NoticePage {
            state: "processing",
            title: "Thank you",
            text: "Your payment is on its way. Some banks take a few days; nothing more is to be done.",
            tone: "notice",
            again: None,
        },
        _ => NoticePage {
            state: "unpaid",
            title: "Not paid yet",
            text: "No payment has arrived. You can go back and try again.",
            tone: "notice notice-warn",
            again: Some(format!("/pay/{token}")),
        },
    }
}

/// The fault behind a failure, where a page of its own explains it.
fn fault_of(failure: &Failure) -> Option<LinkFault> {
    use kernel::FaultCode as _;
    LinkFault::all().iter().copied().find(|fault| failure.is(*fault))
}

fn closed(ctx: &Ctx, fault: LinkFault) -> Result<Html, Failure> {
    use kernel::FaultCode as _;
    let (state, title, text) = match fault {
        LinkFault::Unknown => {
            ("unknown", "This link does not exist", "Please open the link exactly as it stands in the message that you received.")
        }
        LinkFault::Expired => ("expired", "This link has expired", "Payment links work for a limited time. Please ask for a new one."),
        LinkFault::Used | LinkFault::NothingOwed => ("used", "Already paid", "This payment was made. Nothing more is owed, thank you."),
        LinkFault::Revoked => {
            ("revoked", "This link is no longer valid", "It was replaced or withdrawn. Please use the newest message that you received.")
        }
        LinkFault::Busy => ("busy", "A payment is being made", "This is being paid right now. Please look again in a few minutes."),
        LinkFault::NoConnection | LinkFault::CheckoutUnavailable => (
            "unavailable",
            "Not available at the moment",
            "The payment page cannot be opened right now. Please try again in a few minutes.",
        ),
    };
    let tone = if matches!(fault, LinkFault::Used | LinkFault::NothingOwed) { "notice notice-ok" } else { "notice notice-warn" };
    let page = ctx.plain_page(title, &NoticePage { state, title, text, tone, again: None })?;
    Ok(page.with_status(fault.status()))
}

fn dressed(ctx: &Ctx, page: Html) -> Response {
    // On a developer's machine the sandbox's page is not encrypted.
    let policy = if ctx.core().environment.is_dev() { POLICY.replace("https:", "https: http:") } else { POLICY.to_owned() };
    ([(CONTENT_SECURITY_POLICY, policy)], page).into_response()
}
