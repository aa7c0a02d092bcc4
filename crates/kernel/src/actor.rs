//! Who acts.

use std::fmt;

use crate::{AccountId, ApiKeyId, LinkId};

/// Who stands behind a transaction, as the audit trail records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person who signed in.
    Account(AccountId),
    /// A machine with a key.
    ApiKey(ApiKeyId),
    /// A payer who opened a link; never has an account.
    Payer(LinkId),
    /// The program itself; the word says which part of it.
    System(&'static str),
}

impl Actor {
    /// `account`, `api_key`, `payer` or `system`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::ApiKey(_) => "api_key",
            Self::Payer(_) => "payer",
            Self::System(_) => "system",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::ApiKey(id) => id.fmt(f),
            Self::Payer(id) => id.fmt(f),
            Self::System(part) => write!(f, "system:{part}"),
        }
    }
}
