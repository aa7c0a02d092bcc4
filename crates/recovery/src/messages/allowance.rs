//! How often one address is written to. Whoever reports a failure names the address, so without a
//! bound a made-up company could fill a stranger's mailbox in our name. What is one letter too many is
//! put off: the planner is told when there is room again. Where that is after the case's deadline the
//! letter is not written, and the plan says why.

use ::store::{Cipher, Tx};
use chrono::Duration;
use kernel::{At, Failure, MailAddress};

use super::store;
use crate::locks;
use crate::policy::{LETTERS_DAY_MAX, LETTERS_WEEK_MAX};

/// [`LETTERS_DAY_MAX`] of these.
const DAY: Duration = Duration::days(1);
/// [`LETTERS_WEEK_MAX`] of these.
const WEEK: Duration = Duration::days(7);
/// Label of the key that addresses are digested with; the address itself follows.
const KEY_LABEL: &str = "recovery.recipient";

/// What an address is counted by: a digest of its mailbox with a key of ours, so that who reads the
/// count finds no address by guessing it. With another master key the count begins anew.
pub(super) fn mark(tx: &Tx, to: &MailAddress) -> String {
    digest(tx.cipher(), to)
}

fn digest(cipher: &Cipher, to: &MailAddress) -> String {
    let key = cipher.derive(&format!("{KEY_LABEL}:{}", mailbox(to)));
    // 128 bits: two mailboxes do not meet by chance.
    let half = key[..16].try_into().expect("a key has twice as many bytes");
    format!("{:032x}", u128::from_be_bytes(half))
}

/// The mailbox behind an address: what follows a `+` is the reader's own mark (RFC 5233), so that any
/// number of addresses lead to one.
fn mailbox(to: &MailAddress) -> String {
    let normal = to.normal();
    let Some((local, domain)) = normal.rsplit_once('@') else { return normal.to_owned() };
    match local.split_once('+') {
        Some((name, _)) if !name.is_empty() => format!("{name}@{domain}"),
        _ => normal.to_owned(),
    }
}

/// From when on the address may be written to again; `None` when it may be now.
pub(crate) async fn room_from(tx: &mut Tx, to: &MailAddress) -> Result<Option<At>, Failure> {
    let now = tx.now();
    let mark = mark(tx, to);
    let written = store::written_to(tx, &mark, now - WEEK, LETTERS_WEEK_MAX).await?;
    Ok(after(&written).filter(|from| *from > now))
}

/// Whether there is room for one more letter now, held: another case that would write to the same
/// address waits until this transaction has ended, so that two cannot take the last place.
pub(super) async fn has_room(tx: &mut Tx, to: &MailAddress) -> Result<bool, Failure> {
    let name = format!("letters:{}", mark(tx, to));
    locks::take(tx, &name).await?;
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
    use ::store::MasterKey;

    use super::*;

    fn hours_ago(hours: &[i64]) -> Vec<At> {
        hours.iter().map(|ago| At::UNIX_EPOCH - Duration::hours(*ago)).collect()
    }

    fn address(text: &str) -> MailAddress {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_of_one_mailbox_are_one() {
        for (given, box_of) in [
            ("Ann+1@x.io", "ann@x.io"),
            ("ann+a+b@x.io", "ann@x.io"),
            ("ann@x.io", "ann@x.io"),
            ("+1@x.io", "+1@x.io"),
            ("an.n@x.io", "an.n@x.io"),
        ] {
            assert_eq!(mailbox(&address(given)), box_of);
        }
    }

    #[test]
    fn nobody_without_the_key_can_tell_whose_the_mark_is() {
        let of = |seed: u8, text: &str| digest(&Cipher::new(MasterKey::from_bytes([seed; 32])), &address(text));
        assert_eq!(of(1, "ann@x.io"), of(1, "Ann+shop@x.io"));
        assert_ne!(of(1, "ann@x.io"), of(1, "bob@x.io"));
        assert_ne!(of(1, "ann@x.io"), of(2, "ann@x.io"), "another key, another mark");
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
