//! The tenant door: a transaction of one organization.

use kernel::{Actor, At, MemberId, OrgId};
use sea_orm::{ColumnTrait as _, FromQueryResult, QueryFilter as _};
use uuid::Uuid;

use crate::kept;
use crate::session::Session;
use crate::sql::{Bound, refuse_write};
use crate::testing::Door;
use crate::{Cipher, Engine, Find, Mode, OrgScoped, Pin, Store, StoreError, Who};

/// A transaction that sees and changes the rows of one organization. Dropping it rolls back.
///
/// On SQLite there is one writer: do not open the system door, or a second `Tx` for writing,
/// while one is held.
pub struct Tx {
    pub(crate) session: Session,
    store: Store,
    org: OrgId,
    who: Who,
    now: At,
    mode: Mode,
    rights: Option<(MemberId, i32)>,
    /// The idempotency key that this transaction claimed; see [`crate::idempotency`].
    pub(crate) claimed: Option<Uuid>,
    /// How many listeners deep an event is being told; see [`crate::outbox`].
    pub(crate) telling: u8,
}

impl Tx {
    pub(crate) fn new(store: Store, session: Session, org: OrgId, who: Who, mode: Mode) -> Self {
        let now = store.clock().now();
        session.watched_by(Door::Tenant, store.recorder());
        Self { session, store, org, who, now, mode, rights: None, claimed: None, telling: 0 }
    }

    pub(crate) fn with_rights(self, rights: Option<(MemberId, i32)>) -> Self {
        Self { rights, ..self }
    }

    /// A transaction for work without a person: webhooks, workflows, the command line.
    pub async fn for_org(store: &Store, org: OrgId, who: impl Into<Who>) -> Result<Self, StoreError> {
        store.begin(Pin { org, who: who.into(), rights: None }, Mode::Write).await
    }

    pub const fn org(&self) -> OrgId {
        self.org
    }

    pub const fn actor(&self) -> Actor {
        self.who.actor
    }

    pub const fn who(&self) -> &Who {
        &self.who
    }

    /// The membership whose rights were current when the transaction began, and its version; `None` for
    /// whoever is no member.
    pub const fn rights(&self) -> Option<(MemberId, i32)> {
        self.rights
    }

    /// The instant of this transaction: the same for everything in it.
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

    /// Asks for rows of the organization.
    pub fn find<E: OrgScoped>(&self) -> Find<'_, E> {
        let mut select = E::find();
        if self.store.guards().typed_filters {
            select = select.filter(E::ORG.eq(self.org.uuid()));
        }
        Find::new(&self.session, select, E::ID)
    }

    /// Asks for one row of the organization.
    pub fn find_by_id<E: OrgScoped>(&self, id: impl Into<Uuid>) -> Find<'_, E> {
        self.find::<E>().filter(E::ID.eq(id.into()))
    }

    /// Runs plain SQL and reads every row.
    pub async fn sql_all<T: FromQueryResult>(&mut self, sql: impl Into<Bound>) -> Result<Vec<T>, StoreError> {
        let bound = sql.into();
        self.settle(&bound).await?;
        self.session.all(self.statement(bound)?).await
    }

    /// Runs plain SQL and reads the first row.
    pub async fn sql_one<T: FromQueryResult>(&mut self, sql: impl Into<Bound>) -> Result<Option<T>, StoreError> {
        let bound = sql.into();
        self.settle(&bound).await?;
        self.session.one(self.statement(bound)?).await
    }

    /// Runs plain SQL and counts the rows that it changed.
    pub async fn sql(&mut self, sql: impl Into<Bound>) -> Result<u64, StoreError> {
        let bound = sql.into();
        self.settle(&bound).await?;
        self.session.changed(self.statement(bound)?).await
    }

    /// Inserts a row with `insert into t (org_id, …) values ($1, $2, …)` once nothing else is to be
    /// done: right before the commit, in one statement with all others of its kind, or before whatever
    /// reads the table. For what is written with every change of anything.
    pub async fn sql_late(&mut self, insert: Bound) -> Result<(), StoreError> {
        self.writable()?;
        self.store.recorder().note(self.engine(), &insert);
        self.session.add_late(self.org.uuid(), insert).await
    }

    /// Writes what a statement may want to see.
    async fn settle(&self, bound: &Bound) -> Result<(), StoreError> {
        let text = bound.text(self.engine());
        self.session.settle(|table| text.contains(table)).await
    }

    fn statement(&self, bound: Bound) -> Result<sea_orm::Statement, StoreError> {
        refuse_write(self.mode == Mode::Read, bound.writes())?;
        self.store.recorder().note(self.engine(), &bound);
        Ok(bound.statement(self.engine(), self.org.uuid()))
    }

    /// Refuses a write in a transaction that was begun for reading.
    pub(crate) fn writable(&self) -> Result<(), StoreError> {
        refuse_write(self.mode == Mode::Read, true)
    }

    /// Keeps everything. Fails when any statement of the transaction failed.
    pub async fn commit(self) -> Result<(), StoreError> {
        // The session would do so, too; what it writes then belongs to the count.
        self.session.settle(|_| true).await?;
        let statements = self.session.statements();
        if self.mode == Mode::Write {
            kept::note();
        }
        self.session.commit().await?;
        self.store.recorder().committed(self.who.actor, statements);
        Ok(())
    }

    /// Does something in this process once everything is kept, and nothing when it is not: for what
    /// is remembered outside the database. It must neither block nor matter after a crash.
    pub fn after_commit(&mut self, work: impl FnOnce() + Send + Sync + 'static) {
        self.session.after_commit(work);
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("org", &self.org).field("mode", &self.mode).finish_non_exhaustive()
    }
}
