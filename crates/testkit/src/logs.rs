//! Everything that the process logs, kept for a test to look through.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;

/// Our own rooms tell all; libraries what they would tell in production.
const LEVELS: &str = "info,http=trace,autorisen=trace,kernel=trace,store=trace,host=trace,web=trace,flows=trace,console=trace,\
    mail=trace,tenancy=trace,identity=trace,crm=trace,billing=trace,recovery=trace,sqlx=info,hyper=info,reqwest=info";

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps every log line of this process from now on, with all fields, spans included. Stories that
/// run beside the caller's are in it too.
pub fn keep_logs() {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| {
        let lines = tracing_subscriber::fmt().json().with_env_filter(EnvFilter::new(LEVELS)).with_writer(|| Lines);
        tracing::subscriber::set_global_default(lines.finish()).expect("nothing else in a test takes the logs");
    });
}

/// What was logged since [`keep_logs`].
pub fn logs() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
