//! A Postgres that lives as long as the test process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Makes the cluster, prints its folder, and ends it when the input closes: then nothing is left
/// even if the test process is killed.
const SCRIPT: &str = r#"
set -e
folder=$(mktemp -d /tmp/throwaway-postgres-XXXXXX)
trap 'rm -rf "$folder"' EXIT
"$1/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
flush=$2
"$1/postgres" -D "$folder/data" -k "$folder" -h '' -c fsync=$flush -c synchronous_commit=$flush -c full_page_writes=$flush \
    -c max_connections=300 -c log_min_messages=warning >"$folder/log" 2>&1 </dev/null &
server=$!
tries=0
until "$1/pg_isready" -q -h "$folder"; do
  tries=$((tries + 1)); [ $tries -lt 100 ] || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
echo "$folder"
cat >/dev/null || true
kill -INT $server; wait $server || true
"#;

/// A server on a socket of its own; killed on drop.
pub struct ThrowawayPostgres {
    /// The superuser's address of the database `postgres`.
    pub url: String,
    folder: String,
    databases: AtomicU32,
    input: Option<ChildStdin>,
    process: Child,
}

impl ThrowawayPostgres {
    /// Starts one that may lose everything with the machine, or says why it can't: no server program
    /// on this machine.
    pub fn start() -> Result<Self, String> {
        Self::start_flushing("off")
    }

    /// Starts one that flushes what it commits, as in production: for measuring.
    pub fn start_durable() -> Result<Self, String> {
        Self::start_flushing("on")
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        Path::new(&self.folder)
    }

    fn start_flushing(flush: &str) -> Result<Self, String> {
        let programs = find_programs().ok_or("no Postgres programs under /usr/lib/postgresql")?;
        let mut process = as_plain_user()
            .args(["sh", "-c", SCRIPT, "sh"])
            .arg(&programs)
            .arg(flush)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut folder = String::new();
        let output = process.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut folder).map_err(|e| e.to_string())?;
        let folder = folder.trim().to_owned();
        if folder.is_empty() {
            return Err("the server did not start".to_owned());
        }
        let url = format!("postgres://postgres@localhost/postgres?host={folder}");
        Ok(Self { url, folder, databases: AtomicU32::new(0), input: process.stdin.take(), process })
    }

    /// A fresh database that belongs to a plain user, as on a managed server. Gives its address.
    pub async fn database(&self) -> Result<String, sqlx::Error> {
        let number = self.databases.fetch_add(1, Ordering::SeqCst);
        let mut connection = PgConnection::connect(&self.url).await?;
        let role = "DO $$ BEGIN CREATE ROLE builder LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS;
                    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
        sqlx::raw_sql(role).execute(&mut connection).await?;
        let create = format!("CREATE DATABASE test_{number} OWNER builder");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(format!("postgres://builder@localhost/test_{number}?host={}", self.folder))
    }
}

impl Drop for ThrowawayPostgres {
    fn drop(&mut self) {
        // The script ends the server when its input closes.
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// The newest version's folder of programs.
pub(crate) fn find_programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    versions.sort();
    versions.into_iter().rev().find(|programs| programs.join("initdb").exists())
}

/// Whether this process may do everything on this machine.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

/// Postgres refuses to run as root.
pub(crate) fn as_plain_user() -> Command {
    if !is_root() {
        return Command::new("env");
    }
    let mut command = if Path::new("/usr/bin/setpriv").exists() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        command
    } else {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]);
        command
    };
    command.env("HOME", "/");
    command
}
