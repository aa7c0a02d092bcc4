//! Small facts of the whole platform that survive a restart, such as how far the clock was moved.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait as _, IntoActiveModel as _};

use crate::{StoreError, System};

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
