//! Who has the file open: every opened store holds a shared lock on a file beside the database, and
//! whoever replaces the database asks for it alone. The system gives it back when a process dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// The ending of the file that says so while a restore moves files around.
const RESTORING: &str = ".restoring";

/// What a restore says beside the database while it moves files around; left behind by one that broke off.
pub(crate) struct Restoring {
    /// The folder of the backup.
    pub(crate) backup: String,
    /// The ending under which what was there before is kept.
    pub(crate) kept: String,
}

impl Restoring {
    /// What a restore into this database said that broke off.
    pub(crate) fn find(database: &Path) -> Option<Self> {
        let marker = Self::path(database);
        if !marker.exists() {
            return None;
        }
        // A crash may have left it without its words.
        let said = std::fs::read_to_string(&marker).unwrap_or_default();
        let mut lines = said.lines().map(str::to_owned);
        Some(Self { backup: lines.next().unwrap_or_default(), kept: lines.next().unwrap_or_default() })
    }

    pub(crate) fn path(database: &Path) -> PathBuf {
        beside(database, RESTORING)
    }

    pub(crate) fn words(&self) -> String {
        format!("{}\n{}\n", self.backup, self.kept)
    }
}

/// Shared with the others that have the database open.
pub(crate) fn in_use(database: &Path) -> Result<File, StoreError> {
    let (file, path) = open(database)?;
    match file.try_lock_shared() {
        Ok(()) => whole(database).map(|()| file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!("{} is being restored", database.display()))),
        Err(TryLockError::Error(error)) => Err(unavailable(&path, &error)),
    }
}

/// For one alone; `None` when somebody has the database open.
pub(crate) fn alone(database: &Path) -> Result<Option<File>, StoreError> {
    let (file, path) = open(database)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unavailable(&path, &error)),
    }
}

/// Refuses a database in whose place a restore broke off: what lies there is not the whole of it, and an
/// empty one must not be made instead.
fn whole(database: &Path) -> Result<(), StoreError> {
    let Some(broken_off) = Restoring::find(database) else { return Ok(()) };
    Err(StoreError::Unsafe(format!(
        "a restore into {database} broke off: run it again with `autorisen backup restore '{}'`. What was there before and was moved \
         already is kept as {database}{}, its log as {database}{}-wal; to go back, give those files their names back and remove {}",
        broken_off.backup,
        broken_off.kept,
        broken_off.kept,
        Restoring::path(database).display(),
        database = database.display(),
    )))
}

fn open(database: &Path) -> Result<(File, PathBuf), StoreError> {
    let path = beside(database, ".lock");
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| unavailable(folder, &error))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(|error| unavailable(&path, &error))?;
    Ok((file, path))
}

/// The path with an ending put after the whole name, as SQLite names the files beside its own.
pub(crate) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}
