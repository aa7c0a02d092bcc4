//! Going to another organization that one is a member of: a new session there takes the place of
//! the old one (ASVS 7.2.4), because its rights are others.

use ::store::{AuditLine, System};
use host::Core;
use kernel::{AccountId, Actor, Failed, Failure, General, OrgId, SessionId};
use tenancy::MembershipView;

use super::actions::{Begun, Opening, begin};
use super::session::Model;
use super::{SessionFault, store};
use crate::client::Client;
use crate::signin::SignInFault;
use crate::{Identity, trail};

/// Whose session goes where.
pub(crate) struct Switching<'a> {
    pub account: AccountId,
    pub session: SessionId,
    pub to: OrgId,
    pub client: &'a Client,
}

/// Ends the session and begins one of the same kind in the other organization. It ends when the
/// first one would have: nobody stays signed in for ever by going to and fro.
///
/// 404 `organization_not_found` when the person is no active member there.
pub(crate) async fn switch(core: &Core, wish: Switching<'_>) -> Result<(Begun, MembershipView), Failed<SessionFault>> {
    let now = core.clock.now_secure();
    let mut system = core.store.system("a person goes to another of their organizations").await?;
    let places = tenancy::memberships_of(&mut system, wish.account).await?;
    let place = places.into_iter().find(|place| place.organization.id == wish.to);
    let place = place.ok_or_else(|| Failure::new(SignInFault::NoSuchPlace))?;
    let old = end_old(&mut system, &wish, now).await?;
    let opening =
        Opening { account: wish.account, org: Some(wish.to), kind: old.kind(), ends_by: Some(old.expires_at), client: wish.client };
    let begun = begin(&mut system, &Identity::of(core), now, opening).await?;
    let line = AuditLine::new("session.came_from_elsewhere", "session", begun.id.uuid());
    trail::finish_and_forget(core, system, Some(wish.to), Actor::Account(wish.account), wish.client, line).await?;
    Ok((begun, place))
}

/// Of two switches at the same moment one finds the session alive.
async fn end_old(system: &mut System, wish: &Switching<'_>, now: kernel::At) -> Result<Model, Failure> {
    let old = store::find_own(system, wish.account, wish.session).await?.ok_or(General::NotAuthenticated)?;
    if store::end(system, wish.session, now).await? { Ok(old) } else { Err(General::NotAuthenticated.into()) }
}
