//! Small facts of the whole platform that survive a restart, such as how far the clock was moved.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait as _, IntoActiveModel as _};

use crate::{Store, StoreError, System};

const TABLE: &str = "platform_state";
/// Under which the fingerprint of the master key is kept.
const KEY_FINGERPRINT: &str = "store.key_fingerprint";

/// Under which the database keeps the name that it gave itself.
pub(crate) const IDENTITY: &str = "store.identity";
/// Names of databases are drawn by chance and must not meet.
const IDENTITY_BYTES: usize = 16;

/// One fact: the table `platform_state`.
pub mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "platform_state")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
        pub key: String,
        pub value: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl System {
    /// Reads a fact.
    pub async fn state(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.find::<row::Entity>().filter(row::Column::Key.eq(key)).one().await?.map(|row| row.value))
    }

    /// Writes a fact. [`StoreError::Conflict`] when another process writes it at the same instant.
    pub async fn set_state(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let fresh = row::ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()), ..Default::default() };
        if self.insert_or_ignore(fresh, &[row::Column::Key]).await? {
            return Ok(());
        }
        let found = self.find::<row::Entity>().filter(row::Column::Key.eq(key)).for_update().one().await?;
        let mut row = found.ok_or(StoreError::Conflict)?.into_active_model();
        row.value = Set(value.to_owned());
        self.update(row).await.map(drop)
    }
}

impl Store {
    /// Refuses a master key other than the one that this database was filled under: what that one
    /// sealed would not open, and tokens of one process would mean nothing to the other. The first
    /// key to come is remembered, and during a rotation the one that came last. Before the first
    /// migration there is nothing to compare.
    pub async fn check_key(&self) -> Result<(), StoreError> {
        let system = self.system_read("which master key this database knows").await?;
        if !system.has_table(TABLE).await? {
            return Ok(());
        }
        let known = if let Some(known) = system.state(KEY_FINGERPRINT).await? {
            known
        } else {
            drop(system);
            self.remember_key().await?
        };
        let ours = self.cipher().fingerprint();
        if known == ours {
            return Ok(());
        }
        if self.cipher().previous_fingerprint() == Some(known) {
            let mut system = self.system("the master key of this database is replaced").await?;
            system.set_state(KEY_FINGERPRINT, &ours).await?;
            return system.commit().await;
        }
        Err(StoreError::Unsafe(
            "this database was filled under another master key: what it sealed could not be opened. Give every process on one database \
             the same security.master_key (or the same key file in its data folder)"
                .to_owned(),
        ))
    }

    /// The name of this database among all others, drawn when it is first asked for. A restored copy
    /// gets another one. None before the first migration.
    pub(crate) async fn identity(&self) -> Result<Option<String>, StoreError> {
        let system = self.system_read("what this database calls itself").await?;
        if !system.has_table(TABLE).await? {
            return Ok(None);
        }
        if let Some(known) = system.state(IDENTITY).await? {
            return Ok(Some(known));
        }
        drop(system);
        let mut system = self.system("a database gives itself a name").await?;
        let name = hex::encode(kernel::chance::bytes::<IDENTITY_BYTES>());
        let fresh = row::ActiveModel { key: Set(IDENTITY.to_owned()), value: Set(name), ..Default::default() };
        system.insert_or_ignore(fresh, &[row::Column::Key]).await?;
        let known = system.state(IDENTITY).await?;
        system.commit().await?;
        Ok(known)
    }

    /// Remembers our key unless another process was first; the fingerprint that holds.
    async fn remember_key(&self) -> Result<String, StoreError> {
        let mut system = self.system("remember the master key of this database").await?;
        let ours = self.cipher().fingerprint();
        let fresh = row::ActiveModel { key: Set(KEY_FINGERPRINT.to_owned()), value: Set(ours.clone()), ..Default::default() };
        system.insert_or_ignore(fresh, &[row::Column::Key]).await?;
        let known = system.state(KEY_FINGERPRINT).await?.unwrap_or(ours);
        system.commit().await?;
        Ok(known)
    }
}
