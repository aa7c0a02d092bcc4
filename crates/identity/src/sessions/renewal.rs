//! A session that takes the place of another (ASVS 7.2.4): in another organization, where its rights
//! are others, or after the person showed their password again. It ends when the first one would
//! have: nobody stays signed in for ever by going to and fro.

use ::store::{AuditLine, System};
use host::Core;
use kernel::{AccountId, Actor, At, Failed, Failure, General, OrgId, SessionId};
use tenancy::MembershipView;

use super::actions::{Begun, Opening, begin};
use super::session::Model;
use super::{SessionFault, store};
use crate::client::Client;
use crate::signin::SignInFault;
use crate::{Identity, trail};

/// Whose session is renewed.
pub(crate) struct Renewing<'a> {
    pub account: AccountId,
    pub session: SessionId,
    pub client: &'a Client,
}

/// Ends the session and begins one of the same kind in another organization.
///
/// 404 `organization_not_found` when the person is no active member there.
pub(crate) async fn switch(core: &Core, who: Renewing<'_>, to: OrgId) -> Result<(Begun, MembershipView), Failed<SessionFault>> {
    let now = core.clock.now_secure();
    let mut system = core.store.system("a person goes to another of their organizations").await?;
    let places = tenancy::memberships_of(&mut system, who.account).await?;
    let place = places.into_iter().find(|place| place.organization.id == to);
    let place = place.ok_or_else(|| Failure::new(SignInFault::NoSuchPlace))?;
    let old = end_old(&mut system, &who, now).await?;
    let begun = follow(core, &mut system, &who, &old, Following { org: Some(to), proven_at: old.proven_at }, now).await?;
    let line = AuditLine::new("session.came_from_elsewhere", "session", begun.id.uuid());
    trail::finish_and_forget(core, system, Some(to), Actor::Account(who.account), who.client, line).await?;
    Ok((begun, place))
}

/// Ends the session of somebody who showed their password once more, and begins one that knows it.
pub(crate) async fn step_up(core: &Core, who: Renewing<'_>) -> Result<Begun, Failure> {
    let now = core.clock.now_secure();
    let mut system = core.store.system("a person shows their password once more").await?;
    let old = end_old(&mut system, &who, now).await?;
    let begun = follow(core, &mut system, &who, &old, Following { org: old.org(), proven_at: Some(now) }, now).await?;
    let line = AuditLine::new("session.proven_again", "session", begun.id.uuid());
    trail::finish_and_forget(core, system, old.org(), Actor::Account(who.account), who.client, line).await?;
    Ok(begun)
}

/// Of two renewals at the same moment one finds the session alive.
async fn end_old(system: &mut System, who: &Renewing<'_>, now: At) -> Result<Model, Failure> {
    let old = store::find_own(system, who.account, who.session).await?.ok_or(General::NotAuthenticated)?;
    if store::end(system, who.session, now).await? { Ok(old) } else { Err(General::NotAuthenticated.into()) }
}

/// In what the session that follows differs.
struct Following {
    org: Option<OrgId>,
    proven_at: Option<At>,
}

async fn follow(core: &Core, system: &mut System, who: &Renewing<'_>, old: &Model, new: Following, now: At) -> Result<Begun, Failure> {
    let opening = Opening {
        account: who.account,
        org: new.org,
        kind: old.kind(),
        ends_by: Some(old.expires_at),
        proven_at: new.proven_at,
        client: who.client,
    };
    Ok(begin(system, &Identity::of(core), now, opening).await?)
}
