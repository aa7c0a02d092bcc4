//! Typed writes of the tenant door.

use sea_orm::sea_query::{Alias, InsertStatement, IntoCondition, IntoTableRef as _, OnConflict, TableRef};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait as _, ConnectionTrait as _, DbBackend, DbErr, EntityName as _, EntityTrait, Insert,
    IntoActiveModel, QueryFilter as _, QueryTrait as _, Update, ValidatedUpdateOne, Value,
};
use uuid::Uuid;

use crate::model::returning;
use crate::{Engine, OrgScoped, StoreError, Tx};

type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;
type Model<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// Rows in one statement: far below SQLite's 32,766 values.
const ROWS_PER_INSERT: usize = 500;

impl Tx {
    /// Inserts a row and gives it back. Sets `org_id`, `created_at`, `updated_at`, `version`, and
    /// an id of this instant when none is set.
    pub async fn insert<A>(&mut self, active: A) -> Result<Model<A>, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
        Model<A>: IntoActiveModel<A>,
    {
        let mut insert = Insert::one(self.stamped(active)?);
        insert.query().into_table(self.target::<A::Entity>()).returning(returning::<A::Entity>(self.backend()));
        let row = self.session.model::<A::Entity>(self.backend().build(insert.query())).await?;
        row.ok_or_else(|| StoreError::Db(DbErr::RecordNotInserted))
    }

    /// As [`Tx::insert`], without reading the row back: for hot paths.
    pub async fn insert_quiet<A>(&mut self, active: A) -> Result<(), StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        let mut insert = Insert::one(self.stamped(active)?);
        insert.query().into_table(self.target::<A::Entity>());
        insert.exec_without_returning(&self.session).await?;
        Ok(())
    }

    /// Inserts a row unless one with the same values in the columns of `conflict` is there; waits
    /// for another transaction that is about to insert it. `true` when it was inserted. A
    /// conflict does not spoil the transaction.
    pub async fn insert_or_ignore<A>(&mut self, active: A, conflict: &[Column<A>]) -> Result<bool, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        let mut insert = Insert::one(self.stamped(active)?);
        self.unless_there::<A::Entity>(insert.query(), conflict);
        let statement = self.backend().build(insert.query());
        Ok(self.session.execute_raw(statement).await?.rows_affected() == 1)
    }

    /// As [`Tx::insert_or_ignore`] for several rows, in one statement; counts those that were inserted.
    pub async fn insert_all_or_ignore<A>(&mut self, rows: impl IntoIterator<Item = A>, conflict: &[Column<A>]) -> Result<u64, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        let rows = rows.into_iter().map(|row| self.stamped(row)).collect::<Result<Vec<A>, _>>()?;
        let mut count = 0;
        for chunk in rows.chunks(ROWS_PER_INSERT) {
            let mut insert = Insert::many(chunk.iter().cloned());
            self.unless_there::<A::Entity>(insert.query(), conflict);
            let statement = self.backend().build(insert.query());
            count += self.session.execute_raw(statement).await?.rows_affected();
        }
        Ok(count)
    }

    /// As [`Tx::insert_or_ignore`], with the row as it went in, without another question for it; `None`
    /// when one was there.
    pub async fn insert_new<A>(&mut self, active: A, conflict: &[Column<A>]) -> Result<Option<Model<A>>, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        let mut insert = Insert::one(self.stamped(active)?);
        self.unless_there::<A::Entity>(insert.query(), conflict);
        insert.query().returning(returning::<A::Entity>(self.backend()));
        self.session.model::<A::Entity>(self.backend().build(insert.query())).await
    }

    /// Into the entity's table, where rows stay as they are that have the same values in these columns.
    fn unless_there<E: OrgScoped>(&self, insert: &mut InsertStatement, columns: &[E::Column]) {
        let conflict = OnConflict::columns(columns.iter().copied()).do_nothing().to_owned();
        insert.into_table(self.target::<E>()).on_conflict(conflict);
    }

    /// Inserts many rows of one shape (each sets the same columns) and counts them.
    pub async fn insert_many<A>(&mut self, rows: impl IntoIterator<Item = A>) -> Result<u64, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        let rows = rows.into_iter().map(|row| self.stamped(row)).collect::<Result<Vec<A>, _>>()?;
        let mut count = 0;
        for chunk in rows.chunks(ROWS_PER_INSERT) {
            let mut insert = Insert::many(chunk.iter().cloned());
            insert.query().into_table(self.target::<A::Entity>());
            count += insert.exec_without_returning(&self.session).await?;
        }
        Ok(count)
    }

    /// Changes a row by compare-and-swap: the model's `version` must equal the row's, and goes up
    /// by one. [`StoreError::Conflict`] when it differs or the row is gone.
    pub async fn update<A>(&mut self, active: A) -> Result<Model<A>, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
        Model<A>: IntoActiveModel<A>,
    {
        Ok(self.changing(active)?.exec(&self.session).await?)
    }

    /// As [`Tx::update`], without reading the row back: for hot paths.
    pub async fn update_quiet<A>(&mut self, active: A) -> Result<(), StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        Ok(self.changing(active)?.exec_without_returning(&self.session).await.map(drop)?)
    }

    /// The statement of a change, with what the door itself fills in and compares.
    fn changing<A>(&self, mut active: A) -> Result<ValidatedUpdateOne<A>, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        self.writable()?;
        let (Some(version), Some(updated_at)) = (<A::Entity as OrgScoped>::VERSION, <A::Entity as OrgScoped>::UPDATED_AT) else {
            return Err(StoreError::Db(DbErr::Custom(format!("{} is append-only", A::Entity::default().table_name()))));
        };
        let seen = seen_version(&active, version)?;
        let org = <A::Entity as OrgScoped>::ORG;
        active.not_set(org);
        active.not_set(<A::Entity as OrgScoped>::CREATED_AT);
        active.set(updated_at, self.now().into());
        // The version is always written, so the statement is never empty: SeaORM would answer an
        // empty one with an unfiltered select by primary key.
        active.set(version, (seen + 1).into());
        let mut update = Update::one(active).validate()?.filter(version.eq(seen));
        if self.store().guards().typed_filters {
            update = update.filter(org.eq(self.org().uuid()));
        }
        sea_orm::QueryTrait::query(&mut update).table(self.target::<A::Entity>());
        Ok(update)
    }

    /// Deletes a row of the organization; counts what it deleted.
    pub async fn delete<E: OrgScoped>(&mut self, id: impl Into<Uuid>) -> Result<u64, StoreError> {
        let id = id.into();
        self.delete_where::<E>(E::ID.eq(id)).await
    }

    /// Deletes the organization's rows that meet `condition`; counts them.
    pub async fn delete_where<E: OrgScoped>(&mut self, condition: impl IntoCondition) -> Result<u64, StoreError> {
        self.writable()?;
        let table = E::default();
        self.session.settle(|late| late == table.table_name()).await?;
        let mut delete = E::delete_many().filter(condition.into_condition());
        if self.store().guards().typed_filters {
            delete = delete.filter(E::ORG.eq(self.org().uuid()));
        }
        sea_orm::QueryTrait::query(&mut delete).from_table(self.target::<E>());
        Ok(delete.exec(&self.session).await?.rows_affected)
    }

    /// The columns that the door itself fills.
    fn stamped<A>(&self, mut active: A) -> Result<A, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: OrgScoped,
    {
        self.writable()?;
        let id = <A::Entity as OrgScoped>::ID;
        if active.is_not_set(id) {
            active.set(id, kernel::chance::uuid_v7(self.now()).into());
        }
        active.set(<A::Entity as OrgScoped>::ORG, self.org().uuid().into());
        active.set(<A::Entity as OrgScoped>::CREATED_AT, self.now().into());
        if let Some(updated_at) = <A::Entity as OrgScoped>::UPDATED_AT {
            active.set(updated_at, self.now().into());
        }
        if let Some(version) = <A::Entity as OrgScoped>::VERSION {
            active.set(version, 1.into());
        }
        Ok(active)
    }

    fn backend(&self) -> DbBackend {
        self.engine().backend()
    }

    /// On SQLite a write names the table in `main`; reads meet the guard's view of the same name.
    fn target<E: EntityTrait>(&self) -> TableRef {
        match self.engine() {
            Engine::Sqlite => (Alias::new("main"), Alias::new(E::default().table_name())).into_table_ref(),
            Engine::Postgres => E::default().table_ref(),
        }
    }
}

/// The version that the caller read.
pub(crate) fn seen_version<A: ActiveModelTrait>(active: &A, version: Column<A>) -> Result<i32, StoreError> {
    match active.get(version) {
        ActiveValue::Set(Value::Int(Some(seen))) | ActiveValue::Unchanged(Value::Int(Some(seen))) => Ok(seen),
        _ => Err(StoreError::Db(DbErr::AttrNotSet("version".to_owned()))),
    }
}
