//! What was measured, and on what.

use std::fs;
use std::process::Command;

/// One line for the head of the report.
pub fn describe(engines_have_postgres: bool) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("machine", machine()),
        ("commit", said("git", &["rev-parse", "--short=12", "HEAD"])),
        ("date", said("date", &["-u", "+%Y-%m-%d"])),
        ("compiler", said("rustc", &["-V"])),
        ("SQLite", sqlx_sqlite()),
    ];
    if engines_have_postgres {
        all.push(("PostgreSQL", postgres()));
    }
    all
}

fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |line: &str| line.split_once(':').map(|(_, value)| value.trim().to_owned());
    let model = info.lines().find(|line| line.starts_with("model name")).and_then(field).unwrap_or_else(|| "unknown".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    format!("{cores} cores of {model}, {:.0} GB, {}", kib.unwrap_or_default() * 1024.0 / 1e9, said("uname", &["-sr"]))
}

fn sqlx_sqlite() -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    version_in(&lock, "libsqlite3-sys").map_or_else(|| "unknown".to_owned(), |version| format!("built in (libsqlite3-sys {version})"))
}

fn version_in(lock: &str, package: &str) -> Option<String> {
    let at = lock.find(&format!("name = \"{package}\"\n"))?;
    lock[at..].lines().nth(1)?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

fn postgres() -> String {
    let mut found: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found.last().map_or_else(|| "unknown".to_owned(), |path| said(&path.join("bin/postgres").display().to_string(), &["--version"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_off_the_lock_file() {
        let lock = "[[package]]\nname = \"libsqlite3-sys\"\nversion = \"0.35.0\"\n";
        assert_eq!(version_in(lock, "libsqlite3-sys").as_deref(), Some("0.35.0"));
        assert_eq!(version_in(lock, "sqlite"), None);
    }
}
