//! A shelf in front of the driver's pool.
//!
//! The pool asks each connection that comes back for a sign of life, which is one more trip to the
//! server (or to SQLite's thread) for every transaction, and a task to wait for it. A connection whose
//! transaction has ended with an answer gave that sign a moment ago: it rests here and is lent again as
//! it is. Whatever is in doubt goes back through the pool, which looks at it, or is closed.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection as _, Database, Error, Pool, SqlSafeStr as _};
use sqlx_core::transaction::TransactionManager as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Mode;

/// How long a begin that nobody waits for any more may take to be answered: a server that is well needs
/// milliseconds, and the turn is not given on meanwhile.
const SETTLE_WAIT: Duration = Duration::from_secs(2);

/// Connections of one pool, at rest and lent. A cheap handle.
pub(crate) struct Shelf<DB: Database>(Arc<Shared<DB>>);

struct Shared<DB: Database> {
    pool: Pool<DB>,
    /// As many as the pool may have connections: whoever holds one finds a connection at rest, or room
    /// for another in the pool.
    turns: Arc<Semaphore>,
    resting: Mutex<Resting<DB>>,
}

struct Resting<DB: Database> {
    /// The last one put down is the first one lent, so that the others grow old and are closed.
    connections: Vec<Rested<DB>>,
    closed: bool,
    /// Whether somebody looks after those that grow old.
    swept: bool,
}

struct Rested<DB: Database> {
    connection: PoolConnection<DB>,
    left_pool: Instant,
    since: Instant,
}

impl<DB: Database> Shelf<DB> {
    pub(crate) fn new(pool: Pool<DB>) -> Self {
        let turns = usize::try_from(pool.options().get_max_connections()).unwrap_or(1);
        let resting = Mutex::new(Resting { connections: Vec::new(), closed: false, swept: false });
        Self(Arc::new(Shared { pool, turns: Arc::new(Semaphore::new(turns)), resting }))
    }

    pub(crate) fn pool(&self) -> &Pool<DB> {
        &self.0.pool
    }

    /// Whether every connection is lent.
    pub(crate) fn is_bare(&self) -> bool {
        self.0.turns.available_permits() == 0
    }

    /// Begins a transaction by `batch`. Whoever stops waiting leaves nothing behind: somebody else waits
    /// for the answer and ends what began.
    pub(crate) async fn begin(&self, batch: String, mode: Mode) -> Result<Lent<DB>, Error> {
        let batch = AssertSqlSafe(Arc::new(batch)).into_sql_str();
        loop {
            let mut lent = self.lend(mode).await?;
            match DB::TransactionManager::begin(&mut lent, Some(batch.clone())).await {
                Ok(()) => {
                    lent.stands = Stands::Inside;
                    return Ok(lent);
                }
                // The last transaction did not end as the driver believes (SQLite ends one by itself when
                // the disk is full): this connection would never begin another.
                Err(Error::InvalidSavePointStatement) => lent.stands = Stands::Nowhere,
                Err(error) => {
                    lent.stands = if matches!(error, Error::Database(_)) { Stands::Inside } else { Stands::Nowhere };
                    return Err(error);
                }
            }
        }
    }

    async fn lend(&self, mode: Mode) -> Result<Lent<DB>, Error> {
        let turn = tokio::time::timeout(self.0.pool.options().get_acquire_timeout(), self.0.turns.clone().acquire_owned());
        let turn = turn.await.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let rested = self.0.resting().connections.pop();
        let (connection, left_pool) = match rested {
            Some(rested) => (rested.connection, rested.left_pool),
            None => (self.0.pool.acquire().await?, Instant::now()),
        };
        Ok(Lent { connection: Some(connection), left_pool, mode, stands: Stands::Unknown, shelf: self.0.clone(), turn: Some(turn) })
    }

    /// Waits for what is lent and closes every connection.
    pub(crate) async fn close(&self) {
        let resting = {
            let mut resting = self.0.resting();
            resting.closed = true;
            std::mem::take(&mut resting.connections)
        };
        drop(resting);
        self.0.pool.close().await;
    }
}

impl<DB: Database> Clone for Shelf<DB> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<DB: Database> Shared<DB> {
    fn resting(&self) -> MutexGuard<'_, Resting<DB>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a connection down, unless it is too old or nobody will ask for it: the pool closes it then. The
    /// pool does not tell how old it was when it left, so it may live for twice the longest life.
    fn put(self: &Arc<Self>, connection: PoolConnection<DB>, left_pool: Instant) {
        let options = self.pool.options();
        if options.get_max_lifetime().is_some_and(|most| left_pool.elapsed() >= most) {
            return;
        }
        let mut resting = self.resting();
        if resting.closed {
            return;
        }
        resting.connections.push(Rested { connection, left_pool, since: Instant::now() });
        if let (false, Some(idle)) = (resting.swept, options.get_idle_timeout()) {
            resting.swept = true;
            sweep(Arc::downgrade(self), idle);
        }
    }

    /// Closes those that nobody asked for in `idle`; whether any others are left.
    fn swept(&self, idle: Duration) -> bool {
        let mut resting = self.resting();
        let old = resting.connections.iter().take_while(|rested| rested.since.elapsed() >= idle).count();
        for mut rested in resting.connections.drain(..old) {
            rested.connection.close_on_drop();
        }
        resting.swept = !resting.connections.is_empty();
        resting.swept
    }
}

/// The pool wants a runtime for a connection that comes back, and there may be none any more.
impl<DB: Database> Drop for Shared<DB> {
    fn drop(&mut self) {
        let resting = self.resting.get_mut().unwrap_or_else(PoisonError::into_inner);
        for rested in resting.connections.drain(..) {
            drop(rested.connection.detach());
        }
    }
}

/// Looks after the connections at rest until none is left.
#[expect(clippy::disallowed_methods, reason = "it only closes what nobody uses, and ends with the shelf")]
fn sweep<DB: Database>(shelf: Weak<Shared<DB>>, idle: Duration) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(idle / 2).await;
            if !shelf.upgrade().is_some_and(|shelf| shelf.swept(idle)) {
                return;
            }
        }
    });
}

/// Waits for the answer to a begin whose caller left, and ends the transaction if there is one: to close
/// the connection instead would cost a new one for each caller who hangs up.
#[expect(clippy::disallowed_methods, reason = "it waits for one answer and a while at most")]
fn settle<DB: Database>(mut connection: PoolConnection<DB>, turn: Option<OwnedSemaphorePermit>) {
    tokio::spawn(async move {
        // However the first one ended: after this one the connection is inside a transaction, and a
        // rollback leads out.
        let again = DB::TransactionManager::begin(&mut connection, Some("BEGIN".into_sql_str()));
        match tokio::time::timeout(SETTLE_WAIT, again).await {
            Ok(Ok(()) | Err(Error::InvalidSavePointStatement)) => DB::TransactionManager::start_rollback(&mut connection),
            _ => connection.close_on_drop(),
        }
        drop(connection);
        drop(turn);
    });
}

/// What is known about the transaction of a connection that is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// The database was asked to begin and has not answered.
    Unknown,
    /// The connection is of no use any more.
    Nowhere,
    Inside,
    /// It has ended, or its end is on the way and needs no answer.
    Outside,
}

/// A connection inside a transaction. Dropping it rolls back.
pub(crate) struct Lent<DB: Database> {
    /// There until it is dropped.
    connection: Option<PoolConnection<DB>>,
    left_pool: Instant,
    mode: Mode,
    stands: Stands,
    shelf: Arc<Shared<DB>>,
    /// Dropped last, so that the next one finds the connection at rest.
    turn: Option<OwnedSemaphorePermit>,
}

impl<DB: Database> Lent<DB> {
    /// Keeps what was written. Nobody waits for the end of a transaction that only read: it is sent off,
    /// and whoever begins next on this connection hears of it first.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if self.mode == Mode::Write {
            DB::TransactionManager::commit(&mut self).await?;
            self.stands = Stands::Outside;
            return Ok(());
        }
        DB::TransactionManager::start_rollback(&mut self);
        // Postgres' driver keeps a rollback back until it has something else to say. What the socket does
        // not take at once is left to the pool, which waits for it.
        let is_broken = matches!(self.ping().now_or_never(), Some(Err(_)));
        if !is_broken && !self.should_flush() {
            self.stands = Stands::Outside;
        }
        Ok(())
    }
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match self.stands {
            Stands::Outside => self.shelf.put(connection, self.left_pool),
            // The pool carries it out, and then looks whether all is well.
            Stands::Inside => DB::TransactionManager::start_rollback(&mut connection),
            Stands::Unknown => settle(connection, self.turn.take()),
            Stands::Nowhere => connection.close_on_drop(),
        }
    }
}

impl<DB: Database> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        self.connection.as_ref().expect("it is taken only when this is dropped")
    }
}

impl<DB: Database> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.connection.as_mut().expect("it is taken only when this is dropped")
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Sqlite;
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;

    fn shelf(idle: Option<Duration>) -> Shelf<Sqlite> {
        let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(idle).connect_lazy("sqlite::memory:");
        Shelf::new(pool.expect("a readable address"))
    }

    async fn once(shelf: &Shelf<Sqlite>, mode: Mode, sql: &str) -> u64 {
        let mut lent = shelf.begin("begin".to_owned(), mode).await.expect("a free connection");
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *lent).await.expect("a good statement");
        lent.commit().await.expect("nothing stands against it");
        done.rows_affected()
    }

    #[tokio::test]
    async fn the_same_connection_is_lent_again() {
        let shelf = shelf(None);
        once(&shelf, Mode::Write, "create table notes (body text)").await;
        // What lies in memory goes with its connection.
        assert_eq!(once(&shelf, Mode::Write, "insert into notes values ('a')").await, 1);
        assert_eq!(shelf.pool().num_idle(), 0, "it rests here, not in the pool");
    }

    #[tokio::test]
    async fn what_a_reader_wrote_is_not_kept() {
        let shelf = shelf(None);
        once(&shelf, Mode::Read, "create table notes (body text)").await;
        once(&shelf, Mode::Write, "create table notes (body text)").await;
    }

    #[tokio::test]
    async fn a_caller_who_leaves_during_the_begin_costs_no_connection() {
        let shelf = shelf(None);
        once(&shelf, Mode::Write, "create table notes (body text)").await;
        for _ in 0..20 {
            let mut begin = Box::pin(shelf.begin("begin".to_owned(), Mode::Write));
            drop(futures::poll!(&mut begin));
            drop(begin);
            assert_eq!(once(&shelf, Mode::Write, "insert into notes values ('a')").await, 1, "it is the same connection");
        }
    }

    #[tokio::test]
    async fn a_connection_that_nobody_asks_for_is_closed() {
        let shelf = shelf(Some(Duration::from_millis(1)));
        once(&shelf, Mode::Write, "create table notes (body text)").await;
        let end = Instant::now() + Duration::from_secs(5);
        while shelf.pool().size() > 0 {
            assert!(Instant::now() < end, "it stays");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_closed_shelf_holds_nothing_back() {
        let shelf = shelf(None);
        once(&shelf, Mode::Write, "create table notes (body text)").await;
        let lent = shelf.begin("begin".to_owned(), Mode::Write).await.expect("a free connection");
        let ((), committed) = tokio::join!(shelf.close(), lent.commit());
        assert!(committed.is_ok() && shelf.pool().size() == 0);
        assert!(matches!(shelf.begin("begin".to_owned(), Mode::Write).await, Err(Error::PoolClosed)));
    }
}
