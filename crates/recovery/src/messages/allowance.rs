//! How often one address is written to. Whoever reports a failure names the address, so without a
//! bound a made-up company could fill a stranger's mailbox in our name. What is one letter too many is
//! put off, not lost: the planner is told when there is room again.

use ::store::Tx;
use chrono::Duration;
use kernel::{At, Failure, MailAddress, chance};

use super::store;
use crate::cards;

/// Letters of one organization to one address within [`DAY`], about whichever payments: several
/// subscriptions of one payer fail on one morning, hardly more than this.
pub(crate) const LETTERS_DAY_MAX: usize = 4;
/// The same within [`WEEK`]: enough for the reminders of several payments, and less than one a morning
/// for each of them.
pub(crate) const LETTERS_WEEK_MAX: usize = 10;
const DAY: Duration = Duration::days(1);
const WEEK: Duration = Duration::days(7);

/// What an address is counted by: a digest, so that the count outlives no address.
pub(super) fn mark(to: &MailAddress) -> String {
    chance::digest(to.normal())
}

/// From when on the address may be written to again; `None` when it may be now.
pub(crate) async fn room_from(tx: &mut Tx, to: &MailAddress) -> Result<Option<At>, Failure> {
    let now = tx.now();
    let written = store::written_to(tx, &mark(to), now - WEEK, LETTERS_WEEK_MAX).await?;
    Ok(after(&written).filter(|from| *from > now))
}

/// Whether there is room for one more letter now, held: another case that would write to the same
/// address waits until this transaction has ended, so that two cannot take the last place.
pub(super) async fn has_room(tx: &mut Tx, to: &MailAddress) -> Result<bool, Failure> {
    cards::lock(tx, &format!("letters:{}", mark(to))).await?;
    // Asked after the lock: an earlier answer may be older than what the lock waited for.
    Ok(room_from(tx, to).await?.is_none())
}

/// When both bounds leave room, by the instants of the letters of a week, newest first.
fn after(written: &[At]) -> Option<At> {
    let room = |most: usize, window: Duration| written.get(most - 1).map(|letter| *letter + window);
    room(LETTERS_DAY_MAX, DAY).max(room(LETTERS_WEEK_MAX, WEEK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours_ago(hours: &[i64]) -> Vec<At> {
        hours.iter().map(|ago| At::UNIX_EPOCH - Duration::hours(*ago)).collect()
    }

    #[test]
    fn there_is_room_again_a_day_after_the_first_of_a_full_day() {
        assert_eq!(after(&hours_ago(&[1, 2, 3])), None);
        assert_eq!(after(&hours_ago(&[1, 2, 3, 20, 90])), Some(At::UNIX_EPOCH + Duration::hours(4)));
    }

    #[test]
    fn a_full_week_waits_for_its_first_letter_to_be_a_week_old() {
        let week = hours_ago(&[10, 30, 40, 50, 60, 70, 80, 90, 100, 110]);
        assert_eq!(after(&week), Some(At::UNIX_EPOCH + WEEK - Duration::hours(110)));
    }
}
