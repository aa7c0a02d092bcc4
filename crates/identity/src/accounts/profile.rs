//! A person about themselves.

use std::sync::Arc;

use ::store::AuditLine;
use host::Core;
use kernel::{AccountId, Actor, Check, Failed, Failure, General, OrgId};
use web::{Caller, Ctx};

use super::account::{MeView, NAME_LEN_MAX, PlaceView, UserView};
use super::{AccountFault, remembered, store};
use crate::client::Client;
use crate::{sessions, signin, trail};

/// Who calls, and what they may do here.
pub(crate) async fn me(ctx: &Ctx) -> Result<Arc<MeView>, Failure> {
    let (caller, account) = (ctx.caller()?, sessions::person(ctx)?);
    remembered::view(ctx.core(), caller, account, read(ctx.core(), caller, account)).await
}

async fn read(core: &Core, caller: &Caller, account: AccountId) -> Result<MeView, Failure> {
    let (account, place) = signin::person_at(core, account, caller.org).await?;
    Ok(MeView {
        user: UserView::of(&account, place.as_ref()),
        organization: place.as_ref().map(PlaceView::from),
        permissions: caller.rights.iter().cloned().collect(),
    })
}

/// Changes a person's name, here and in the copies that organizations show.
pub async fn change_name(core: &Core, account: AccountId, full_name: &str, client: &Client) -> Result<(), Failed<AccountFault>> {
    let mut check = Check::new();
    check.name("full_name", full_name, 1..=NAME_LEN_MAX);
    check.done()?;
    let full_name = full_name.trim();
    let mut system = core.store.system("a person changes their own name").await?;
    let before = store::find(&mut system, account).await?.ok_or(General::NotAuthenticated).map_err(Failure::from)?;
    store::rename(&mut system, account, full_name, core.clock.now()).await?;
    tenancy::members::rename(&mut system, account, full_name).await?;
    let line = AuditLine::new("account.renamed", "account", account.uuid());
    let line = line.before(serde_json::json!({ "full_name": before.full_name })).after(serde_json::json!({ "full_name": full_name }));
    let org = before.default_org.map(OrgId::from);
    Ok(trail::finish_and_forget(core, system, org, Actor::Account(account), client, line).await?)
}
