//! The verbs.

use chrono::TimeDelta;
use kernel::{At, Failed, Failure, LinkId, Secret, TransactionId, chance};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::{AuditLine, Tx};

use super::checkout::CHECKOUT_TIME;
use super::finish::SessionAbandoned;
use super::link::{ActiveModel, LinkState, Model};
use super::lookup::Found;
use super::{LinkFault, store as rows};
use crate::event::{CheckoutExpired, CheckoutOpened};
use crate::transactions::{self, TransactionFault};

/// How long a payment that settles later may be under way: a direct debit takes up to two weeks.
const PROCESSING_TIME: TimeDelta = TimeDelta::days(14);
/// Providers tell times in whole seconds.
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// Makes a link for what is owed. The token is shown this once; only its digest is kept.
///
/// 404 for an unknown transaction, 409 when nothing is owed, 422 for an expiry in the past.
pub async fn issue(tx: &mut Tx, transaction: TransactionId, expires_at: At) -> Result<(LinkId, Secret), Failed<LinkFault>> {
    let owed = transactions::find(tx, transaction).await?.ok_or_else(|| Failure::new(TransactionFault::NotFound))?.owed();
    if owed.minor <= 0 {
        return Err(LinkFault::NothingOwed.into());
    }
    if expires_at <= tx.now() {
        return Err(Failure::field("expires_at", "must be in the future").into());
    }
    let (id, token) = (LinkId::new(tx.now()), chance::token());
    let row = ActiveModel {
        id: Set(id.uuid()),
        transaction_id: Set(transaction.uuid()),
        token_hash: Set(chance::digest(token.expose())),
        amount: Set(owed.minor),
        currency: Set(owed.currency.code().to_owned()),
        state: Set(LinkState::Active.name().to_owned()),
        expires_at: Set(expires_at),
        sessions: Set(0),
        ..Default::default()
    };
    tx.insert_quiet(row).await?;
    let after = json!({ "transaction": transaction, "amount": owed, "expires_at": expires_at });
    tx.audit(AuditLine::new("link.issued", "payment_link", id.uuid()).after(after)).await?;
    Ok((id, token))
}

/// Makes every open link of an obligation useless; counts them. Pages that are open at the provider
/// are closed after the commit.
pub async fn revoke_all(tx: &mut Tx, transaction: TransactionId) -> Result<u64, Failure> {
    close(tx, transaction, None).await
}

/// The obligation is met: the link that did it is completed, its siblings are revoked. Counts both.
pub async fn close(tx: &mut Tx, transaction: TransactionId, by: Option<LinkId>) -> Result<u64, Failure> {
    let open = rows::hold_open(tx, transaction).await?;
    let count = open.len() as u64;
    for link in open {
        let completed = by == Some(link.link_id());
        let (id, session) = (link.id, link.psp_session_id.clone());
        let in_checkout = link.state() == LinkState::Checkout;
        let mut row = link.into_active_model();
        let state = if completed { LinkState::Completed } else { LinkState::Revoked };
        row.state = Set(state.name().to_owned());
        row.completed_at = Set(completed.then(|| tx.now()));
        tx.update(row).await?;
        tx.audit(AuditLine::new("link.closed", "payment_link", id).after(json!({ "state": state.name() }))).await?;
        if let Some(session) = session.filter(|_| in_checkout && !completed) {
            tx.emit(&SessionAbandoned { transaction, session }).await?;
        }
    }
    Ok(count)
}

/// What an event tells of a checkout session of ours.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    pub session: &'a str,
    /// The link, as tagged at the provider.
    pub link: Option<LinkId>,
    /// When it happened there.
    pub told_at: At,
}

/// The provider's page was left. The link may be used again while it lasts. The transaction, if the
/// session was one of ours.
pub async fn session_expired(tx: &mut Tx, visit: &Visit<'_>) -> Result<Option<TransactionId>, Failure> {
    match visited(tx, visit).await?.filter(|link| link.state() == LinkState::Checkout) {
        Some(link) => Ok(Some(give_back(tx, link).await?)),
        None => Ok(None),
    }
}

/// A payment that was to settle later came to nothing: the link may be used again while it lasts.
pub async fn session_failed(tx: &mut Tx, visit: &Visit<'_>) -> Result<Option<TransactionId>, Failure> {
    match visited(tx, visit).await?.filter(|link| link.state().is_taken()) {
        Some(link) => Ok(Some(give_back(tx, link).await?)),
        None => Ok(None),
    }
}

/// The payer is done and the bank has the word: the link keeps the obligation, and nothing else is
/// charged meanwhile. Whoever listens hears of the longer time by a second `CheckoutOpened`.
pub async fn session_processing(tx: &mut Tx, visit: &Visit<'_>) -> Result<(), Failure> {
    let Some(link) = visited(tx, visit).await?.filter(|link| link.state() == LinkState::Checkout) else { return Ok(()) };
    let until = link.expires_at.max(tx.now() + PROCESSING_TIME);
    let event = CheckoutOpened { transaction: link.transaction(), link: link.link_id(), expires_at: until };
    let mut row = link.into_active_model();
    row.state = Set(LinkState::Processing.name().to_owned());
    row.psp_session_id = Set(Some(visit.session.to_owned()));
    row.session_until = Set(Some(until));
    tx.update(row).await?;
    tx.emit(&event).await?;
    Ok(())
}

/// The link of a session, held.
async fn visited(tx: &mut Tx, visit: &Visit<'_>) -> Result<Option<Model>, Failure> {
    if let Some(link) = rows::hold_by_session(tx, visit.session).await? {
        return Ok(Some(link));
    }
    // What happens to a session can be told before the answer that names it. What happened before
    // the present round began is about an earlier session.
    let Some(id) = visit.link else { return Ok(None) };
    let is_of_round = |link: &Model| link.session_until.is_none_or(|until| visit.told_at >= until - CHECKOUT_TIME - SECOND);
    Ok(rows::hold(tx, id).await?.filter(|link| link.psp_session_id.is_none() && is_of_round(link)))
}

/// Whether a payer is at the provider's page for this obligation, or their payment is under way.
pub async fn any_in_checkout(tx: &mut Tx, transaction: TransactionId) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(rows::taken(tx, transaction).await?.iter().any(|link| link.is_in_checkout(now)))
}

/// The link whose session has the obligation, also when its time is over: what
/// [`settle_session`](super::settle_session) asks the provider about. `None` when no session is known.
pub async fn session_of(tx: &mut Tx, transaction: TransactionId) -> Result<Option<Found>, Failure> {
    let org = tx.org();
    let mut taken = rows::taken(tx, transaction).await?;
    taken.retain(|link| link.psp_session_id.is_some());
    taken.sort_by_key(|link| link.session_until);
    Ok(taken.pop().map(|link| Found { org, link }))
}

/// Closes the pages of other links for the same obligation, before one more is opened: both could be
/// paid. 409 while a payment through one of them is under way.
pub(super) async fn close_others(tx: &mut Tx, link: &Model) -> Result<(), Failure> {
    let now = tx.now();
    for other in rows::taken(tx, link.transaction()).await? {
        if other.state() == LinkState::Processing && other.is_in_checkout(now) {
            return Err(Failure::new(LinkFault::Busy));
        }
        if other.id == link.id {
            continue;
        }
        let (transaction, session) = (other.transaction(), other.psp_session_id.clone());
        leave(tx, other).await?;
        if let Some(session) = session {
            tx.emit(&SessionAbandoned { transaction, session }).await?;
        }
    }
    Ok(())
}

/// Ends the reservation of a link whose page is not open (any more).
pub(super) async fn give_back(tx: &mut Tx, link: Model) -> Result<TransactionId, Failure> {
    let (transaction, id) = (link.transaction(), link.link_id());
    leave(tx, link).await?;
    tx.emit(&CheckoutExpired { transaction, link: id }).await?;
    Ok(transaction)
}

async fn leave(tx: &mut Tx, link: Model) -> Result<(), Failure> {
    let state = if link.expires_at <= tx.now() { LinkState::Expired } else { LinkState::Opened };
    let mut row = link.into_active_model();
    row.state = Set(state.name().to_owned());
    row.psp_session_id = Set(None);
    row.session_until = Set(None);
    tx.update(row).await?;
    Ok(())
}

/// Why a payer cannot pay with this link now; `None` when they can.
pub fn reason_closed(link: &Model, transaction: &transactions::Model, now: At) -> Option<LinkFault> {
    match link.refusal(now) {
        Some(reason) => Some(reason),
        None if transaction.owed().minor <= 0 => Some(LinkFault::Used),
        None => None,
    }
}
