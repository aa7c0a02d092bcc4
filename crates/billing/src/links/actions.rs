//! The verbs.

use kernel::{At, Failed, Failure, LinkId, Secret, TransactionId, chance};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::{AuditLine, Tx};

use super::finish::SessionAbandoned;
use super::link::{ActiveModel, LinkState, Model};
use super::{LinkFault, store as rows};
use crate::event::CheckoutExpired;
use crate::transactions::{self, TransactionFault};

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

/// The provider's page was left. The link may be used again while it lasts. The transaction, if the
/// session was one of ours.
pub async fn session_expired(tx: &mut Tx, session: &str, tagged: Option<LinkId>) -> Result<Option<TransactionId>, Failure> {
    let link = match rows::hold_by_session(tx, session).await? {
        Some(link) => Some(link),
        // The answer that names the session can be later than the session's own end.
        None => match tagged {
            Some(id) => rows::hold(tx, id).await?.filter(|link| link.psp_session_id.is_none()),
            None => None,
        },
    };
    match link.filter(|link| link.state() == LinkState::Checkout) {
        Some(link) => Ok(Some(give_back(tx, link).await?)),
        None => Ok(None),
    }
}

/// Ends the reservation of a link whose page is not open (any more).
pub(super) async fn give_back(tx: &mut Tx, link: Model) -> Result<TransactionId, Failure> {
    let (transaction, id) = (link.transaction(), link.link_id());
    let state = if link.expires_at <= tx.now() { LinkState::Expired } else { LinkState::Opened };
    let mut row = link.into_active_model();
    row.state = Set(state.name().to_owned());
    row.psp_session_id = Set(None);
    row.session_until = Set(None);
    tx.update(row).await?;
    tx.emit(&CheckoutExpired { transaction, link: id }).await?;
    Ok(transaction)
}

/// Why a payer cannot pay with this link now; `None` when they can.
pub fn reason_closed(link: &Model, transaction: &transactions::Model, now: At) -> Option<LinkFault> {
    match link.refusal(now) {
        Some(reason) => Some(reason),
        None if transaction.owed().minor <= 0 => Some(LinkFault::Used),
        None => None,
    }
}
