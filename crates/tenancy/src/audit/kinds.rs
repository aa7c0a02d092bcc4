//! Ids in the trail: rows keep bare keys, people read and type prefixed ones.

use std::fmt::Display;
use std::str::FromStr;

use kernel::{
    AccountId, ApiKeyId, AttemptId, CaseId, ConnectionId, CustomerId, InvitationId, LinkId, MemberId, OrgId, PaymentMethodId, RunId,
    SessionId, TransactionId,
};
use uuid::Uuid;

/// The word for a kind of subject, and how its ids look.
struct Kind {
    word: &'static str,
    show: fn(Uuid) -> String,
    read: fn(&str) -> Option<Uuid>,
}

impl Kind {
    const fn of<T: From<Uuid> + Into<Uuid> + Display + FromStr>(word: &'static str) -> Self {
        Self { word, show: |id| T::from(id).to_string(), read: |text| text.parse::<T>().ok().map(Into::into) }
    }
}

const KINDS: [Kind; 14] = [
    Kind::of::<OrgId>("organization"),
    Kind::of::<MemberId>("member"),
    Kind::of::<InvitationId>("invitation"),
    Kind::of::<ApiKeyId>("api_key"),
    Kind::of::<AccountId>("account"),
    Kind::of::<SessionId>("session"),
    Kind::of::<CustomerId>("customer"),
    Kind::of::<ConnectionId>("connection"),
    Kind::of::<TransactionId>("transaction"),
    Kind::of::<PaymentMethodId>("payment_method"),
    Kind::of::<CaseId>("case"),
    Kind::of::<AttemptId>("attempt"),
    Kind::of::<LinkId>("link"),
    Kind::of::<RunId>("run"),
];

/// `mem_…` for a member; the bare key for a kind of a module that is not ours.
pub(super) fn show(kind: &str, id: Uuid) -> String {
    KINDS.iter().find(|known| known.word == kind).map_or_else(|| id.to_string(), |known| (known.show)(id))
}

/// Reads an id of any kind, prefixed or bare.
pub(super) fn read(text: &str) -> Option<Uuid> {
    KINDS.iter().find_map(|known| (known.read)(text)).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_shows() {
        let id = Uuid::from_u128(7);
        for kind in &KINDS {
            assert_eq!(read(&show(kind.word, id)), Some(id), "{}", kind.word);
        }
        assert_eq!(read(&show("book", id)), Some(id));
        assert_eq!(read("member"), None);
    }
}
