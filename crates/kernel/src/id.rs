//! Typed, prefixed ids: `cus_01jd3v…` on the wire, a UUID at rest.
//!
//! The text is the prefix and 26 characters of Crockford's base 32 (lower case, no `i l o u`), so
//! that an id can be read aloud, sorts by age, and can't be mistaken for one of another kind.

use std::fmt;

#[doc(hidden)]
pub use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five, rounded up.
const TEXT_LEN: usize = 26;

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that looks like `{prefix}_…`")]
pub struct NotAnId {
    pub prefix: &'static str,
}

fn write_base32(value: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0u8; TEXT_LEN];
    for (place, letter) in text.iter_mut().enumerate() {
        let shift = 5 * (TEXT_LEN - 1 - place);
        *letter = ALPHABET[usize::try_from((value >> shift) & 31).expect("five bits fit")];
    }
    f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
}

fn read_base32(text: &str) -> Option<u128> {
    // 26 letters hold 130 bits: a first letter above 7 would overflow.
    if text.len() != TEXT_LEN || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0u128, |value, letter| {
        let digit = ALPHABET.iter().position(|known| *known == letter)?;
        Some((value << 5) | digit as u128)
    })
}

#[doc(hidden)]
pub fn fmt_id(prefix: &str, id: Uuid, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{prefix}_")?;
    write_base32(id.as_u128(), f)
}

#[doc(hidden)]
pub fn parse_id(prefix: &'static str, text: &str) -> Result<Uuid, NotAnId> {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).and_then(read_base32).map(Uuid::from_u128).ok_or(NotAnId { prefix })
}

/// Declares a typed id: `id!(pub struct BookId("bok"))`. The prefix has three or four letters.
#[macro_export]
macro_rules! id {
    ($(#[$meta:meta])* $vis:vis struct $name:ident($prefix:literal)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis struct $name(pub $crate::id::Uuid);

        impl $name {
            /// The letters before the underscore.
            pub const PREFIX: &'static str = $prefix;
            /// A new id: UUIDv7 of the given instant, so that ids sort by age.
            pub fn new(at: $crate::At) -> Self { Self($crate::chance::uuid_v7(at)) }
            /// The bare key, as it is stored.
            pub const fn uuid(self) -> $crate::id::Uuid { self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { $crate::id::fmt_id($prefix, self.0, f) }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { std::fmt::Display::fmt(self, f) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::id::NotAnId;
            fn from_str(text: &str) -> Result<Self, Self::Err> { $crate::id::parse_id($prefix, text).map(Self) }
        }
        impl From<$name> for $crate::id::Uuid { fn from(id: $name) -> Self { id.0 } }
        impl From<$crate::id::Uuid> for $name { fn from(id: $crate::id::Uuid) -> Self { Self(id) } }
        impl $crate::id::serde::Serialize for $name {
            fn serialize<S: $crate::id::serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> $crate::id::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::id::serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as $crate::id::serde::Deserialize>::deserialize(d)?;
                text.parse().map_err($crate::id::serde::de::Error::custom)
            }
        }
        impl $crate::id::utoipa::PartialSchema for $name {
            fn schema() -> $crate::id::utoipa::openapi::RefOr<$crate::id::utoipa::openapi::schema::Schema> {
                $crate::id::utoipa::openapi::ObjectBuilder::new()
                    .schema_type($crate::id::utoipa::openapi::schema::Type::String)
                    .description(Some(concat!("An id of the form `", $prefix, "_…`")))
                    .pattern(Some(concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$")))
                    .into()
            }
        }
        impl $crate::id::utoipa::ToSchema for $name {}
    };
}

#[doc(hidden)]
pub use {serde, utoipa};

id!(/// A person who can sign in.
    pub struct AccountId("usr"));
id!(/// A company: the wall that rows stay behind.
    pub struct OrgId("org"));
id!(/// An account's place in an organization.
    pub struct MemberId("mem"));
id!(/// A pending invitation into an organization.
    pub struct InvitationId("inv"));
id!(/// A machine's key.
    pub struct ApiKeyId("key"));
id!(/// One sign-in of one browser or client.
    pub struct SessionId("ses"));
id!(/// A customer of an organization.
    pub struct CustomerId("cus"));
id!(/// A link to a payment provider.
    pub struct ConnectionId("con"));
id!(/// An obligation to pay and what happened to it.
    pub struct TransactionId("txn"));
id!(/// A card or another way to pay.
    pub struct PaymentMethodId("pmt"));
id!(/// The recovery of one failed obligation.
    pub struct CaseId("case"));
id!(/// One try of ours to collect.
    pub struct AttemptId("att"));
id!(/// A payer's single-use link.
    pub struct LinkId("lnk"));
id!(/// Something that happened.
    pub struct EventId("evt"));
id!(/// One request, from the socket to the log line.
    pub struct RequestId("req"));
id!(/// One run of a durable workflow.
    pub struct RunId("run"));

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_reads_back(value: u128) {
            let id = CustomerId(Uuid::from_u128(value));
            prop_assert_eq!(id.to_string().parse::<CustomerId>(), Ok(id));
        }

        #[test]
        fn text_sorts_like_the_key(a: u128, b: u128) {
            let text = |v| CustomerId(Uuid::from_u128(v)).to_string();
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let text = CustomerId(Uuid::from_u128(7)).to_string();
        assert!(text.parse::<CaseId>().is_err());
        assert!("cus_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<CustomerId>().is_err(), "more than 128 bits");
        assert!("cus_".parse::<CustomerId>().is_err());
        assert!("cus_é0000000000000000000000000".parse::<CustomerId>().is_err());
    }
}
