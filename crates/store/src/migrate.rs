//! Migrations: steps that the modules register, run in order of their names. One run is one
//! transaction under one lock, so that of several replicas that start together one migrates and a
//! failing step leaves nothing behind.

use std::time::Duration;

use kernel::crash::{self, Point};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, SqlxPostgresConnector, SqlxSqliteConnector,
    Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};

use crate::schema::{Change, Roles};
use crate::store::Database;
use crate::{Engine, Schema, Store, StoreError};

/// The table of the steps that were applied.
pub(crate) const APPLIED: &str = "seaql_migrations";

/// The advisory lock of whoever changes the schema as a whole.
pub(crate) const LOCK: i64 = 7_202_026;

/// How often a run begins anew when requests stand in its way. Each time it may win or lose alike, so
/// that after ten somebody has to look.
const CONTENDED_MAX: u32 = 10;
/// How much longer a run waits each time before it begins anew, for the requests to be through.
const BREATH: Duration = Duration::from_millis(100);

/// One step. Names sort by time: `20261120_08_crm_customers`.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub name: &'static str,
    pub up: fn(&mut Schema),
    pub down: fn(&mut Schema),
}

/// All steps of a program.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    pub fn new(mut steps: Vec<Step>) -> Self {
        steps.sort_by_key(|step| step.name);
        Self { steps }
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Says of every pending step that it is applied, without running it, and gives back the names:
    /// for a schema that came by another way, such as a restored copy without its record.
    pub async fn stamp(&self, store: &Store) -> Result<Vec<&'static str>, StoreError> {
        self.check_names()?;
        let run = Run::open(store).await?;
        let result = self.stamp_locked(store, &run.tx).await;
        self.end(store, run, result).await
    }

    async fn stamp_locked(&self, store: &Store, tx: &DatabaseTransaction) -> Result<Vec<&'static str>, StoreError> {
        self.migrator(store).install(tx).await?;
        let applied = applied(tx).await?;
        self.refuse_unknown(&applied)?;
        let pending = self.missing_in(&applied);
        let now = store.clock().now().timestamp();
        for name in &pending {
            // A name is a literal of our own, with neither quote nor backslash.
            tx.execute_unprepared(&format!("insert into seaql_migrations (version, applied_at) values ('{name}', {now})")).await?;
        }
        self.let_the_system_look(store, tx).await?;
        Ok(pending)
    }

    /// Lets the system door ask for the state of the schema, for `/readyz`.
    async fn let_the_system_look(&self, store: &Store, tx: &DatabaseTransaction) -> Result<(), StoreError> {
        if store.engine() == Engine::Postgres {
            tx.execute_unprepared(&format!("grant select on seaql_migrations to {}", store.roles().system)).await?;
        }
        Ok(())
    }

    /// Applies what is pending and gives back the names.
    ///
    /// Beside a program that serves, a step may meet requests that hold what it needs and need what it
    /// holds. The database then ends one of the two; nothing of the run is kept, and it begins anew.
    pub async fn up(&self, store: &Store) -> Result<Vec<&'static str>, StoreError> {
        self.check_names()?;
        let mut contended = 0;
        let applied = loop {
            let run = Run::open(store).await?;
            let result = self.up_locked(store, &run.tx).await;
            match self.end(store, run, result).await {
                Err(StoreError::Contended(_)) if contended < CONTENDED_MAX => contended += 1,
                ended => break ended?,
            }
            tracing::info!(event = "store.migration_contended", "requests stood in the way of the migration; it begins anew");
            tokio::time::sleep(BREATH * contended).await;
        };
        // Of two processes that start together on an empty database one migrates, and both compare.
        store.check_key().await?;
        Ok(applied)
    }

    async fn up_locked(&self, store: &Store, tx: &DatabaseTransaction) -> Result<Vec<&'static str>, StoreError> {
        let migrator = self.migrator(store);
        migrator.install(tx).await?;
        let applied = applied(tx).await?;
        self.refuse_unknown(&applied)?;
        let pending = self.missing_in(&applied);
        migrator.up(tx, None).await.map_err(explain)?;
        self.let_the_system_look(store, tx).await?;
        Ok(pending)
    }

    /// Takes back the last `count` steps, by order of name, and gives back their names.
    pub async fn down(&self, store: &Store, count: u32) -> Result<Vec<&'static str>, StoreError> {
        self.check_names()?;
        let run = Run::open(store).await?;
        let result = self.down_locked(store, &run.tx, count).await;
        self.end(store, run, result).await
    }

    async fn down_locked(&self, store: &Store, tx: &DatabaseTransaction, count: u32) -> Result<Vec<&'static str>, StoreError> {
        let migrator = self.migrator(store);
        migrator.install(tx).await?;
        let before = applied(tx).await?;
        self.refuse_unknown(&before)?;
        migrator.down(tx, Some(count)).await.map_err(explain)?;
        let after = applied(tx).await?;
        let undone = |step: &&Step| before.iter().any(|n| n == step.name) && !after.iter().any(|n| n == step.name);
        Ok(self.steps.iter().filter(undone).map(|step| step.name).rev().collect())
    }

    async fn end<T>(&self, store: &Store, run: Run, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Ok(value) => {
                run.tx.commit().await?;
                drop(run.permit);
                // The guards of SQLite are made per connection, out of the tables that it found.
                if let Database::Sqlite(files) = store.database() {
                    files.refresh().await;
                }
                Ok(value)
            }
            Err(error) => {
                run.tx.rollback().await?;
                Err(error)
            }
        }
    }

    /// Every step and whether it is applied.
    pub async fn status(&self, store: &Store) -> Result<Vec<(&'static str, bool)>, StoreError> {
        let applied = read_applied(store).await?;
        Ok(self.steps.iter().map(|step| (step.name, applied.iter().any(|name| name == step.name))).collect())
    }

    /// The steps that are not applied yet. A schema that is *ahead* of this program is no fault
    /// here: while a new version rolls out, the old one goes on; see [`Plan::unknown`].
    pub async fn pending(&self, store: &Store) -> Result<Vec<&'static str>, StoreError> {
        Ok(self.missing_in(&read_applied(store).await?))
    }

    /// Steps that were applied by another program: a newer version, or a module since removed.
    pub async fn unknown(&self, store: &Store) -> Result<Vec<String>, StoreError> {
        Ok(self.unknown_in(&read_applied(store).await?))
    }

    pub(crate) fn missing_in(&self, applied: &[String]) -> Vec<&'static str> {
        self.steps.iter().map(|step| step.name).filter(|name| !applied.iter().any(|known| known == name)).collect()
    }

    pub(crate) fn unknown_in(&self, applied: &[String]) -> Vec<String> {
        applied.iter().filter(|name| !self.steps.iter().any(|step| step.name == **name)).cloned().collect()
    }

    fn refuse_unknown(&self, applied: &[String]) -> Result<(), StoreError> {
        let unknown = self.unknown_in(applied);
        if unknown.is_empty() {
            return Ok(());
        }
        Err(StoreError::Schema(format!(
            "the database has migrations that this program does not know: {}. It is older than the database, or a module was removed. \
             Run the newer program, or take these back with the program that brought them.",
            unknown.join(", ")
        )))
    }

    fn check_names(&self) -> Result<(), StoreError> {
        match self.steps.windows(2).find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(StoreError::Schema(format!("two migrations have the name {}", pair[0].name))),
            None => Ok(()),
        }
    }

    fn migrator(&self, store: &Store) -> Migrator {
        Migrator { steps: self.steps.clone(), roles: store.roles() }
    }
}

/// The names in the order of the table, which is theirs.
async fn applied(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let statement = Statement::from_string(db.get_database_backend(), "select version from seaql_migrations order by version");
    let rows = db.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get_by::<String, _>("version").map_err(Into::into)).collect()
}

/// As [`applied`], through the system door; a database without the table has none.
async fn read_applied(store: &Store) -> Result<Vec<String>, StoreError> {
    let session = store.system_session().await?;
    let names = if session.has_table(APPLIED).await? { applied(&session).await? } else { Vec::new() };
    session.commit().await?;
    Ok(names)
}

/// A step that fails is a fault of the schema, said with its own words.
fn explain(error: DbErr) -> StoreError {
    match StoreError::from(error) {
        StoreError::Db(error) => StoreError::Schema(format!("a migration failed and nothing of it was kept: {error}")),
        other => other,
    }
}

/// One run: the transaction, and on SQLite the writer's turn.
struct Run {
    tx: DatabaseTransaction,
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Run {
    async fn open(store: &Store) -> Result<Self, StoreError> {
        let (db, permit): (DatabaseConnection, _) = match store.database() {
            Database::Sqlite(files) => {
                let permit = files.permit().await?;
                (SqlxSqliteConnector::from_sqlx_sqlite_pool(files.owner_pool()), Some(permit))
            }
            Database::Postgres(servers) => (SqlxPostgresConnector::from_sqlx_postgres_pool(servers.owner_pool()), None),
        };
        let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
        let tx = db.begin_with_options(options).await?;
        if store.engine() == Engine::Postgres {
            tx.execute_unprepared(&prepare_postgres(&store.roles())).await?;
        }
        Ok(Self { tx, permit })
    }
}

/// The lock of the run, the schema of the platform's tables, and the rights to see both schemas.
/// The pinned organization is set to none: the owner may be a member of the app role, whose
/// policies then apply to it too and would trip over an unset one.
fn prepare_postgres(Roles { app, system }: &Roles) -> String {
    format!(
        "select pg_advisory_xact_lock({LOCK});
         select set_config('app.org_id', '00000000-0000-0000-0000-000000000000', true);
         set local client_min_messages = warning;
         create schema if not exists auth;
         grant usage on schema auth to {system};
         do $$ begin
           if not has_schema_privilege('{app}', 'public', 'USAGE') then grant usage on schema public to {app}; end if;
           if not has_schema_privilege('{system}', 'public', 'USAGE') then grant usage on schema public to {system}; end if;
         end $$"
    )
}

struct Migrator {
    steps: Vec<Step>,
    roles: Roles,
}

impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let one = |step: &Step| Box::new(OneStep { step: *step, roles: self.roles.clone() }) as Box<dyn MigrationTrait>;
        self.steps.iter().map(one).collect()
    }
}

struct OneStep {
    step: Step,
    roles: Roles,
}

impl OneStep {
    async fn apply(&self, manager: &SchemaManager<'_>, change: fn(&mut Schema)) -> Result<(), DbErr> {
        let engine = if manager.get_database_backend() == Engine::Sqlite.backend() { Engine::Sqlite } else { Engine::Postgres };
        let mut schema = Schema::new(engine, self.roles.clone());
        change(&mut schema);
        for change in schema.changes {
            match change {
                Change::Create(table) => manager.create_table(*table).await?,
                Change::Alter(table) => manager.alter_table(*table).await?,
                Change::Sql(sql) => {
                    manager.get_connection().execute_unprepared(&sql).await?;
                }
            }
            crash::pass(Point::InMigration);
        }
        Ok(())
    }
}

impl MigrationName for OneStep {
    fn name(&self) -> &str {
        self.step.name
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and `'_` would make it another lifetime")]
#[async_trait::async_trait]
impl MigrationTrait for OneStep {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.apply(manager, self.step.up).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.apply(manager, self.step.down).await
    }
}

/// The store's own tables.
pub fn steps() -> Vec<Step> {
    crate::schema::tables::steps()
}
