//! A Valkey or Redis that lives as long as a test, and can be frozen, killed, flushed and started
//! again under a running program; and a line to it that is slow on purpose.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinSet;

/// Where the server's programs may lie; the first that is found is taken.
const PROGRAMS: [&str; 4] =
    ["/usr/bin/valkey-server", "/usr/local/bin/valkey-server", "/usr/bin/redis-server", "/usr/local/bin/redis-server"];

/// Starts the server, prints its folder, obeys one order per line and says when it is done, and ends
/// everything when the input closes: then nothing is left even if the test process is killed.
const SCRIPT: &str = r#"
set -e
program=$1
folder=$(mktemp -d /tmp/throwaway-valkey-XXXXXX)
trap 'rm -rf "$folder"' EXIT
start() {
  "$program" --port 0 --unixsocket "$folder/socket" --dir "$folder" --save '' --appendonly no >"$folder/log" 2>&1 </dev/null &
  server=$!
  tries=0
  until [ -S "$folder/socket" ]; do
    tries=$((tries + 1)); [ $tries -lt 400 ] || { cat "$folder/log" >&2; exit 1; }
    sleep 0.01
  done
}
start
echo "$folder"
while read -r order; do
  case $order in
    start) start ;;
    kill) kill -KILL $server; wait $server 2>/dev/null || true; rm -f "$folder/socket" ;;
    freeze) kill -STOP $server ;;
    thaw) kill -CONT $server ;;
  esac
  echo "$order is done"
done
kill -KILL $server 2>/dev/null || true; wait $server 2>/dev/null || true
"#;

/// A server on a socket of its own.
pub struct ThrowawayValkey {
    folder: String,
    orders: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
    process: Child,
}

impl ThrowawayValkey {
    /// Starts one. `None` where no server program is found: the skip is said in one line, or fails
    /// where `AUTORISEN_TEST_REQUIRE` names `valkey`.
    pub fn start() -> Option<Self> {
        let program = PROGRAMS.into_iter().find(|program| Path::new(program).exists());
        let missing = program.is_none().then_some("no valkey-server or redis-server");
        crate::require("valkey", missing).then_some(())?;
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(program?).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("a shell");
        let orders = process.stdin.take();
        let mut done = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut folder = String::new();
        done.read_line(&mut folder).expect("a line");
        assert!(!folder.is_empty(), "the server did not start");
        Some(Self { folder: folder.trim().to_owned(), orders, done, process })
    }

    /// Its address for the setting `valkey.url`.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket())
    }

    fn socket(&self) -> String {
        format!("{}/socket", self.folder)
    }

    /// Stops it in the middle of whatever it does; it keeps its connections and answers nobody.
    pub fn freeze(&mut self) {
        self.order("freeze");
    }

    pub fn thaw(&mut self) {
        self.order("thaw");
    }

    /// Ends it at once, with all that it held.
    pub fn kill(&mut self) {
        self.order("kill");
    }

    /// Starts it again, empty.
    pub fn start_again(&mut self) {
        self.order("start");
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().expect("it is open until the end"), "{order}").expect("the script runs");
        let mut said = String::new();
        self.done.read_line(&mut said).expect("a line");
        assert_eq!(said.trim(), format!("{order} is done"));
    }

    /// Sends a command of one line and gives back the first line of what it says.
    pub async fn say(&self, command: &str) -> String {
        let mut line = UnixStream::connect(self.socket()).await.expect("the server listens");
        line.write_all(format!("{command}\r\n").as_bytes()).await.expect("the server reads");
        let mut said = vec![0; 4096];
        let length = line.read(&mut said).await.expect("the server answers");
        String::from_utf8_lossy(&said[..length]).lines().next().unwrap_or_default().to_owned()
    }

    /// Forgets everything that it holds, scripts too.
    pub async fn flush(&self) {
        assert_eq!((self.say("FLUSHALL").await.as_str(), self.say("SCRIPT FLUSH").await.as_str()), ("+OK", "+OK"));
    }

    /// A line to it on which every piece waits for `delay_ms`.
    pub async fn slowly(&self) -> SlowLine {
        SlowLine::to(self.socket()).await
    }
}

impl Drop for ThrowawayValkey {
    fn drop(&mut self) {
        // The script ends the server when its input closes.
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

/// A port of ours in front of a server, that hands on what comes after a while.
pub struct SlowLine {
    url: String,
    delay_ms: Arc<AtomicU64>,
    _lines: JoinSet<()>,
}

impl SlowLine {
    async fn to(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let delay_ms: Arc<AtomicU64> = Arc::default();
        let (delay, mut lines) = (delay_ms.clone(), JoinSet::new());
        lines.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = UnixStream::connect(&socket).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                open.spawn(hand_on(near_in, far_out, delay.clone()));
                open.spawn(hand_on(far_in, near_out, Arc::default()));
            }
        });
        Self { url, delay_ms, _lines: lines }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// From now on every question waits for so long before the server hears it.
    pub fn delay(&self, by: Duration) {
        self.delay_ms.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

async fn hand_on(mut from: impl tokio::io::AsyncRead + Unpin, mut to: impl tokio::io::AsyncWrite + Unpin, delay_ms: Arc<AtomicU64>) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        tokio::time::sleep(Duration::from_millis(delay_ms.load(Ordering::SeqCst))).await;
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
}
