//! PostgreSQL's own client programs: found, and only used when they understand the server.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{BackupError, Kind};

/// Where Debian and its relatives keep the programs of each version.
const FOLDERS: &str = "/usr/lib/postgresql";
/// What is shown of a program's complaint.
const TALK_CHARS_MAX: usize = 600;

/// The program for a server of this major version: of the same version where there is one, else a
/// newer one, for `pg_dump` refuses a server that is newer than itself.
pub(super) async fn find(program: &'static str, server: u32) -> Result<PathBuf, BackupError> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for path in candidates(program) {
        if let Some(version) = version(&path).await {
            found.push((version, path));
        }
    }
    let fits = found.iter().filter(|(version, _)| *version >= server).min_by_key(|(version, _)| *version);
    if let Some((_, path)) = fits {
        return Ok(path.clone());
    }
    let hint = format!("install PostgreSQL's client programs of version {server}, such as `apt install postgresql-client-{server}`");
    Err(match found.iter().map(|(version, _)| version).max() {
        None => BackupError::new(Kind::Unreachable, format!("`{program}` is neither on PATH nor under {FOLDERS}")),
        Some(newest) => {
            BackupError::new(Kind::Failed, format!("the server is PostgreSQL {server}, and the newest `{program}` here is {newest}"))
        }
    }
    .hint(hint))
}

fn candidates(program: &str) -> Vec<PathBuf> {
    let mut all = vec![PathBuf::from(program)];
    let versions = std::fs::read_dir(FOLDERS).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path().join("bin").join(program)));
    all.extend(versions.filter(|path| path.exists()));
    all
}

/// The major version; `None` when it does not run.
async fn version(path: &Path) -> Option<u32> {
    let output = Command::new(path).arg("--version").output().await.ok().filter(|output| output.status.success())?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// `pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`, also `18beta1`.
fn major(told: &str) -> Option<u32> {
    let number = told.split(") ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A program's complaint in one line.
pub(super) fn complaint(program: &str, talk: &[u8]) -> BackupError {
    let talk = String::from_utf8_lossy(talk);
    let line: String = talk.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TALK_CHARS_MAX).collect();
    BackupError::failed(format!("{program} gave up: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_told() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major("psql (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("sh: not found"), None);
    }

    #[tokio::test]
    async fn a_server_newer_than_every_program_is_told_with_what_to_install() {
        let Err(error) = find("pg_dump", 9999).await else { panic!("no such version") };
        assert!(error.what.contains("pg_dump") && error.hint.is_some_and(|hint| hint.contains("postgresql-client-9999")));
    }
}
