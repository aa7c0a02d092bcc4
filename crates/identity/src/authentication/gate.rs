//! The port that `web` asks.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use futures::future::BoxFuture;
use host::Core;
use kernel::{AccountId, Actor, At, Failure, OrgId, Secret, chance};
use tenancy::Rights;
use tenancy::keys::{self, KeyCaller};
use web::{Authenticator, Caller, Via, cookies, limits};

use super::credential::Credential;
use crate::sessions::{self, Alive, COOKIE, TOUCH_EVERY};
use crate::{Identity, accounts};

/// Tells who calls.
pub(crate) struct Gate;

impl Authenticator for Gate {
    fn authenticate<'a>(
        &'a self,
        core: &'a Core,
        headers: &'a HeaderMap,
        address: IpAddr,
    ) -> BoxFuture<'a, Result<Option<Caller>, Failure>> {
        Box::pin(async move {
            let cookie = cookies::read(core, headers, COOKIE);
            match Credential::of(headers, cookie.as_deref()) {
                Credential::Token(token) => by_token(core, token).await,
                Credential::Key(key) => by_key(core, key, address).await,
                Credential::Cookie(cookie) => by_cookie(core, cookie, address).await,
                Credential::Unreadable | Credential::Nothing => Ok(None),
            }
        })
    }

    fn refresh<'a>(&'a self, core: &'a Core, caller: &'a Caller) -> BoxFuture<'a, Result<Option<Caller>, Failure>> {
        Box::pin(async move {
            let (Some(account), Some(org)) = (caller.account, caller.org) else { return Ok(None) };
            // A version moved on: perhaps the role changed, perhaps the account was frozen.
            if !is_active(core, account).await? {
                Identity::of(core).remembered.forget();
                return Ok(None);
            }
            let Some(rights) = tenancy::rights_anew(core, account, org).await? else { return Ok(None) };
            Ok(Some(with_rights(caller.clone(), Some(rights))))
        })
    }
}

async fn is_active(core: &Core, account: AccountId) -> Result<bool, Failure> {
    let mut system = core.store.system_read("whether an account is frozen").await?;
    Ok(accounts::store::is_active(&mut system, account).await?)
}

async fn by_token(core: &Core, token: &str) -> Result<Option<Caller>, Failure> {
    let (identity, now) = (Identity::of(core), core.clock.now_secure());
    // What is remembered is remembered as what it was shown as: a cookie is no token.
    let digest = chance::digest(&format!("bearer:{token}"));
    if let Some(session) = identity.remembered.get(&digest, now) {
        return caller(core, &session, Via::Bearer, Vec::new()).await;
    }
    let claims = match identity.signer(core).verify(token, now) {
        Ok(claims) => claims,
        Err(refused) => {
            tracing::debug!(event = "identity.token_refused", reason = %refused, "an access token was refused");
            return Ok(None);
        }
    };
    let reading = identity.remembered.reading();
    let mut system = core.store.system_read("the session that an access token names").await?;
    let found = sessions::alive_by_id(&mut system, claims.sid).await?;
    drop(system);
    let ours = |session: &Alive| session.account == claims.user_id.uuid() && session.org == claims.org_id.map(OrgId::uuid);
    let Some(session) = found.filter(|session| ours(session) && !session.life().is_over(now)).map(Arc::new) else { return Ok(None) };
    let token_ends_at = At::from_timestamp(claims.exp, 0).unwrap_or(now);
    identity.remembered.keep(digest, reading, session.clone(), now, session.life().ends_at().min(token_ends_at));
    caller(core, &session, Via::Bearer, Vec::new()).await
}

/// What a session's cookie is remembered as.
pub(crate) fn cookie_digest(cookie: &str) -> String {
    chance::digest(&format!("cookie:{cookie}"))
}

/// Counts what was never found to be true here, before anything is read for it.
async fn admit(core: &Core, identity: &Identity, digest: &str, address: IpAddr) -> Result<(), Failure> {
    if identity.proven.holds(digest) { Ok(()) } else { limits::count_credential(core, address).await }
}

async fn by_cookie(core: &Core, cookie: &str, address: IpAddr) -> Result<Option<Caller>, Failure> {
    let (identity, now) = (Identity::of(core), core.clock.now_secure());
    let digest = cookie_digest(cookie);
    let session = match identity.remembered.get(&digest, now) {
        Some(session) => session,
        None if !chance::is_token(cookie) => return Ok(None),
        None => match read_session(core, &identity, (cookie, digest), address, now).await? {
            Some(session) => session,
            None => return Ok(None),
        },
    };
    caller(core, &session, Via::Cookie, csrf_of(core, cookie)).await
}

async fn read_session(
    core: &Core,
    identity: &Identity,
    (cookie, digest): (&str, String),
    address: IpAddr,
    now: At,
) -> Result<Option<Arc<Alive>>, Failure> {
    admit(core, identity, &digest, address).await?;
    let reading = identity.remembered.reading();
    let mut system = core.store.system_read("the session behind a cookie").await?;
    let found = sessions::alive_by_cookie(&mut system, cookie).await?;
    drop(system);
    let Some(mut session) = found.filter(|session| !session.life().is_over(now)) else {
        identity.proven.forget(&digest);
        return Ok(None);
    };
    identity.proven.note(digest.clone());
    note_use(core, identity, &mut session, now).await;
    let session = Arc::new(session);
    identity.remembered.keep(digest, reading, session.clone(), now, session.life().ends_at());
    Ok(Some(session))
}

/// Moves the idle limit. The request goes on when that fails: the session is no less valid.
async fn note_use(core: &Core, identity: &Identity, session: &mut Alive, now: At) {
    if now - session.last_seen_at < TOUCH_EVERY {
        return;
    }
    let life = session.life().used(now, identity.settings.limits(session.kind()));
    let noted = async {
        let mut system = core.store.system("a session was used").await?;
        sessions::touch(&mut system, session.session, now, life).await?;
        system.commit().await
    };
    match noted.await {
        Ok(()) => session.idle_expires_at = life.idle_expires_at,
        Err(error) => tracing::warn!(event = "identity.use_not_noted", %error, "the use of a session was not noted"),
    }
}

/// The tokens that this session's forms and scripts may carry: keyed digests of the cookie, so that
/// they need no row of their own and end with the session. One, and while the master key is replaced
/// that of the previous key as well.
fn csrf_of(core: &Core, cookie: &str) -> Vec<Secret> {
    let keys = core.store.cipher().derive_believed("identity.csrf", core.clock.now_secure());
    keys.iter().map(|key| web::csrf::token_of(key, cookie)).collect()
}

async fn caller(core: &Core, session: &Alive, via: Via, csrf: Vec<Secret>) -> Result<Option<Caller>, Failure> {
    let mut csrf = csrf.into_iter();
    let (account, org) = (AccountId::from(session.account), session.org.map(OrgId::from));
    let rights = match org {
        Some(org) => tenancy::rights(core, account, org).await?,
        None => None,
    };
    let bare = Caller {
        actor: Actor::Account(account),
        account: Some(account),
        name: session.full_name.clone(),
        email: session.email.clone(),
        org,
        org_name: String::new(),
        member: None,
        role: String::new(),
        rights: Arc::default(),
        session: Some(session.session.into()),
        via,
        csrf: csrf.next(),
        csrf_before: csrf.next(),
        verified: session.email_verified_at.is_some(),
        proven_at: session.proven_at,
    };
    Ok(Some(with_rights(bare, rights)))
}

/// Somebody who is no member (any more) of the organization that the session acts in keeps their
/// session, and has no rights and no organization.
fn with_rights(caller: Caller, rights: Option<Rights>) -> Caller {
    match rights {
        Some(rights) => Caller {
            org_name: rights.org_name,
            member: Some((rights.member, rights.version)),
            role: rights.role,
            rights: rights.permissions,
            ..caller
        },
        None => Caller { org: None, ..caller },
    }
}

async fn by_key(core: &Core, key: &str, address: IpAddr) -> Result<Option<Caller>, Failure> {
    if !keys::is_well_formed(key) {
        return Ok(None);
    }
    let (identity, digest) = (Identity::of(core), chance::digest(&format!("key:{key}")));
    admit(core, &identity, &digest, address).await?;
    let Some(found) = living(core, key).await? else {
        identity.proven.forget(&digest);
        return Ok(None);
    };
    identity.proven.note(digest);
    Ok(Some(Caller {
        actor: Actor::ApiKey(found.key),
        account: None,
        name: found.name,
        email: String::new(),
        org: Some(found.org),
        org_name: found.org_name,
        member: None,
        role: "api_key".to_owned(),
        rights: found.scopes,
        session: None,
        via: Via::Key,
        csrf: None,
        csrf_before: None,
        verified: false,
        proven_at: None,
    }))
}

/// The key, if it holds. Its maker answers for it: frozen, neither gets in.
async fn living(core: &Core, key: &str) -> Result<Option<KeyCaller>, Failure> {
    let Some(found) = keys::authenticate(core, key).await? else { return Ok(None) };
    Ok(is_active(core, found.maker).await?.then_some(found))
}
