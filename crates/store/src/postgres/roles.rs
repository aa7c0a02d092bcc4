//! The roles behind the doors: made where only the owner's address is given, and checked always.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::reach;
use crate::StoreError;
use crate::schema::Roles;

/// Roles belong to the whole server, and two processes may make them at once.
const TRIES: u32 = 5;

/// Makes a role and lets the owner assume it, if that is not so yet.
pub(super) async fn make(owner: &PgPool, role: &str) -> Result<(), StoreError> {
    let sql = format!(
        "DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
             CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
           END IF;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         DO $$ BEGIN
           IF NOT pg_has_role(current_user, '{role}',
                CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
             GRANT {role} TO CURRENT_USER;
           END IF;
         END $$;"
    );
    let mut tries = 1;
    loop {
        match sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(owner).await {
            Ok(_) => return Ok(()),
            // Another process changes the same row of the catalogue: wait for it and look again.
            Err(sqlx::Error::Database(e)) if tries < TRIES && matches!(e.code().as_deref(), Some("XX000" | "40001" | "23505")) => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20 * u64::from(tries))).await;
            }
            Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some("42501") => {
                return Err(StoreError::Schema(format!(
                    "the owner may not make the role {role}; make it by hand, or give database.app_url and database.system_url"
                )));
            }
            Err(error) => return Err(reach::explain(owner, false, error).await),
        }
    }
}

/// What lets the app role pass row-level security; `null` when nothing does. Policies apply by
/// membership too, so a member of the owner or of the system role sees every row.
const PASSES: &str = "select case
    when r.rolsuper or r.rolbypassrls then 'is a superuser or has BYPASSRLS'
    when r.rolname = current_user then 'owns the tables'
    when exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where c.relowner = r.oid and c.relkind in ('r', 'p') and n.nspname in ('public', 'auth')) then 'owns tables'
    when pg_has_role(r.oid, current_user, 'MEMBER') then 'is a member of the owner'
    when r.rolname = $2 then 'is also the role of the system door'
    when exists (select from pg_roles s where s.rolname = $2 and pg_has_role(r.oid, s.oid, 'MEMBER'))
      then 'is a member of the role of the system door'
  end from pg_roles r where r.rolname = $1";

/// Row-level security binds only a role that can't pass it.
pub(super) async fn check(owner: &PgPool, roles: &Roles) -> Result<(), StoreError> {
    let asked = sqlx::query(PASSES).bind(&roles.app).bind(&roles.system).fetch_optional(owner).await;
    let row = match asked {
        Ok(row) => row.ok_or_else(|| StoreError::Schema(format!("the database role {} does not exist", roles.app)))?,
        Err(error) => return Err(reach::explain(owner, false, error).await),
    };
    match row.try_get::<Option<String>, _>(0)? {
        None => Ok(()),
        Some(how) => Err(StoreError::Unsafe(format!(
            "the tenant door must not use the role {}: it {how} and would pass row-level security. Give database.app_url a login of its own",
            roles.app
        ))),
    }
}

/// The settings that decide whether an acknowledged write outlives a crash, as they are in force for
/// the role of this pool: its own and the database's settings stand above the server's.
pub(super) async fn lossy(pool: &PgPool, role: Option<&str>, found: &mut Vec<String>) -> Result<(), StoreError> {
    let asked =
        "select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), current_user::text";
    let row = match sqlx::query(asked).fetch_one(pool).await {
        Ok(row) => row,
        Err(error) => return Err(reach::explain(pool, false, error).await),
    };
    for (place, name) in [(0, "fsync"), (1, "full_page_writes")] {
        if row.try_get::<String, _>(place)? == "off" {
            let what = format!(
                "the PostgreSQL server runs with {name}=off and loses acknowledged rows in a crash: set {name} = on in postgresql.conf and restart it"
            );
            // It is the whole server's, and three roles see it.
            if !found.contains(&what) {
                found.push(what);
            }
        }
    }
    if row.try_get::<String, _>(2)? == "off" {
        let user: String = row.try_get(3)?;
        let role = role.unwrap_or(&user);
        found.push(format!(
            "the database role {role} has synchronous_commit=off and loses acknowledged rows in a crash: switch it on where it was set \
             (`alter role {role} reset synchronous_commit`, the same for the database, or postgresql.conf)"
        ));
    }
    Ok(())
}
