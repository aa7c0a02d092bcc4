//! Where a person lands who does not say where: in the organization that they joined last. Somebody
//! with an account may have one of their own as well, and is not looking for it.

use host::{Registry, Work};
use kernel::Failure;
use store::SystemSql;
use tenancy::invitations::event::InvitationAccepted;

const LAND: SystemSql = SystemSql::both("update accounts set default_org = $2, updated_at = $3, version = version + 1 where id = $1");

pub(super) fn register(app: &mut Registry) {
    app.on::<InvitationAccepted>("identity.land_where_invited", joined);
}

async fn joined(work: Work, event: InvitationAccepted) -> Result<(), Failure> {
    let Some(org) = work.org else { return Ok(()) };
    let mut system = work.core.store.system("a person lands where they were invited to").await?;
    let now = system.now();
    system.sql(LAND.bind(event.account.uuid()).bind(org.uuid()).bind(now)).await?;
    Ok(system.commit().await?)
}
