//! Who has the file open: every opened store holds a shared lock on a file beside the database, and
//! whoever replaces the database asks for it alone. The system gives it back when a process dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Stands beside the database while a restore moves files around; left behind by one that broke off.
pub(crate) const RESTORING: &str = ".restoring";

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
    let marker = beside(database, RESTORING);
    if !marker.exists() {
        return Ok(());
    }
    let backup = std::fs::read_to_string(&marker).unwrap_or_default();
    Err(StoreError::Unsafe(format!(
        "a restore into {} broke off: run it again with `autorisen backup restore {}`. What was there before is kept beside it as \
         `.before-…`; to go back, move those files back and remove {}",
        database.display(),
        backup.trim(),
        marker.display()
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
