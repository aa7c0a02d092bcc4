//! The organization's part of making an account: it is founded with the person as its first admin,
//! in the same transaction.

use ::store::{AuditLine, StoreError, Tx};
use kernel::{AccountId, Failed, Failure};
use tenancy::{FirstMember, MembershipView, NewOrganization, OrganizationView, Role};

use super::AccountFault;
use super::account::Model;
use crate::events::AccountRegistered;

/// Founds the organization that `tx` is pinned to.
///
/// 409 `organization_slug_taken`, 422 for a wrong name or slug, under the names that the fields have
/// when registering.
pub(crate) async fn found(tx: &mut Tx, account: &Model, organization: NewOrganization) -> Result<MembershipView, Failed<AccountFault>> {
    let id = account.account_id();
    let first = FirstMember { account: id, name: account.full_name.clone(), email: account.address()? };
    let founded = tenancy::found(tx, organization, first).await.map_err(in_our_words)?;
    tell(tx, id).await?;
    Ok(MembershipView {
        member: founded.member.member_id(),
        version: founded.member.version,
        role: Role::Admin,
        organization: OrganizationView::from(founded.organization),
    })
}

/// Says that an account began.
pub(super) async fn tell(tx: &mut Tx, account: AccountId) -> Result<(), Failure> {
    tx.audit(AuditLine::new("account.registered", "account", account.uuid())).await?;
    tx.emit(&AccountRegistered { account }).await.map(drop)
}

/// Whether another account has the address.
pub(crate) fn is_taken(error: &StoreError) -> bool {
    error.violates("accounts", "email_normal")
}

pub(super) fn taken(error: StoreError) -> Failed<AccountFault> {
    if is_taken(&error) { AccountFault::EmailTaken.into() } else { error.into() }
}

/// The same refusal, under the names that the fields have here.
fn in_our_words(failed: Failed<tenancy::OrganizationFault>) -> Failed<AccountFault> {
    let mut failure = failed.into_failure();
    failure.fields = failure.fields.into_iter().map(|(field, wrong)| (format!("org_{field}"), wrong)).collect();
    failure.into()
}
