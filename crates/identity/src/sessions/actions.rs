//! The verbs: begin, list, end.

use ::store::{AuditLine, StoreError, System};
use host::Core;
use kernel::{AccountId, Actor, At, Failed, OrgId, Secret, SessionId, chance};
use sea_orm::ActiveValue::Set;

use super::life::{Kind, Life};
use super::session::{ActiveModel, Entity, SessionView};
use super::{SessionFault, store};
use crate::client::Client;
use crate::{Identity, trail};

/// Sessions that one person sees in the list: more than anybody has browsers.
const SHOWN_MAX: u64 = 100;

/// What a new session needs to know.
pub(crate) struct Opening<'a> {
    pub account: AccountId,
    pub org: Option<OrgId>,
    pub kind: Kind,
    /// Ends no later than this, whatever its kind allows.
    pub ends_by: Option<At>,
    /// When the person behind it last showed their password.
    pub proven_at: Option<At>,
    pub client: &'a Client,
}

/// A session that began, with its secret: the cookie's value or the first refresh token.
pub(crate) struct Begun {
    pub id: SessionId,
    pub kind: Kind,
    pub secret: Secret,
    pub life: Life,
}

/// Begins a session. Its id and its secret are always new: nothing that a stranger may have planted
/// before the sign-in is ever promoted (ASVS 7.2.4).
pub(crate) async fn begin(system: &mut System, identity: &Identity, now: At, opening: Opening<'_>) -> Result<Begun, StoreError> {
    let (id, secret) = (SessionId::new(now), chance::token());
    let life = Life::begin(now, identity.settings.limits(opening.kind)).ending_by(opening.ends_by);
    let row = ActiveModel {
        id: Set(id.uuid()),
        account_id: Set(opening.account.uuid()),
        org_id: Set(opening.org.map(OrgId::uuid)),
        kind: Set(opening.kind.name().to_owned()),
        token_hash: Set(opening.kind.is_browser().then(|| chance::digest(secret.expose()))),
        user_agent: Set(opening.client.user_agent.clone()),
        address: Set(Some(opening.client.address.clone())),
        last_seen_at: Set(now),
        idle_expires_at: Set(life.idle_expires_at),
        expires_at: Set(life.expires_at),
        proven_at: Set(opening.proven_at),
        ..Default::default()
    };
    system.insert(row).await?;
    if opening.kind == Kind::Api {
        store::insert_refresh(system, id, &secret, life.ends_at()).await?;
    }
    Ok(Begun { id, kind: opening.kind, secret, life })
}

/// The living sessions of a person, the last used first.
pub async fn list(core: &Core, account: AccountId, current: Option<SessionId>) -> Result<Vec<SessionView>, StoreError> {
    let mut system = core.store.system_read("a person's own sessions").await?;
    let rows = store::of_account(&mut system, account, core.clock.now_secure(), SHOWN_MAX).await?;
    Ok(rows.into_iter().map(|row| SessionView::of(row, current)).collect())
}

/// Ends one of a person's own sessions; nothing that was issued for it works from now on.
///
/// 404 `session_not_found` for another's, too.
pub async fn end_own(core: &Core, account: AccountId, id: SessionId, client: &Client) -> Result<(), Failed<SessionFault>> {
    let mut system = core.store.system("a person ends one of their sessions").await?;
    let session = store::find_own(&mut system, account, id).await?.ok_or(SessionFault::NotFound)?;
    store::end(&mut system, id, core.clock.now_secure()).await?;
    let line = AuditLine::new("session.ended", "session", id.uuid());
    Ok(trail::finish_and_forget(core, system, session.org(), Actor::Account(account), client, line).await?)
}

/// Ends every session of a person.
pub(crate) async fn end_everywhere(core: &Core, account: AccountId, org: Option<OrgId>, client: &Client) -> Result<(), StoreError> {
    let mut system = core.store.system("a person signs out everywhere").await?;
    end_all(&mut system, account, core.clock.now_secure()).await?;
    let line = AuditLine::new("account.signed_out_everywhere", "account", account.uuid());
    trail::finish_and_forget(core, system, org, Actor::Account(account), client, line).await
}

/// Ends every session of a person within a larger change; the caller forgets them after the commit.
pub(crate) async fn end_all(system: &mut System, account: AccountId, now: At) -> Result<u64, StoreError> {
    store::end_all(system, account, now).await
}

/// Of which kind a browser's session is: the one that takes its place is of the same.
pub(crate) async fn kind_of(core: &Core, id: Option<SessionId>) -> Result<Kind, StoreError> {
    let Some(id) = id else { return Ok(Kind::Browser) };
    let system = core.store.system_read("of which kind a session is").await?;
    Ok(system.find_by_id::<Entity>(id.uuid()).one().await?.map_or(Kind::Browser, |session| session.kind()))
}
