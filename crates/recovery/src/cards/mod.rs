//! How often a card was tried: one row for each attempt that we made or heard of.
//!
//! The card networks count attempts on a card, whoever makes them and for whichever payment. So
//! failures that events tell of are counted like our own attempts, over all cases.

mod store;
mod use_of_card;

use ::store::{StoreError, Tx};
use chrono::Duration;
use kernel::chance::digest;
use kernel::{At, CaseId};
use sea_orm::ActiveValue::Set;

use crate::locks;
use crate::policy::budget::WINDOW_DAYS;

::store::org_scoped!(use_of_card);

/// What a card is counted by: its fingerprint, else the provider's token, and only as a digest.
pub(crate) fn key(fingerprint: Option<&str>, token: Option<&str>) -> Option<String> {
    let named = |kind: &str, name: &str| digest(&format!("{kind}:{name}"));
    fingerprint.map(|print| named("fingerprint", print)).or_else(|| token.map(|token| named("token", token)))
}

/// Counts one attempt; the same `source_key` counts once.
pub(crate) async fn count(tx: &mut Tx, card: &str, at: At, source_key: String, case: Option<CaseId>) -> Result<(), StoreError> {
    let row = use_of_card::ActiveModel {
        card_key: Set(card.to_owned()),
        used_at: Set(at),
        source_key: Set(source_key),
        case_id: Set(case.map(CaseId::uuid)),
        ..Default::default()
    };
    store::insert_once(tx, row).await
}

/// Forgets an attempt that turned out never to have been sent.
pub(crate) async fn forget(tx: &mut Tx, source_key: &str) -> Result<(), StoreError> {
    store::delete(tx, source_key).await
}

/// The attempts on a card that the networks still count, locked: another case of the same card
/// waits until this transaction has ended, so that two cannot take the last place.
pub(crate) async fn locked_uses(tx: &mut Tx, card: &str) -> Result<Vec<At>, StoreError> {
    locks::take(tx, card).await?;
    // Asked after the lock: an earlier answer may be older than what the lock waited for.
    uses(tx, card).await
}

/// The attempts on a card that the networks still count, by now: for a plan that takes no place. Whoever
/// takes one asks [`locked_uses`].
pub(crate) async fn uses(tx: &mut Tx, card: &str) -> Result<Vec<At>, StoreError> {
    let since = tx.now() - Duration::days(WINDOW_DAYS);
    store::since(tx, card, since).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_counted_by_its_fingerprint_and_never_named() {
        let by_print = key(Some("fp_1"), Some("pm_1"));
        assert_eq!(by_print, key(Some("fp_1"), Some("pm_2")), "one card behind two tokens is one card");
        assert_ne!(by_print, key(None, Some("fp_1")));
        assert!(by_print.is_some_and(|key| !key.contains("fp_1")));
        assert_eq!(key(None, None), None);
    }
}
