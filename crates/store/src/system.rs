//! The system door: unscoped, for platform tables and for finding out whose a thing is.

use std::str::FromStr as _;

use kernel::{At, OrgId};
use sea_orm::sea_query::{IntoCondition, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, ConnectionTrait as _, EntityTrait, FromQueryResult, Insert, IntoActiveModel, QueryFilter as _,
    QueryTrait as _, Update,
};
use uuid::Uuid;

use crate::kept;
use crate::model::Readable;
use crate::session::Session;
use crate::sql::{SystemBound, refuse_write};
use crate::store::Database;
use crate::testing::Door;
use crate::write::seen_version;
use crate::{Cipher, Engine, Find, Mode, Store, StoreError, Tx, Who};

type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;
type Model<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// An unscoped transaction. Dropping it rolls back.
pub struct System {
    session: Session,
    store: Store,
    why: &'static str,
    now: At,
    mode: Mode,
}

impl System {
    pub(crate) fn new(store: Store, session: Session, why: &'static str, mode: Mode) -> Self {
        let now = store.clock().now();
        session.watched_by(Door::System, store.recorder());
        Self { session, store, why, now, mode }
    }

    /// The instant of this transaction.
    pub const fn now(&self) -> At {
        self.now
    }

    pub const fn engine(&self) -> Engine {
        self.session.engine()
    }

    pub fn cipher(&self) -> &Cipher {
        self.store.cipher()
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Asks for rows of any organization, or of none.
    pub fn find<E: Readable>(&self) -> Find<'_, E> {
        Find::new(&self.session, E::find(), id_column::<E>())
    }

    /// Asks for one row.
    pub fn find_by_id<E: Readable>(&self, id: impl Into<Uuid>) -> Find<'_, E> {
        self.find::<E>().filter(id_column::<E>().eq(id.into()))
    }

    /// Inserts a row and gives it back. Sets `created_at`, `updated_at`, `version` where the table
    /// has them, and an id of this instant when none is set; `org_id` is the caller's to set.
    pub async fn insert<A>(&mut self, active: A) -> Result<Model<A>, StoreError>
    where
        A: ActiveModelTrait,
        Model<A>: IntoActiveModel<A>,
    {
        Ok(Insert::one(self.stamped(active)?).exec_with_returning(&self.session).await?)
    }

    /// Inserts a row unless one with the same values in `conflict` is there; `true` when inserted.
    pub async fn insert_or_ignore<A: ActiveModelTrait>(&mut self, active: A, conflict: &[Column<A>]) -> Result<bool, StoreError> {
        let mut insert = Insert::one(self.stamped(active)?);
        insert.query().on_conflict(OnConflict::columns(conflict.iter().copied()).do_nothing().to_owned());
        let statement = self.engine().backend().build(insert.query());
        Ok(self.session.execute_raw(statement).await?.rows_affected() == 1)
    }

    /// Changes a row, by compare-and-swap where the table has a `version`.
    pub async fn update<A>(&mut self, mut active: A) -> Result<Model<A>, StoreError>
    where
        A: ActiveModelTrait,
        Model<A>: IntoActiveModel<A>,
    {
        refuse_write(self.mode == Mode::Read, true)?;
        if let Some(updated_at) = column::<A::Entity>("updated_at") {
            active.set(updated_at, self.now.into());
        }
        let Some(version) = column::<A::Entity>("version") else {
            return Ok(Update::one(active).exec(&self.session).await?);
        };
        let seen = seen_version(&active, version)?;
        active.set(version, (seen + 1).into());
        Ok(Update::one(active).validate()?.filter(version.eq(seen)).exec(&self.session).await?)
    }

    /// Deletes one row; counts it.
    pub async fn delete<E: EntityTrait>(&mut self, id: impl Into<Uuid>) -> Result<u64, StoreError> {
        let id = id.into();
        self.delete_where::<E>(id_column::<E>().eq(id)).await
    }

    /// Deletes the rows that meet `condition`; counts them.
    pub async fn delete_where<E: EntityTrait>(&mut self, condition: impl IntoCondition) -> Result<u64, StoreError> {
        refuse_write(self.mode == Mode::Read, true)?;
        Ok(E::delete_many().filter(condition.into_condition()).exec(&self.session).await?.rows_affected)
    }

    /// Runs plain SQL and reads every row.
    pub async fn sql_all<T: FromQueryResult>(&mut self, sql: impl Into<SystemBound>) -> Result<Vec<T>, StoreError> {
        self.session.all(self.statement(sql.into())?).await
    }

    /// Runs plain SQL and reads the first row.
    pub async fn sql_one<T: FromQueryResult>(&mut self, sql: impl Into<SystemBound>) -> Result<Option<T>, StoreError> {
        self.session.one(self.statement(sql.into())?).await
    }

    /// Runs plain SQL and counts the rows that it changed.
    pub async fn sql(&mut self, sql: impl Into<SystemBound>) -> Result<u64, StoreError> {
        self.session.changed(self.statement(sql.into())?).await
    }

    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        self.session.has_table(name).await
    }

    fn statement(&self, bound: SystemBound) -> Result<sea_orm::Statement, StoreError> {
        refuse_write(self.mode == Mode::Read, bound.writes())?;
        Ok(bound.statement(self.engine()))
    }

    /// The same database transaction goes on as a tenant's: registering makes an account here and
    /// the organization's rows there, and both are kept or neither. The guards of the tenant door
    /// hold from here on.
    pub async fn within(self, org: OrgId, who: impl Into<Who>) -> Result<Tx, StoreError> {
        // A reading connection of SQLite can't put the guard's views on.
        refuse_write(self.mode == Mode::Read, true)?;
        match self.store.database() {
            Database::Sqlite(files) => {
                self.session
                    .execute_unprepared(&format!("UPDATE temp.ctx SET org_id = x'{}' WHERE rowid = 1", org.uuid().simple()))
                    .await?;
                if self.store.guards().views {
                    files.guard_reads(&self.session).await?;
                }
            }
            // The role is changed where this user may assume it; it always may in development.
            Database::Postgres(servers) => {
                let pin = format!(
                    "SELECT set_config('app.org_id', '{}', true), \
                     CASE WHEN pg_has_role(session_user, '{role}', 'MEMBER') THEN set_config('role', '{role}', true) END",
                    org.uuid(),
                    role = servers.roles().app
                );
                self.session.execute_unprepared(&pin).await?;
            }
        }
        tracing::trace!(why = self.why, %org, "system transaction goes on as a tenant's");
        Ok(Tx::new(self.store, self.session, org, who.into(), self.mode))
    }

    /// Keeps everything. Fails when any statement of the transaction failed.
    pub async fn commit(self) -> Result<(), StoreError> {
        if self.mode == Mode::Write {
            kept::note();
        }
        self.session.commit().await
    }

    /// As [`Tx::after_commit`]; what goes on as a tenant's takes it along.
    pub fn after_commit(&mut self, work: impl FnOnce() + Send + Sync + 'static) {
        self.session.after_commit(work);
    }

    fn stamped<A: ActiveModelTrait>(&self, mut active: A) -> Result<A, StoreError> {
        refuse_write(self.mode == Mode::Read, true)?;
        let id = column::<A::Entity>("id").filter(|id| active.is_not_set(*id));
        if let Some(id) = id {
            active.set(id, kernel::chance::uuid_v7(self.now).into());
        }
        for name in ["created_at", "updated_at"] {
            if let Some(at) = column::<A::Entity>(name) {
                active.set(at, self.now.into());
            }
        }
        if let Some(version) = column::<A::Entity>("version") {
            active.set(version, 1.into());
        }
        Ok(active)
    }
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("System").field("why", &self.why).field("mode", &self.mode).finish_non_exhaustive()
    }
}

fn column<E: EntityTrait>(name: &str) -> Option<E::Column> {
    E::Column::from_str(name).ok()
}

fn id_column<E: EntityTrait>() -> E::Column {
    column::<E>("id").expect("every table is made with an id by the schema's own builders")
}
