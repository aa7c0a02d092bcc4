//! Where somebody is once they are in.

use host::Core;
use kernel::{AccountId, Failed, Failure, General, OrgId};
use store::System;
use tenancy::MembershipView;

use super::SignInFault;
use crate::accounts::{self, Model};

/// The organization that a sign-in leads to: the one that is asked for, else the usual one, else
/// the first that is left. Nowhere for somebody who is a member of none.
pub(super) async fn wanted(
    system: &mut System,
    account: &Model,
    asked: Option<OrgId>,
) -> Result<Option<MembershipView>, Failed<SignInFault>> {
    let mut places = tenancy::memberships_of(system, account.account_id()).await?;
    if let Some(asked) = asked {
        let place = places.into_iter().find(|place| place.organization.id == asked);
        return Ok(Some(place.ok_or(SignInFault::NoSuchPlace)?));
    }
    let usual = places.iter().position(|place| Some(place.organization.id.uuid()) == account.default_org).unwrap_or(0);
    Ok((usual < places.len()).then(|| places.swap_remove(usual)))
}

/// The person, and their place in the organization that their session acts in, if they still have
/// one there.
pub(crate) async fn person_at(core: &Core, account: AccountId, org: Option<OrgId>) -> Result<(Model, Option<MembershipView>), Failure> {
    let mut system = core.store.system_read("the person behind a session").await?;
    person_within(&mut system, account, org).await
}

/// The same within a larger change.
pub(crate) async fn person_within(
    system: &mut System,
    account: AccountId,
    org: Option<OrgId>,
) -> Result<(Model, Option<MembershipView>), Failure> {
    let found = accounts::store::find(system, account).await?.ok_or(General::NotAuthenticated)?;
    let places = tenancy::memberships_of(system, account).await?;
    Ok((found, places.into_iter().find(|place| Some(place.organization.id) == org)))
}
