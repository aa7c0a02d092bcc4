//! The context of one request: the only extractor that a handler takes besides path, query and
//! body.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use host::Core;
use kernel::{Actor, After, At, Failure, General, Limit, OrgId, Permission, RequestId};
use serde::Serialize;
use store::{Mode, Pin, StoreError, Who};

use crate::answer::{Done, Meta, Once};
use crate::caller::{Caller, Known};
use crate::cursor::{self, ListQuery};
use crate::mount::Mounts;
use crate::request_tx::{Idempotency, RequestTx};

/// What the outermost layer knows about a request and handlers may add to.
#[derive(Debug)]
pub(crate) struct About {
    pub id: RequestId,
    pub address: IpAddr,
    /// `Set-Cookie` lines that handlers asked for.
    pub cookies: Mutex<Vec<String>>,
    /// Who it turned out to be, for the log line.
    pub caller: std::sync::OnceLock<Arc<Caller>>,
}

/// Who acts, where, with which rights, and everything that a handler may use to do its work.
#[derive(Clone)]
pub struct Ctx {
    core: Core,
    pub(crate) about: Arc<About>,
    known: Known,
    method: Method,
    route: Arc<str>,
    headers: Arc<HeaderMap>,
    idempotency: Option<Arc<Idempotency>>,
}

impl Ctx {
    pub fn core(&self) -> &Core {
        &self.core
    }

    pub fn now(&self) -> At {
        self.core.clock.now()
    }

    pub fn request_id(&self) -> RequestId {
        self.about.id
    }

    /// Where the request comes from, as far as trusted proxies tell.
    pub fn address(&self) -> IpAddr {
        self.about.address
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A shared part that a module provided at registration.
    pub fn part<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.core.parts.get::<T>()
    }

    /// Who calls, or 401; 429 when nobody looked, because too much was claimed from there.
    pub fn caller(&self) -> Result<&Caller, Failure> {
        self.somebody().ok_or_else(|| self.known.refusal())
    }

    /// Who calls, if anybody.
    pub fn somebody(&self) -> Option<&Caller> {
        self.known.somebody().map(Arc::as_ref)
    }

    /// The organization that the caller acts in, or 401.
    pub fn org(&self) -> Result<OrgId, Failure> {
        self.caller()?.org.ok_or_else(|| Failure::new(General::NotAuthenticated))
    }

    /// Whether the caller may do this; for showing or hiding a button, never instead of
    /// [`Ctx::begin`].
    pub fn can(&self, permission: Permission) -> bool {
        self.somebody().is_some_and(|caller| caller.can(permission))
    }

    /// Who stands behind this request, for the audit trail.
    pub fn who(&self) -> Who {
        let actor = self.somebody().map_or(Actor::System("web"), |caller| caller.actor);
        Who { actor, request: Some(self.about.id), address: Some(self.about.address.to_string()) }
    }

    /// Checks the permission, opens the transaction and pins the organization: no permission, no
    /// transaction. GET and HEAD read, every other method writes. A POST with an
    /// `Idempotency-Key` that was finished before ends here with the stored answer.
    pub async fn begin(&self, permission: Permission) -> Result<RequestTx, Failure> {
        self.begin_in(permission, if self.method.is_safe() { Mode::Read } else { Mode::Write }).await
    }

    /// As [`Ctx::begin`], for a POST that changes nothing and is none but for its body: it takes no
    /// writer's turn. With an `Idempotency-Key` the answer is kept, which is a write.
    pub async fn begin_reading(&self, permission: Permission) -> Result<RequestTx, Failure> {
        self.begin_in(permission, if self.idempotency.is_some() { Mode::Write } else { Mode::Read }).await
    }

    async fn begin_in(&self, permission: Permission, mode: Mode) -> Result<RequestTx, Failure> {
        let caller = self.caller()?;
        let tx = match self.pin(caller, permission, mode).await {
            Ok(tx) => tx,
            Err(stale) if caller.member.is_some() && (stale.is(General::NotAuthenticated) || stale.is(General::PermissionDenied)) => {
                // The membership may have changed since its rights were read, here or on another
                // replica: read them anew, once, before saying no.
                let fresh = self.refreshed(caller).await?.ok_or(stale)?;
                self.pin(&fresh, permission, mode).await?
            }
            Err(failure) => return Err(failure),
        };
        RequestTx::new(self.clone(), tx).claimed(self.idempotency.as_deref(), &self.route).await
    }

    async fn pin(&self, caller: &Caller, permission: Permission, mode: Mode) -> Result<store::Tx, Failure> {
        if !caller.can(permission) {
            return Err(denied(permission.code));
        }
        let org = caller.org.ok_or_else(|| Failure::new(General::NotAuthenticated))?;
        let pin = Pin { org, who: Who { actor: caller.actor, ..self.who() }, rights: caller.member };
        self.core.store.begin(pin, mode).await.map_err(|error| match error {
            StoreError::StaleRights => Failure::new(General::NotAuthenticated),
            // Where there is one writer, a repetition waits for its turn here rather than at the key.
            StoreError::TimedOut if self.idempotency.is_some() => Failure::new(General::IdempotencyKeyInUse).retry_after(1),
            other => other.into(),
        })
    }

    /// Whether the caller holds a right, read anew before it is denied; for refusing early, never
    /// instead of [`Ctx::begin`].
    pub(crate) async fn may(&self, code: &str) -> Result<(), Failure> {
        let caller = self.caller()?;
        let held = |caller: &Caller| caller.rights.contains(code);
        if held(caller) || self.refreshed(caller).await?.is_some_and(|fresh| held(&fresh)) { Ok(()) } else { Err(denied(code)) }
    }

    /// The limit and the place of a list's page.
    pub fn list(&self, query: &ListQuery) -> Result<(Limit, Option<After>), Failure> {
        let after = query.cursor.as_deref().map(|text| cursor::read(&self.core.store, text)).transpose()?;
        Ok((query.limit()?, after))
    }

    /// Writes a place as an opaque cursor.
    pub fn cursor(&self, after: &After) -> String {
        cursor::write(&self.core.store, after)
    }

    /// Adds a `Set-Cookie` line to the answer.
    pub fn set_cookie(&self, line: String) {
        self.about.cookies.lock().expect("no holder of this lock panics").push(line);
    }

    /// An answer that needed no tenant transaction (200).
    pub fn answer<T: Serialize>(&self, view: &T) -> Result<Done<T>, Failure> {
        Done::new(view, self.meta(None))
    }

    /// An answer that needed no tenant transaction (201).
    pub fn created<T: Serialize>(&self, view: &T) -> Result<Done<T, 201>, Failure> {
        Done::new(view, self.meta(None))
    }

    /// An answer about what is still to come (202).
    pub fn accepted<T: Serialize>(&self, view: &T) -> Result<Done<T, 202>, Failure> {
        Done::new(view, self.meta(None))
    }

    /// 201 when `first`, else 200, without a tenant transaction.
    pub fn once<T: Serialize>(&self, first: bool, view: &T) -> Result<Once<T>, Failure> {
        Once::new(first, view, self.meta(None))
    }

    pub(crate) fn meta(&self, next: Option<&After>) -> Meta {
        Meta { timestamp: self.now(), request_id: self.about.id, next_cursor: next.map(|after| self.cursor(after)) }
    }

    pub(crate) fn mounts(&self) -> &Mounts {
        Mounts::of(&self.core)
    }

    async fn refreshed(&self, caller: &Caller) -> Result<Option<Caller>, Failure> {
        match &self.mounts().authenticator {
            Some(authenticator) => authenticator.refresh(&self.core, caller).await,
            None => Ok(None),
        }
    }
}

fn denied(code: &str) -> Failure {
    let sentence = format!("This needs the permission `{code}`. Ask an admin of your organization.");
    Failure::new(General::PermissionDenied).with_message(sentence)
}

impl FromRequestParts<Core> for Ctx {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, core: &Core) -> Result<Self, Response> {
        let about = parts.extensions.get::<Arc<About>>().cloned();
        let route = parts.extensions.get::<axum::extract::MatchedPath>().map_or("", |path| path.as_str());
        Ok(Self {
            core: core.clone(),
            about: about.expect("the outermost layer describes every request"),
            known: parts.extensions.get::<Known>().cloned().unwrap_or(Known::Nobody),
            method: parts.method.clone(),
            route: route.into(),
            headers: Arc::new(parts.headers.clone()),
            idempotency: parts.extensions.get::<Arc<Idempotency>>().cloned(),
        })
    }
}
