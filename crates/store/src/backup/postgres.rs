//! PostgreSQL: `pg_dump` reads the snapshot in which the rows are counted; `pg_restore` writes the dump
//! as SQL, and `psql` runs it with our checks in one transaction, so that a restore is whole or was not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::{BackupError, Copied, Manifest, RoleNames, programs};
use crate::migrate::{APPLIED, LOCK};
use crate::postgres::{PROGRAM, parse};
use crate::schema::Roles;

/// What our own connections call themselves here: they are no server at work.
const NAME: &str = "autorisen-backup";
/// The owner may be a member of the app role, whose policies would trip over an unset organization.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
/// How long a restore waits for a lock before it says who is in the way.
const LOCK_WAIT: &str = "10s";

/// Whether a table is one of the database's own.
const OURS: &str = "c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

/// Empties the database inside the transaction of the restore. What belongs to an extension stays.
const EMPTY: &str = "do $$ declare thing record; begin
  for thing in select n.nspname from pg_namespace n where n.nspname = 'auth' loop execute format('drop schema %I cascade', thing.nspname); end loop;
  for thing in select c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'S')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('e', 'a', 'i')) loop
    execute format('drop %s if exists public.%I cascade', case thing.relkind when 'v' then 'view' when 'm' then 'materialized view'
      when 'S' then 'sequence' else 'table' end, thing.relname);
  end loop;
  for thing in select p.oid::regprocedure as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public' and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') loop
    execute format('drop routine if exists %s cascade', thing.name);
  end loop;
end $$;";

/// A connection of the owner that sees every row.
pub(super) async fn connect(owner: &str) -> Result<PgConnection, BackupError> {
    let options = parse(owner)?.application_name(NAME).options([
        ("app.org_id", NOBODY),
        ("search_path", "public,auth"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
    ]);
    Ok(options.connect().await?)
}

/// The server's major version.
pub(super) async fn major(connection: &mut PgConnection) -> Result<u32, BackupError> {
    let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(connection).await?;
    Ok(u32::try_from(number / 10_000).unwrap_or(0))
}

pub(super) async fn dump(owner: &str, roles: &Roles, to: &Path) -> Result<Copied, BackupError> {
    let mut connection = connect(owner).await?;
    let program = programs::find("pg_dump", major(&mut connection).await?).await?;
    sqlx::raw_sql("begin isolation level repeatable read read only").execute(&mut connection).await?;
    let snapshot: String = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut connection).await?;
    let copied = facts(&mut connection, roles).await?;
    let mut command = command(&program, owner)?;
    command.args(["--format=custom", "--enable-row-security", "--no-password", &format!("--lock-wait-timeout={LOCK_WAIT}")]);
    command.arg(format!("--snapshot={snapshot}")).arg("--file").arg(to);
    let output = command.output().await.map_err(|error| BackupError::at(&program, &error))?;
    connection.close().await?;
    if output.status.success() { Ok(copied) } else { Err(programs::complaint("pg_dump", &output.stderr)) }
}

async fn facts(connection: &mut PgConnection, roles: &Roles) -> Result<Copied, BackupError> {
    let names = format!(
        "select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where {OURS} order by 1, 2"
    );
    let names: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(names)).fetch_all(&mut *connection).await?;
    let mut tables = BTreeMap::new();
    for (schema, table) in names {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count(&schema, &table))).fetch_one(&mut *connection).await?;
        tables.insert(format!("{schema}.{table}"), u64::try_from(rows).unwrap_or(0));
    }
    let steps = if tables.contains_key(&format!("public.{APPLIED}")) {
        sqlx::query_scalar(AssertSqlSafe(format!("select version from {APPLIED} order by version"))).fetch_all(&mut *connection).await?
    } else {
        Vec::new()
    };
    let told = sqlx::query("select current_setting('server_version'), current_user::text").fetch_one(connection).await?;
    let roles = RoleNames { owner: told.try_get(1)?, app: roles.app.clone(), system: roles.system.clone() };
    Ok(Copied { engine_version: told.try_get(0)?, steps, tables, roles: Some(roles) })
}

fn count(schema: &str, table: &str) -> String {
    format!("select count(*) from {}.{}", quoted(schema), quoted(table))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What stands in the way of a restore into this database.
pub(super) struct Found {
    pub(super) server: u32,
    pub(super) owner: String,
    pub(super) tables: i64,
    /// Connections of running programs.
    pub(super) programs: i64,
}

pub(super) async fn look(owner: &str) -> Result<Found, BackupError> {
    let mut connection = connect(owner).await?;
    let sql = format!(
        "select current_user::text,
                (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where {OURS}),
                (select count(*) from pg_stat_activity where datname = current_database() and application_name = '{PROGRAM}')"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await?;
    let found = Found { server: major(&mut connection).await?, owner: row.try_get(0)?, tables: row.try_get(1)?, programs: row.try_get(2)? };
    connection.close().await?;
    Ok(found)
}

/// How a restore ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// For a look: nothing is kept.
    Undo,
    Keep,
    /// What was there before goes away in the same transaction.
    Replace,
}

/// An end, and the statements that run before it, once every row was counted.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    pub(super) end: End,
    pub(super) behind: &'a [String],
}

/// Plays the dump into a database and compares what came of it with the manifest, in one transaction.
/// Its `commit` is the last thing we say: whoever dies before leaves the database as it was.
pub(super) async fn play(owner: &str, dump: &Path, manifest: &Manifest, server: u32, ending: Ending<'_>) -> Result<(), BackupError> {
    let (reader, runner) = (programs::find("pg_restore", server).await?, programs::find("psql", server).await?);
    let mut reading = Command::new(&reader);
    reading
        .args(["--file=-", "--no-owner"])
        .arg(dump)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut reading = reading.spawn().map_err(|error| BackupError::at(&reader, &error))?;
    let mut running = command(&runner, owner)?;
    running.args(["--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--file=-"]);
    let mut running = running.stdin(Stdio::piped()).spawn().map_err(|error| BackupError::at(&runner, &error))?;
    let mut to = running.stdin.take().expect("it is piped");

    let feeding = async move {
        to.write_all(before(ending.end).as_bytes()).await?;
        let output = poured(&mut reading, &mut to).await?;
        // Only now is the dump known to be whole.
        if output.status.success() {
            to.write_all(after(manifest, ending).as_bytes()).await?;
            to.flush().await?;
        }
        Ok::<_, std::io::Error>(output)
    };
    let (read, ran) = tokio::join!(feeding, running.wait_with_output());
    let ran = ran.map_err(|error| BackupError::at(&runner, &error))?;
    match read {
        // The pipe breaks when `psql` ends early, and `psql` knows why.
        _ if !ran.status.success() => Err(programs::complaint("psql", &ran.stderr)),
        Ok(read) if read.status.success() => Ok(()),
        Ok(read) => Err(programs::complaint("pg_restore", &read.stderr)),
        Err(error) => Err(BackupError::at(&reader, &error)),
    }
}

/// Pours what a program writes into another, until it ends. Its complaints are read at the same time: one
/// that nobody listens to stops when the pipe is full, and then it would never end.
async fn poured(reading: &mut Child, to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<Output> {
    let (mut from, mut talk) = (reading.stdout.take().expect("it is piped"), reading.stderr.take().expect("it is piped"));
    let mut stderr = Vec::new();
    tokio::try_join!(tokio::io::copy(&mut from, to), talk.read_to_end(&mut stderr))?;
    Ok(Output { status: reading.wait().await?, stdout: Vec::new(), stderr })
}

fn before(end: End) -> String {
    let mut sql = format!(
        "set client_min_messages = error;\nbegin;\nset local lock_timeout = '{LOCK_WAIT}';\nselect pg_advisory_xact_lock({LOCK});\n"
    );
    if end == End::Replace {
        sql.push_str(EMPTY);
    }
    sql.push('\n');
    sql
}

/// Counts every row once more; one that is missing undoes everything. Then what is left behind goes.
fn after(manifest: &Manifest, Ending { end, behind }: Ending<'_>) -> String {
    let mut sql = String::from("\nset row_security = on;\ndo $$ declare found bigint; begin\n");
    for (name, rows) in &manifest.tables {
        let (schema, table) = name.split_once('.').unwrap_or(("public", name));
        let _ = writeln!(
            sql,
            "found := ({}); if found <> {rows} then raise exception '% rows instead of {rows}', found; end if;",
            count(schema, table)
        );
    }
    sql.push_str("end $$;\n");
    for statement in behind {
        let _ = writeln!(sql, "{statement};");
    }
    sql.push_str(if end == End::Undo { "rollback;\n" } else { "analyze;\ncommit;\n" });
    sql
}

/// A client program that reaches the database as the owner. The password travels in the environment
/// of the child, never on a command line that everybody may list.
fn command(program: &Path, owner: &str) -> Result<Command, BackupError> {
    let options = parse(owner)?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command.envs(libpq(owner, &options));
    Ok(command)
}

/// The address as libpq's variables: <https://www.postgresql.org/docs/current/libpq-envars.html>.
fn libpq(url: &str, options: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |folder| folder.display().to_string());
    let mut vars = vec![
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGDATABASE", options.get_database().unwrap_or(options.get_username()).to_owned()),
        ("PGAPPNAME", NAME.to_owned()),
        ("PGCONNECT_TIMEOUT", "10".to_owned()),
        ("PGOPTIONS", format!("-c app.org_id={NOBODY} -c statement_timeout=0 -c idle_in_transaction_session_timeout=0")),
    ];
    let Ok(url) = url::Url::parse(url) else { return vars };
    vars.extend(url.password().map(|password| ("PGPASSWORD", percent_decoded(password))));
    for (key, value) in url.query_pairs() {
        let name = match key.as_ref() {
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            "password" => "PGPASSWORD",
            _ => continue,
        };
        vars.push((name, value.into_owned()));
    }
    vars
}

/// What only looks like a form's field here: a plus stays a plus.
fn percent_decoded(text: &str) -> String {
    let as_field = text.replace('+', "%2B").replace('&', "%26");
    url::form_urlencoded::parse(as_field.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// A database of its own for a look, where this owner may make one.
pub(super) struct Scratch {
    owner: String,
    name: String,
    pub(super) url: String,
}

impl Scratch {
    pub(super) async fn make(owner: &str) -> Result<Self, BackupError> {
        let name = format!("autorisen_verify_{}", hex::encode(kernel::chance::bytes::<6>()));
        let mut url = url::Url::parse(owner).map_err(|_| BackupError::failed("the database address can't be read"))?;
        url.set_path(&name);
        let mut connection = connect(owner).await?;
        // Without the templates' own changes, which a dump does not bring along.
        let made = sqlx::raw_sql(AssertSqlSafe(format!("create database {name} template template0"))).execute(&mut connection).await;
        connection.close().await?;
        match made {
            Ok(_) => Ok(Self { owner: owner.to_owned(), name, url: url.into() }),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => {
                Err(BackupError::failed("the owner may not make a database to restore into for a look")
                    .hint("give an empty one with --scratch postgres://…, or `alter role … createdb`"))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn remove(self) -> Result<(), BackupError> {
        let mut connection = connect(&self.owner).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("drop database {} with (force)", self.name))).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_complains_at_length_does_not_stand_still() {
        let mut command = Command::new("sh");
        command.args(["-c", "head -c 300000 /dev/zero >&2; echo done"]).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let (mut child, mut out) = (command.spawn().unwrap(), Vec::new());
        let output = tokio::time::timeout(std::time::Duration::from_secs(20), poured(&mut child, &mut out)).await.unwrap().unwrap();
        assert!(output.status.success() && output.stderr.len() == 300_000 && out == b"done\n");
    }

    #[test]
    fn the_address_reaches_the_programs_without_standing_on_their_command_line() {
        let url = "postgres://ann:p%40ss%2Bw+rd%26x@db.test:5433/shop?sslmode=require";
        let vars = libpq(url, &parse(url).unwrap());
        let value = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("PGPASSWORD"), Some("p@ss+w+rd&x"));
        assert_eq!((value("PGHOST"), value("PGPORT"), value("PGDATABASE")), (Some("db.test"), Some("5433"), Some("shop")));
        assert_eq!(value("PGSSLMODE"), Some("require"));
        let command = command(Path::new("psql"), url).unwrap();
        assert!(command.as_std().get_args().next().is_none());
        let socket = "postgres://ann@localhost/shop?host=/run/pg";
        assert!(libpq(socket, &parse(socket).unwrap()).contains(&("PGHOST", "/run/pg".to_owned())));
    }
}
