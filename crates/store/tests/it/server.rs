//! A PostgreSQL of one story's own, which can crash and start again with other settings.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Makes a cluster, prints its folder and obeys one order per line; ends the cluster when the input
/// closes, so that nothing is left even if the test process is killed.
const SCRIPT: &str = r#"
set -e
programs=$1
folder=$(mktemp -d /tmp/crashing-postgres-XXXXXX)
trap 'rm -rf "$folder"' EXIT
"$programs/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
start() {
  "$programs/postgres" -D "$folder/data" -k "$folder" -h '' -c log_min_messages=warning "$@" >>"$folder/log" 2>&1 </dev/null &
  server=$!
  tries=0
  until "$programs/pg_isready" -q -h "$folder"; do
    tries=$((tries + 1)); [ $tries -lt 400 ] || { cat "$folder/log" >&2; exit 1; }
    sleep 0.05
  done
}
start
echo "$folder"
while read -r order settings; do
  case $order in
    start) start $settings ;;
    crash) kill -QUIT $server; wait $server || true ;;
  esac
  echo "$order is done"
done
kill -QUIT $server 2>/dev/null || true; wait $server || true
"#;

pub struct Server {
    pub folder: String,
    orders: ChildStdin,
    done: Lines<BufReader<ChildStdout>>,
    /// Ends by itself when `orders` closes.
    _script: Child,
}

impl Server {
    /// `None` where there is no server program; the skip is said, or fails where Postgres is required.
    pub async fn start() -> Option<Self> {
        let programs = programs();
        let missing = programs.is_none().then_some("no Postgres programs under /usr/lib/postgresql");
        testkit::require("postgres", missing).then_some(())?;
        let mut command = as_plain_user();
        command.args(["sh", "-c", SCRIPT, "sh"]).arg(programs?).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().unwrap();
        let orders = script.stdin.take().unwrap();
        let mut done = BufReader::new(script.stdout.take().unwrap()).lines();
        let folder = done.next_line().await.unwrap().expect("the server starts");
        Some(Self { folder, orders, done, _script: script })
    }

    /// The address of this user.
    pub fn url(&self, user: &str) -> String {
        format!("postgres://{user}@localhost/postgres?host={}", self.folder)
    }

    /// `crash`, or `start` with settings: `start -c fsync=off`.
    pub async fn order(&mut self, order: &str) {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.unwrap();
        let said = self.done.next_line().await.unwrap();
        assert_eq!(said, Some(format!("{} is done", order.split(' ').next().unwrap())));
    }
}

/// The newest version's folder of programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    versions.filter(|programs| programs.join("initdb").exists()).max()
}

pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

/// Postgres refuses to run as root.
fn as_plain_user() -> Command {
    let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command
}
