//! Changing a password that one knows.

use host::Core;
use kernel::{AccountId, Failed, Failure, General, OrgId, Secret};

use super::{PasswordFault, Purpose, reset, store};
use crate::accounts::{self, Model};
use crate::client::Client;
use crate::passwords::{self, Password};
use crate::sessions::{self, Begun, Kind, Opening};
use crate::{Identity, signin};

/// Who changes it, and through which session.
pub(crate) struct Changing<'a> {
    pub account: AccountId,
    pub org: Option<OrgId>,
    /// The kind of session that goes on.
    pub kind: Kind,
    pub client: &'a Client,
}

/// Sets a new password after the current one was shown. Every session ends, so that whatever was
/// issued before is refused from now on; the one that asked goes on as a new one.
///
/// 403 `current_password_wrong`, 422 for a new one that is refused, 429 after too many tries.
pub(crate) async fn change_password(
    core: &Core,
    who: Changing<'_>,
    current: &Secret,
    typed: &Secret,
) -> Result<(Model, Begun), Failed<PasswordFault>> {
    let identity = Identity::of(core);
    let account = find(core, who.account).await?;
    let checked = confirm(core, &account, "current_password", current, who.client).await?;
    let password =
        passwords::choose(&identity.pool, identity.settings.rules(), "new_password", typed, reset::about(core, &account).await?).await?;
    if password.is(&checked) {
        return Err(Failure::field("new_password", "is the current one; choose another").into());
    }
    let hash = identity.pool.hash(&password).await?;

    let now = core.clock.now_secure();
    let mut system = core.store.system("a person changes their password").await?;
    let id = account.account_id();
    if !accounts::store::set_password(&mut system, id, &account.password_hash, &hash, now).await? {
        return Err(Failure::new(General::Conflict).into());
    }
    sessions::end_all(&mut system, id, now).await?;
    store::retire(&mut system, id, Purpose::Reset, now).await?;
    let opening = Opening { account: id, org: who.org, kind: who.kind, ends_by: None, proven_at: Some(now), client: who.client };
    let begun = sessions::begin(&mut system, &identity, now, opening).await?;
    reset::announce(core, system, &account, who.client, "account.password_changed").await?;
    Ok((account, begun))
}

async fn find(core: &Core, account: AccountId) -> Result<Model, Failure> {
    let mut system = core.store.system_read("who changes their password").await?;
    accounts::store::find(&mut system, account).await?.ok_or_else(|| General::NotAuthenticated.into())
}

/// The current password, if it is; `field` is where it was typed.
pub(super) async fn confirm(
    core: &Core,
    account: &Model,
    field: &str,
    current: &Secret,
    client: &Client,
) -> Result<Password, Failed<PasswordFault>> {
    let current = passwords::read(field, current)?;
    if signin::confirm(core, account, &current, client).await? { Ok(current) } else { Err(PasswordFault::CurrentWrong.into()) }
}
