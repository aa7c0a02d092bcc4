//! The verbs.

use std::collections::HashMap;

use ::store::{AuditLine, StoreError, System, Tx};
use kernel::{AccountId, After, Failed, Failure, Limit, MemberId, Page};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use uuid::Uuid;

use super::event::{MemberChanged, MemberJoined, MemberRemoved};
use super::member::{ActiveModel, ChangeMember, Entity, FirstMember, MembershipView, Model};
use super::standing::{Standing, leaves_an_admin};
use super::{MemberFault, store};
use crate::organizations;
use crate::roles::Role;

/// The active memberships of an account in active organizations, oldest first: where a person who
/// signs in can go.
pub async fn memberships_of(system: &mut System, account: AccountId) -> Result<Vec<MembershipView>, StoreError> {
    store::places_of(system, account).await
}

/// Carries a person's new name into the copies that lists show.
pub async fn rename(system: &mut System, account: AccountId, name: &str) -> Result<(), StoreError> {
    store::rename(system, account, name).await.map(drop)
}

/// Moves the version of every membership of an account on, so that rights which somebody still
/// remembers are refused from the next request: for an account that is frozen as a whole.
pub async fn outdate(system: &mut System, account: AccountId) -> Result<(), StoreError> {
    store::outdate(system, account).await.map(drop)
}

/// A page of members, newest first.
pub async fn list(tx: &mut Tx, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    store::list(tx, limit, after).await
}

/// Whether a member has this normalized address.
pub(crate) async fn has_address(tx: &mut Tx, email_normal: &str) -> Result<bool, StoreError> {
    store::has_address(tx, email_normal).await
}

/// Names by account id; accounts that are no members any more are missing.
pub(crate) async fn names(tx: &mut Tx, accounts: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
    store::names(tx, accounts).await
}

/// Whether the account has a place here, active or not.
pub(crate) async fn has_account(tx: &mut Tx, account: AccountId) -> Result<bool, StoreError> {
    store::has_account(tx, account).await
}

/// Whether the account lets others in here, as things stand.
pub(crate) async fn governs(tx: &mut Tx, account: AccountId) -> Result<bool, StoreError> {
    Ok(store::of_account(tx, account).await?.is_some_and(|member| Standing::of(&member).governs()))
}

/// Holds the rights that the transaction began with until it ends, and refuses when they are others by now:
/// whatever takes somebody's rights away, and what they still have open with them, either waits and finds
/// what is done here, or is seen here. The organization comes first, as for everything that changes members.
pub(crate) async fn hold_rights(tx: &mut Tx) -> Result<(), Failure> {
    organizations::hold(tx).await?;
    let Some((member, version)) = tx.rights() else { return Ok(()) };
    let held = store::hold(tx, member).await?;
    let is_current = held.is_some_and(|held| held.is_active && held.version == version);
    if is_current { Ok(()) } else { Err(StoreError::StaleRights.into()) }
}

/// Makes a person a member.
pub(crate) async fn admit(tx: &mut Tx, person: FirstMember, role: Role) -> Result<Model, Failure> {
    let row = ActiveModel {
        id: Set(MemberId::new(tx.now()).uuid()),
        account_id: Set(person.account.uuid()),
        role: Set(role.name().to_owned()),
        name: Set(person.name),
        email: Set(person.email.as_str().to_owned()),
        email_normal: Set(person.email.normal().to_owned()),
        is_active: Set(true),
        ..Default::default()
    };
    let member = tx.insert(row).await?;
    tx.audit(AuditLine::new("member.joined", "member", member.id).after(facts(&member))).await?;
    tx.emit(&MemberJoined { member: member.member_id(), account: person.account, role }).await?;
    Ok(member)
}

/// Changes role or standing. Holds from the next request of that person, because the version of
/// the row moves on and cached rights are compared with it.
///
/// `gives` are the roles that the one who acts may give.
///
/// 404 `member_not_found`, 403 `member_role_not_yours`, 409 `member_last_admin`.
pub async fn change(tx: &mut Tx, id: MemberId, change: ChangeMember, gives: &[Role]) -> Result<Model, Failed<MemberFault>> {
    organizations::hold(tx).await?;
    let before = store::find(tx, id).await?.ok_or(MemberFault::NotFound)?;
    let was = Standing::of(&before);
    let becomes = Standing { role: change.role.unwrap_or(was.role), is_active: change.is_active.unwrap_or(was.is_active) };
    if becomes == was {
        return Ok(before);
    }
    if becomes.is_more_than(was) && !gives.contains(&becomes.role) {
        return Err(MemberFault::RoleNotYours.into());
    }
    keep_an_admin(tx, was, Some(becomes)).await?;

    let mut row = before.clone().into_active_model();
    row.role = Set(becomes.role.name().to_owned());
    row.is_active = Set(becomes.is_active);
    let after = tx.update(row).await?;
    tx.audit(AuditLine::new("member.changed", "member", after.id).before(facts(&before)).after(facts(&after))).await?;
    let account = after.account_id.into();
    tx.emit(&MemberChanged { member: id, account, role: becomes.role, is_active: becomes.is_active }).await?;
    Ok(after)
}

/// Removes a member; the account itself stays.
///
/// 404 `member_not_found`, 409 `member_last_admin`.
pub async fn remove(tx: &mut Tx, id: MemberId) -> Result<(), Failed<MemberFault>> {
    organizations::hold(tx).await?;
    let member = store::find(tx, id).await?.ok_or(MemberFault::NotFound)?;
    keep_an_admin(tx, Standing::of(&member), None).await?;
    tx.delete::<Entity>(member.id).await?;
    // The name stays in the trail: nothing else remembers whose lines the former member's are.
    let before = json!({ "name": member.name, "role": member.role, "is_active": member.is_active });
    tx.audit(AuditLine::new("member.removed", "member", member.id).before(before)).await?;
    tx.emit(&MemberRemoved { member: id, account: member.account_id.into() }).await?;
    Ok(())
}

/// Counts under the organization's lock, which the caller holds.
async fn keep_an_admin(tx: &mut Tx, was: Standing, becomes: Option<Standing>) -> Result<(), Failed<MemberFault>> {
    let admins = store::active_admins(tx).await?;
    if leaves_an_admin(admins, was, becomes) { Ok(()) } else { Err(MemberFault::LastAdmin.into()) }
}

fn facts(member: &Model) -> serde_json::Value {
    json!({ "role": member.role, "is_active": member.is_active })
}
