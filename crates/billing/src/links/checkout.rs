//! Opening the provider's page: reserve, call, record. The call is never made inside a transaction,
//! and a second press of the button leads to the same page, because it sends the same key.

use chrono::TimeDelta;
use host::Core;
use kernel::{Actor, At, Failure, General, LinkId, Money, OrgId};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use store::Tx;

use super::actions::{close_others, give_back, reason_closed};
use super::finish::SessionAbandoned;
use super::link::{LinkState, Model};
use super::lookup::{Found, by_token, unknown};
use super::{LinkFault, store as rows};
use crate::connections;
use crate::event::CheckoutOpened;
use crate::provider::{
    Action, ActionResult, CheckoutSession, Gateway, IdempotencyKey, NewCheckout, ProviderError, Providers, Refs, TAG_LINK, TAG_TRANSACTION,
    Tags,
};
use crate::transactions;

/// How long a payer may stay on the provider's page while nothing else is charged. Stripe's least is
/// thirty minutes from when it hears of it; the minute more is the way there.
pub(super) const CHECKOUT_TIME: TimeDelta = TimeDelta::minutes(31);

/// A page that was opened for a payer.
#[derive(Debug, Clone)]
pub struct Opening {
    pub link: LinkId,
    /// Where the payer pays.
    pub url: String,
}

/// What a reservation needs for its call.
struct Reserved {
    link: LinkId,
    round: u32,
    gateway: Gateway,
    checkout: NewCheckout,
}

/// Opens the provider's page for the bearer of a token.
///
/// 404, 410 as the link's own state says, 409 while another payment is being made, 503 when the
/// provider cannot be reached.
pub async fn open_checkout(core: &Core, token: &str) -> Result<Opening, Failure> {
    let Found { org, link } = by_token(core, token).await?.ok_or_else(unknown)?;
    let reserved = reserve(core, org, link.link_id(), token).await?;
    let key = IdempotencyKey::of_checkout(reserved.link, reserved.round);
    match reserved.gateway.execute(&Action::CreateCheckout(reserved.checkout.clone()), &key).await {
        Ok(ActionResult::Checkout(session)) => record(core, org, &reserved, session).await,
        Ok(other) => Err(Failure::internal(format!("a checkout was answered with {other:?}"))),
        Err(error) => Err(failed(core, org, &reserved, error).await),
    }
}

async fn begin(core: &Core, org: OrgId, link: LinkId) -> Result<Tx, Failure> {
    Ok(Tx::for_org(&core.store, org, Actor::Payer(link)).await?)
}

/// Takes the obligation for this payer. Whoever listens to `CheckoutOpened` may refuse.
async fn reserve(core: &Core, org: OrgId, id: LinkId, token: &str) -> Result<Reserved, Failure> {
    let mut tx = begin(core, org, id).await?;
    let transaction = rows::by_id(&mut tx, id).await?.ok_or_else(unknown)?.transaction();
    // Always the obligation first, then its links: money that arrives takes them in this order too.
    let transaction = transactions::hold(&mut tx, transaction).await?.ok_or_else(unknown)?;
    let link = rows::hold(&mut tx, id).await?.ok_or_else(unknown)?;
    if let Some(reason) = reason_closed(&link, &transaction, tx.now()) {
        return Err(reason.into_failure());
    }
    let connection = transaction.connection().ok_or_else(|| LinkFault::NoConnection.into_failure())?;
    let providers = core.parts.get::<Providers>();
    let gateway = connections::gateway(&mut tx, &providers, connection).await.map_err(|_| LinkFault::NoConnection.into_failure())?;
    close_others(&mut tx, &link).await?;
    let link = if link.is_in_checkout(tx.now()) { link } else { take(&mut tx, link).await? };
    let checkout = new_checkout(core, &mut tx, &link, transaction.owed(), token).await?;
    tx.commit().await?;
    Ok(Reserved { link: id, round: link.sessions.unsigned_abs(), gateway, checkout })
}

async fn take(tx: &mut Tx, link: Model) -> Result<Model, Failure> {
    let until = tx.now() + CHECKOUT_TIME;
    let event = CheckoutOpened { transaction: link.transaction(), link: link.link_id(), expires_at: until };
    let (opened_at, sessions) = (link.opened_at.unwrap_or_else(|| tx.now()), link.sessions + 1);
    let mut row = link.into_active_model();
    row.state = Set(LinkState::Checkout.name().to_owned());
    row.opened_at = Set(Some(opened_at));
    row.psp_session_id = Set(None);
    row.session_until = Set(Some(until));
    row.sessions = Set(sessions);
    let link = tx.update(row).await?;
    tx.emit(&event).await.map_err(busy)?;
    Ok(link)
}

/// A refusal of a listener means that a charge is on its way; anything else is a fault of ours.
fn busy(failure: Failure) -> Failure {
    if failure.status == 409 && !failure.is(General::Conflict) { LinkFault::Busy.into_failure().with_cause(failure) } else { failure }
}

async fn new_checkout(core: &Core, tx: &mut Tx, link: &Model, amount: Money, token: &str) -> Result<NewCheckout, Failure> {
    let merchant = tenancy::organizations::current(tx).await?.name;
    let page = format!("{}/pay/{token}", core.public_url);
    let expires_at: At = link.session_until.unwrap_or_else(|| tx.now() + CHECKOUT_TIME);
    let tags =
        Tags::from([(TAG_TRANSACTION.to_owned(), link.transaction().to_string()), (TAG_LINK.to_owned(), link.link_id().to_string())]);
    Ok(NewCheckout {
        amount,
        description: format!("Payment to {merchant}"),
        customer: None,
        email: None,
        success_url: format!("{page}/done"),
        cancel_url: page,
        expires_at,
        tags,
    })
}

/// Writes down which session it is. A link that was closed or taken anew while the provider was asked
/// does not lead there: its page is closed again.
async fn record(core: &Core, org: OrgId, reserved: &Reserved, session: CheckoutSession) -> Result<Opening, Failure> {
    let id = reserved.link;
    let mut tx = begin(core, org, id).await?;
    let transaction = rows::by_id(&mut tx, id).await?.ok_or_else(unknown)?.transaction();
    let refs = Refs { session: Some(session.id.clone()), ..Refs::default() };
    if let Some(held) = transactions::hold(&mut tx, transaction).await? {
        transactions::add_refs(&mut tx, held, &refs, None).await?;
    }
    let link = rows::hold(&mut tx, id).await?.ok_or_else(unknown)?;
    if link.state() != LinkState::Checkout || link.sessions.unsigned_abs() != reserved.round {
        let reason = link.refusal(tx.now()).unwrap_or(LinkFault::CheckoutUnavailable);
        tx.emit(&SessionAbandoned { transaction, session: session.id }).await?;
        tx.commit().await?;
        return Err(reason.into_failure());
    }
    if link.psp_session_id.as_deref() != Some(&session.id) {
        let mut row = link.into_active_model();
        row.psp_session_id = Set(Some(session.id));
        tx.update(row).await?;
    }
    tx.commit().await?;
    Ok(Opening { link: id, url: session.url })
}

/// Without an answer the session may exist: the reservation stays, and the next press asks again with
/// the same key. Otherwise it is given back.
async fn failed(core: &Core, org: OrgId, reserved: &Reserved, error: ProviderError) -> Failure {
    let id = reserved.link;
    tracing::warn!(event = "billing.checkout_failed", link = %id, %error, "the provider's page could not be opened");
    let unavailable = LinkFault::CheckoutUnavailable.into_failure().retry_after(60);
    if matches!(error, ProviderError::Unknown(_)) {
        return unavailable.with_cause(error);
    }
    match release(core, org, reserved).await {
        Ok(()) => unavailable.with_cause(error),
        Err(failure) => failure,
    }
}

async fn release(core: &Core, org: OrgId, reserved: &Reserved) -> Result<(), Failure> {
    let mut tx = begin(core, org, reserved.link).await?;
    let is_ours = |link: &Model| link.state() == LinkState::Checkout && link.sessions.unsigned_abs() == reserved.round;
    if let Some(link) = rows::hold(&mut tx, reserved.link).await?.filter(is_ours) {
        give_back(&mut tx, link).await?;
    }
    Ok(tx.commit().await?)
}

impl LinkFault {
    fn into_failure(self) -> Failure {
        Failure::new(self)
    }
}
