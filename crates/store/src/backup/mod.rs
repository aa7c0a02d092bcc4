//! Backups: a consistent copy of the whole database in a folder of its own, with a manifest that says
//! what is in it, and the way back.
//!
//! A copy is taken while everything goes on: SQLite writes a compact copy from one read transaction,
//! PostgreSQL's own `pg_dump` reads one snapshot, and the rows are counted in that same snapshot. The
//! folder appears under its name only when it is whole. By default the copy is sealed under a key that
//! derives from the master key, and the manifest is proven by it, so that a folder somewhere else
//! tells and takes nothing.

mod behind;
mod manifest;
mod postgres;
mod programs;
mod restore;
mod sealed;
mod sqlite;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use kernel::At;

use manifest::Made;
pub use manifest::{Manifest, RoleNames};
pub use restore::{Planned, Restoring, plan, restore, verify};

use crate::store::{Database, Location};
use crate::{Store, StoreError};

/// What stands in front of the name while a backup is being made.
const DRAFT: &str = ".draft-";
/// A draft this old is of a process that died; no database takes longer to copy.
const DRAFT_KEPT: TimeDelta = TimeDelta::days(1);
const MANIFEST: &str = "manifest.json";
/// The ending of a sealed file.
const SEALED: &str = ".sealed";

/// Why a backup could not be made, checked or restored.
#[derive(Debug)]
pub struct BackupError {
    pub kind: Kind,
    pub what: String,
    /// The next thing to try.
    pub hint: Option<String>,
}

/// What kind of end it is, for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It can't be done, or the backup is not whole.
    Failed,
    /// A database or a program is not there.
    Unreachable,
    /// It could be done and would do harm.
    Refused,
}

impl BackupError {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hint: None }
    }

    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::new(Kind::Failed, what)
    }

    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::new(Kind::Refused, what)
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn at(path: &Path, error: &std::io::Error) -> Self {
        Self::failed(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for BackupError {}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Unavailable(_) => Kind::Unreachable,
            StoreError::Unsafe(_) => Kind::Refused,
            _ => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// One backup in its folder.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The folder's name: it begins with the instant, so that names sort by age.
    pub name: String,
    pub path: PathBuf,
    pub manifest: Manifest,
}

impl Backup {
    /// Reads the one in this folder.
    pub fn at(path: &Path) -> Result<Self, BackupError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, path: path.to_owned(), manifest: Manifest::read(&path.join(MANIFEST))? })
    }

    fn file(&self) -> PathBuf {
        self.path.join(&self.manifest.file)
    }
}

/// What a copy of one engine holds.
pub(crate) struct Copied {
    pub(crate) engine_version: String,
    pub(crate) steps: Vec<String>,
    pub(crate) tables: std::collections::BTreeMap<String, u64>,
    pub(crate) roles: Option<RoleNames>,
}

/// Makes a backup in a new folder below `folder`.
pub async fn create(store: &Store, folder: &Path, is_sealed: bool) -> Result<Backup, BackupError> {
    let now = store.clock().now();
    let database = store.identity().await?;
    private_folder(folder)?;
    remove_dead_drafts(folder, now)?;
    let name = format!("{}-{}-{}", stamp(now), Manifest::engine_name(store.engine()), hex::encode(kernel::chance::bytes::<3>()));
    let draft = folder.join(format!("{DRAFT}{name}"));
    private_folder(&draft)?;
    match fill(store, database, &draft, now, is_sealed).await {
        Ok(manifest) => {
            let path = folder.join(&name);
            std::fs::rename(&draft, &path).map_err(|error| BackupError::at(&path, &error))?;
            sync(folder)?;
            Ok(Backup { name, path, manifest })
        }
        Err(error) => {
            // What is left of it would only take room; its loss is told below.
            let _ = std::fs::remove_dir_all(&draft);
            Err(error)
        }
    }
}

async fn fill(store: &Store, database: Option<String>, draft: &Path, now: At, is_sealed: bool) -> Result<Manifest, BackupError> {
    let (plain, copied) = match (store.database(), store.location()) {
        (Database::Sqlite(files), _) => {
            let plain = draft.join("database.db");
            let copied = sqlite::copy(files, &plain).await?;
            (plain, copied)
        }
        (Database::Postgres(_), Location::Postgres { owner, .. }) => {
            let plain = draft.join("database.dump");
            let copied = postgres::dump(owner, &store.roles(), &plain).await?;
            (plain, copied)
        }
        (Database::Postgres(_), Location::Sqlite(_)) => unreachable!("the database is opened from its own location"),
    };
    #[cfg(unix)]
    std::fs::set_permissions(&plain, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(|error| BackupError::at(&plain, &error))?;
    let key = store.cipher().derive(sealed::LABEL);
    let file = blocking(move || if is_sealed { sealed::seal_file(&key, &plain) } else { Ok(plain) }).await?;
    let manifest = Manifest::of(store, now, copied, Made { database, file: &file, is_sealed }).await?;
    manifest.write(&draft.join(MANIFEST))?;
    sync(&file)?;
    sync(draft)?;
    Ok(manifest)
}

/// Every backup in the folder, the newest first. What can't be read is left out, and told.
pub fn list(folder: &Path) -> Result<Vec<Backup>, BackupError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in names(folder)?.into_iter().filter(|name| !name.starts_with('.')) {
        let path = folder.join(&name);
        if !path.join(MANIFEST).exists() {
            continue;
        }
        match Backup::at(&path) {
            Ok(backup) => found.push(backup),
            Err(error) => tracing::warn!(event = "backup.unreadable", backup = name, cause = %error, "a backup can't be read"),
        }
    }
    found.sort_by(|a, b| b.name.cmp(&a.name));
    Ok(found)
}

/// Removes all but the newest `keep` backups of this database; their names. Another database may keep
/// its own in the same folder, and they are none of our business.
pub async fn forget(store: &Store, folder: &Path, keep: usize) -> Result<Vec<String>, BackupError> {
    let Some(ours) = store.identity().await? else { return Ok(Vec::new()) };
    let is_ours = |backup: &Backup| backup.manifest.database.as_ref() == Some(&ours);
    let old: Vec<Backup> = list(folder)?.into_iter().filter(is_ours).skip(keep.max(1)).collect();
    for backup in &old {
        std::fs::remove_dir_all(&backup.path).map_err(|error| BackupError::at(&backup.path, &error))?;
    }
    Ok(old.into_iter().map(|backup| backup.name).collect())
}

fn names(folder: &Path) -> Result<Vec<String>, BackupError> {
    let entries = std::fs::read_dir(folder).map_err(|error| BackupError::at(folder, &error))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

/// A process that was killed leaves its draft, which is not sealed yet.
fn remove_dead_drafts(folder: &Path, now: At) -> Result<(), BackupError> {
    let before = format!("{DRAFT}{}", stamp(now - DRAFT_KEPT));
    for name in names(folder)?.into_iter().filter(|name| name.starts_with(DRAFT) && *name < before) {
        let path = folder.join(name);
        std::fs::remove_dir_all(&path).map_err(|error| BackupError::at(&path, &error))?;
    }
    Ok(())
}

fn stamp(at: At) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// Makes a folder that nobody else can look into.
pub(crate) fn private_folder(path: &Path) -> Result<(), BackupError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| BackupError::at(path, &error))
}

/// Brings a file or a folder to the disk.
pub(crate) fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| BackupError::at(path, &error))
}

/// Runs work on whole files beside the requests.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, BackupError> + Send + 'static) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| BackupError::failed(format!("the work on a file broke off: {error}")))?
}
