//! Who calls, and how they proved it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use futures::future::BoxFuture;
use host::Core;
use kernel::{AccountId, Actor, At, Failure, General, MemberId, OrgId, Permission, Secret, SessionId};

/// How a caller proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// An access token in `Authorization`.
    Bearer,
    /// A browser's session cookie: unsafe methods need the CSRF token as well.
    Cookie,
    /// An API key in `Authorization`.
    Key,
}

/// Someone who proved who they are, with the rights that were true when they were last read.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    /// The person, if it is one.
    pub account: Option<AccountId>,
    pub name: String,
    pub email: String,
    /// The organization that this session, token or key acts in.
    pub org: Option<OrgId>,
    pub org_name: String,
    /// The membership and the version at which `rights` were read; the transaction refuses when
    /// the row has moved on.
    pub member: Option<(MemberId, i32)>,
    pub role: String,
    /// Permission codes.
    pub rights: Arc<BTreeSet<String>>,
    pub session: Option<SessionId>,
    pub via: Via,
    /// The token that this session's forms must carry.
    pub csrf: Option<Secret>,
    /// The token that forms carry which were made before the master key was replaced, while that
    /// counts.
    pub csrf_before: Option<Secret>,
    /// Whether the person has shown that the address is theirs.
    pub verified: bool,
    /// When the person last showed their password for this session.
    pub proven_at: Option<At>,
}

impl Caller {
    pub fn can(&self, permission: Permission) -> bool {
        self.rights.contains(permission.code)
    }

    /// Every token that a form of this session may carry.
    pub(crate) fn csrf_tokens(&self) -> impl Iterator<Item = &Secret> {
        self.csrf.iter().chain(&self.csrf_before)
    }
}

/// The port through which `web` learns who calls; the room that knows people implements it.
pub trait Authenticator: Send + Sync + 'static {
    /// Who sent these headers, from this address. `Ok(None)` when they claim nothing or nothing that
    /// holds; 429 when too much was claimed from there that nobody knows, and this was not looked at.
    fn authenticate<'a>(
        &'a self,
        core: &'a Core,
        headers: &'a HeaderMap,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<Option<Caller>, Failure>>;

    /// The same caller with rights read anew; `None` when they have none left.
    fn refresh<'a>(&'a self, core: &'a Core, caller: &'a Caller) -> BoxFuture<'a, Result<Option<Caller>, Failure>>;
}

/// What the request carries about its sender after the authentication layer.
#[derive(Clone)]
pub(crate) enum Known {
    Nobody,
    Somebody(Arc<Caller>),
    /// What was claimed was not looked at: too much was claimed from there. What is open to nobody is open;
    /// whatever asks who calls is refused.
    Unasked {
        retry_after_s: Option<u64>,
    },
}

impl Known {
    /// Who it is.
    pub fn somebody(&self) -> Option<&Arc<Caller>> {
        match self {
            Self::Somebody(caller) => Some(caller),
            Self::Nobody | Self::Unasked { .. } => None,
        }
    }

    /// What becomes of somebody who should be known, and isn't: 401, or 429 when nobody looked.
    pub fn refusal(&self) -> Failure {
        match self {
            Self::Unasked { retry_after_s } => Failure { retry_after_s: *retry_after_s, ..Failure::new(General::RateLimited) },
            Self::Nobody | Self::Somebody(_) => Failure::new(General::NotAuthenticated),
        }
    }
}
