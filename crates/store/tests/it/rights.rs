//! Rights are checked by the batch that pins the organization.

use kernel::MemberId;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use store::{Mode, Pin, StoreError, Who};

use crate::world::{ACME, GLOBEX, World, customer, membership, story};

async fn joined(world: &World) -> membership::Model {
    let mut tx = world.tx(ACME).await;
    let member = tx.insert(membership::ActiveModel { is_active: Set(true), ..Default::default() }).await.unwrap();
    tx.commit().await.unwrap();
    member
}

async fn enter(world: &World, org: kernel::OrgId, member: uuid::Uuid, version: i32, mode: Mode) -> Result<u64, StoreError> {
    let pin = Pin { org, who: Who::system("test"), rights: Some((MemberId(member), version)) };
    let tx = world.store.begin(pin, mode).await?;
    let count = tx.find::<customer::Entity>().count().await?;
    tx.commit().await?;
    Ok(count)
}

story!(rights_hold_until_the_membership_changes, world, {
    let member = joined(&world).await;
    for mode in [Mode::Read, Mode::Write] {
        assert_eq!(enter(&world, ACME, member.id, 1, mode).await.unwrap(), 1);
        let stale = enter(&world, ACME, member.id, 2, mode).await;
        assert!(matches!(stale, Err(StoreError::StaleRights)), "{stale:?}");
        let elsewhere = enter(&world, GLOBEX, member.id, 1, mode).await;
        assert!(matches!(elsewhere, Err(StoreError::StaleRights)), "a member of acme is none of globex");
    }
    let mut tx = world.tx(ACME).await;
    let mut frozen = member.clone().into_active_model();
    frozen.is_active = Set(false);
    assert_eq!(tx.update(frozen).await.unwrap().version, 2);
    tx.commit().await.unwrap();
    for version in [1, 2] {
        assert!(matches!(enter(&world, ACME, member.id, version, Mode::Write).await, Err(StoreError::StaleRights)));
    }
    // The refusals leave no transaction behind on the connections that they used.
    for _ in 0..8 {
        world.tx(ACME).await.commit().await.unwrap();
    }
});
