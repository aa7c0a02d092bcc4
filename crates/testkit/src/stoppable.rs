//! A Postgres that can be stopped, frozen and started again, also with other settings, under a running
//! program.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::engine::require;
use crate::postgres::{as_plain_user, find_programs};

/// Makes a cluster, prints its folder, obeys one order per line and says when it is done, and ends the
/// cluster when the input closes: then nothing is left even if the test process is killed.
const SCRIPT: &str = r#"
set -e
programs=$1
settings=$3
folder=$(mktemp -d "$2/stoppable-postgres-XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$programs/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
start() {
  "$programs/postgres" -D "$folder/data" -k "$folder" -h '' $settings -c log_min_messages=warning "$@" >>"$folder/log" 2>&1 </dev/null &
  server=$!
  tries=0
  until "$programs/pg_isready" -q -h "$folder"; do
    tries=$((tries + 1)); [ $tries -lt 400 ] || { cat "$folder/log" >&2; exit 1; }
    sleep 0.05
  done
}
all() { kill "-$1" $server $(cat "/proc/$server/task/$server/children") || true; }
start
echo "$folder"
while read -r order more; do
  case $order in
    start) start $more ;;
    stop) kill -INT $server; wait $server || true ;;
    crash) kill -QUIT $server; wait $server || true ;;
    freeze) all STOP ;;
    thaw) all CONT ;;
  esac
  echo "$order is done"
done
kill -CONT $server || true; kill -QUIT $server || true; wait $server || true
"#;

/// A server on a socket of its own.
pub struct StoppablePostgres {
    folder: String,
    orders: ChildStdin,
    done: Lines<BufReader<ChildStdout>>,
    /// Ends by itself when `orders` closes.
    _script: Child,
}

impl StoppablePostgres {
    /// One that is quick and forgets everything when the machine loses its power.
    pub async fn start() -> Option<Self> {
        Self::start_in(Path::new("/tmp")).await
    }

    /// The same with its files under this folder, which must be open to everybody.
    pub async fn start_in(folder: &Path) -> Option<Self> {
        Self::start_with(folder, "-c fsync=off").await
    }

    /// One that keeps what it acknowledged, as production demands.
    pub async fn start_durable() -> Option<Self> {
        Self::start_with(Path::new("/tmp"), "").await
    }

    /// `None` where there is no server program; the skip is said, or fails where Postgres is required.
    async fn start_with(folder: &Path, settings: &str) -> Option<Self> {
        let programs = find_programs();
        let missing = programs.is_none().then_some("no Postgres programs under /usr/lib/postgresql");
        require("postgres", missing).then_some(())?;
        let mut command = Command::from(as_plain_user());
        command.args(["sh", "-c", SCRIPT, "sh"]).arg(programs?).arg(folder).arg(settings);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().expect("a shell");
        let orders = script.stdin.take().expect("it is piped");
        let mut done = BufReader::new(script.stdout.take().expect("it is piped")).lines();
        let folder = done.next_line().await.expect("a line").expect("the server starts");
        Some(Self { folder, orders, done, _script: script })
    }

    /// Where its socket lies.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The superuser's address of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The same as another user.
    pub fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}@localhost/postgres?host={}", self.folder)
    }

    /// `stop`, `crash` (it ends at once and cleans nothing up), `start`, also with settings
    /// (`start -c fsync=off`), `freeze` or `thaw`.
    pub async fn order(&mut self, order: &str) {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.expect("the script runs");
        let said = self.done.next_line().await.expect("a line");
        let verb = order.split(' ').next().unwrap_or_default();
        assert_eq!(said, Some(format!("{verb} is done")));
    }

    /// What the database itself says, one row per line: for what no HTTP answer shows.
    pub async fn ask(&self, sql: &str) -> String {
        self.sql("postgres", sql).await
    }

    /// Runs statements as the superuser in one of its databases; what they print.
    pub async fn sql(&self, database: &str, statements: &str) -> String {
        let mut psql = Command::from(as_plain_user());
        psql.arg(find_programs().expect("it was found before").join("psql"));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            &self.folder,
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statements,
        ]);
        let output = psql.current_dir("/").output().await.expect("psql is there where the server is");
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
