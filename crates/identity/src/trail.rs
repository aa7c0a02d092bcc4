//! How a change of somebody's account ends: with a line in the audit trail of the organization
//! that the person acts in, where there is one, in the same transaction as the change.

use host::Core;
use kernel::{Actor, OrgId};
use store::{AuditLine, StoreError, System, Tx};

use crate::Identity;
use crate::client::Client;

/// Goes on inside the organization, on behalf of `actor`, whose request came from `client`.
pub(crate) async fn within(system: System, org: OrgId, actor: Actor, client: &Client) -> Result<Tx, StoreError> {
    system.within(org, client.who(actor)).await
}

/// Writes the line where an organization is known, and commits.
pub(crate) async fn finish(system: System, org: Option<OrgId>, actor: Actor, client: &Client, line: AuditLine) -> Result<(), StoreError> {
    match org {
        Some(org) => {
            let mut tx = within(system, org, actor, client).await?;
            tx.audit(line).await?;
            tx.commit().await
        }
        None => system.commit().await,
    }
}

/// The same for a change that ends what somebody may have been remembered by. Forgetting comes
/// after the commit: before it, a request could remember the old state anew.
pub(crate) async fn finish_and_forget(
    core: &Core,
    system: System,
    org: Option<OrgId>,
    actor: Actor,
    client: &Client,
    line: AuditLine,
) -> Result<(), StoreError> {
    finish(system, org, actor, client, line).await?;
    Identity::of(core).remembered.forget();
    Ok(())
}
