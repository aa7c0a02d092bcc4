//! Where somebody is once they are in.

use host::Core;
use kernel::{AccountId, Failure, General, OrgId};
use store::{StoreError, System};
use tenancy::MembershipView;

use crate::accounts::{self, Model};

/// The organization that a sign-in leads to: the usual one, else the first that is left.
pub(super) async fn usual(system: &mut System, account: &Model) -> Result<Option<MembershipView>, StoreError> {
    let mut places = tenancy::memberships_of(system, account.account_id()).await?;
    let usual = places.iter().position(|place| Some(place.organization.id.uuid()) == account.default_org).unwrap_or(0);
    Ok((usual < places.len()).then(|| places.swap_remove(usual)))
}

/// The person, and their place in the organization that their session acts in, if they still have
/// one there.
pub(crate) async fn person_at(core: &Core, account: AccountId, org: Option<OrgId>) -> Result<(Model, Option<MembershipView>), Failure> {
    let mut system = core.store.system_read("the person behind a session").await?;
    let found = accounts::store::find(&mut system, account).await?.ok_or(General::NotAuthenticated)?;
    let places = tenancy::memberships_of(&mut system, account).await?;
    Ok((found, places.into_iter().find(|place| Some(place.organization.id) == org)))
}
