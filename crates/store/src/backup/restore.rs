//! The way back: what is checked before anything is touched, a look into a backup by restoring it for
//! real into a scratch place, and the restore.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::postgres::{self, End, Ending};
use super::sealed::{LABEL, open_file};
use super::{Backup, BackupError, Copied, Manifest, behind, blocking, sqlite, sync};
use crate::postgres::Servers;
use crate::schema::Roles;
use crate::sqlite::lock::{self, Restoring as Marker};
use crate::store::Location;
use crate::{Cipher, Engine, Plan};

/// Where a backup goes, and what may happen there.
pub struct Restoring<'a> {
    pub backup: &'a Backup,
    pub location: &'a Location,
    pub cipher: &'a Cipher,
    /// The steps of this program: a backup with later ones is not for it.
    pub plan: &'a Plan,
    /// Whether a database that is not empty may be replaced.
    pub replace: bool,
    /// Tables whose rows do not come back: what lets somebody in and may have been ended since. Those
    /// that refer to others first.
    pub left_behind: &'a [&'a str],
}

/// What a restore will do, in sentences for the person who is about to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub sentences: Vec<String>,
    /// Steps of the schema that have to be applied afterwards.
    pub pending: usize,
    is_empty: bool,
    server: u32,
}

/// Checks everything that can be checked without touching the database, and says what would happen.
pub async fn plan(asked: &Restoring<'_>) -> Result<Planned, BackupError> {
    let manifest = &asked.backup.manifest;
    manifest.check(asked.cipher, &asked.backup.path).await?;
    let engine = Manifest::engine_name(engine_of(asked.location));
    if manifest.engine != engine {
        return Err(BackupError::refused(format!("the backup is of {} and this database is {engine}", manifest.engine))
            .hint("point DATABASE_URL at a database of that kind"));
    }
    let unknown = asked.plan.unknown_in(&manifest.steps);
    if !unknown.is_empty() {
        return Err(BackupError::refused(format!("the backup has migrations that this program does not know: {}", unknown.join(", ")))
            .hint("restore it with the program that made it, or a newer one"));
    }
    let (is_empty, server, place) = match asked.location {
        Location::Sqlite(path) => {
            alone(path).await?;
            (file_is_empty(path)?, 0, path.display().to_string())
        }
        Location::Postgres { owner, app, system } => {
            let found = postgres::look(owner).await?;
            fits(manifest, &found, &Roles::of(app.as_deref(), system.as_deref())?)?;
            (found.tables == 0, found.server, "the PostgreSQL database".to_owned())
        }
    };
    let mut sentences = vec![format!("restore {} with {} rows in {} tables", asked.backup.name, manifest.rows(), manifest.tables.len())];
    match (is_empty, asked.replace, asked.location) {
        // Whoever began has agreed to the rest, and nothing starts on what lies there now.
        (.., Location::Sqlite(path)) if Marker::find(path).is_some() => {
            sentences.push(format!("end the restore into {place} that broke off; what lies there is kept beside it"));
        }
        (true, ..) => sentences.push(format!("fill {place}, which is empty")),
        (false, true, Location::Sqlite(_)) => sentences.push(format!("replace {place}, which is kept beside it under another name")),
        (false, true, Location::Postgres { .. }) => sentences.push(format!("replace everything in {place}")),
        (false, false, _) => {
            return Err(BackupError::refused(format!("{place} is not empty")).hint("make a backup of it, then say --replace"));
        }
    }
    let left_behind = behind::tables(manifest, asked.left_behind);
    if !left_behind.is_empty() {
        sentences.push(format!("leave behind all rows of {}, so that nobody is signed in who no longer was", left_behind.join(", ")));
    }
    let pending = asked.plan.missing_in(&manifest.steps).len();
    if pending > 0 {
        sentences.push(format!("{pending} migrations are to be applied afterwards: `autorisen migrate up`"));
    }
    Ok(Planned { sentences, pending, is_empty, server })
}

/// A running program would go on writing into what is taken away under it, and policies name roles.
fn fits(manifest: &Manifest, found: &postgres::Found, roles: &Roles) -> Result<(), BackupError> {
    if found.programs > 0 {
        return Err(BackupError::refused("a program is running on this database").hint("stop every server and worker on it first"));
    }
    let theirs = manifest.engine_version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if found.server < theirs {
        return Err(BackupError::refused(format!("the backup is of PostgreSQL {theirs}, and this server is {}", found.server))
            .hint("restore it into a server of that version or a newer one"));
    }
    let Some(named) = &manifest.roles else { return Err(BackupError::failed("the manifest names no roles")) };
    let here = [("owner", &named.owner, &found.owner), ("app", &named.app, &roles.app), ("system", &named.system, &roles.system)];
    match here.into_iter().find(|(_, theirs, ours)| theirs != ours) {
        Some((which, theirs, ours)) => Err(BackupError::refused(format!(
            "policies and grants of the backup name the {which} role `{theirs}`, and here it is `{ours}`"
        ))
        .hint(format!("connect with a {which} role of that name"))),
        None => Ok(()),
    }
}

/// Restores; what was there before is kept beside it on SQLite, and gone on PostgreSQL.
pub async fn restore(asked: &Restoring<'_>) -> Result<Planned, BackupError> {
    let planned = plan(asked).await?;
    match asked.location {
        Location::Sqlite(path) => into_file(asked, path).await?,
        Location::Postgres { owner, app, system } => {
            // Makes the assumed roles where the server has none yet: the grants of the dump name them.
            Servers::open(owner, app.as_deref(), system.as_deref(), 1).await?.close().await;
            let opened = Opened::of(asked.backup, asked.cipher, &asked.backup.path).await?;
            let end = if planned.is_empty { End::Keep } else { End::Replace };
            let behind = behind::statements(&asked.backup.manifest, asked.left_behind);
            postgres::play(owner, &opened.path, &asked.backup.manifest, planned.server, Ending { end, behind: &behind }).await?;
        }
    }
    Ok(planned)
}

async fn into_file(asked: &Restoring<'_>, path: &Path) -> Result<(), BackupError> {
    let _alone = alone(path).await?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    super::private_folder(folder)?;
    // In the folder of the database, so that it can take its place by a name alone.
    let opened = Opened::of(asked.backup, asked.cipher, folder).await?;
    compare(&asked.backup.manifest, &sqlite::inspect(&opened.path).await?)?;
    sqlite::run(&opened.path, &behind::statements(&asked.backup.manifest, asked.left_behind)).await?;
    sync(&opened.path)?;
    let kept = kept(asked.backup, path);
    // From here to the end a crash would leave no database, or one without its log: a start would make
    // an empty one, so it is told not to.
    let from = std::path::absolute(&asked.backup.path).unwrap_or_else(|_| asked.backup.path.clone());
    let (marker, said) = (Marker::path(path), Marker { backup: from.display().to_string(), kept: kept.clone() });
    std::fs::write(&marker, said.words()).map_err(|error| BackupError::at(&marker, &error))?;
    sync(&marker)?;
    sync(folder)?;
    // The log goes first: a file beside a log that is not its own would be read wrongly.
    for ending in ["-wal", "-shm", ""] {
        let (old, aside) = (lock::beside(path, ending), lock::beside(path, &format!("{kept}{ending}")));
        if old.exists() {
            std::fs::rename(&old, &aside).map_err(|error| BackupError::at(&old, &error))?;
        }
    }
    std::fs::rename(&opened.path, path).map_err(|error| BackupError::at(path, &error))?;
    sync(folder)?;
    std::fs::remove_file(&marker).map_err(|error| BackupError::at(&marker, &error))?;
    sync(folder)
}

/// The ending under which the files of before are kept. One that broke off before it moved the database
/// itself goes on under its own, so that a database and its log stay together.
fn kept(backup: &Backup, path: &Path) -> String {
    let before = Marker::find(path).map(|broken_off| broken_off.kept).filter(|kept| !kept.is_empty());
    before.filter(|kept| !lock::beside(path, kept).exists()).unwrap_or_else(|| {
        // Another name each time: an older one may be kept there already.
        format!(".before-{}-{}", backup.name, hex::encode(kernel::chance::bytes::<3>()))
    })
}

/// How long we wait for the database to be ours. Whoever has just closed it may not be rid of it yet: a
/// program that it was starting at that time holds the lock as well until it runs.
const ALONE_WAIT: Duration = Duration::from_secs(1);
const ALONE_LOOK: Duration = Duration::from_millis(20);

/// The database for us alone, as long as this is held.
async fn alone(path: &Path) -> Result<std::fs::File, BackupError> {
    let until = Instant::now() + ALONE_WAIT;
    loop {
        match lock::alone(path)? {
            Some(lock) => return Ok(lock),
            None if Instant::now() < until => sleep(ALONE_LOOK).await,
            None => {
                let said = format!("a program is running on {}", path.display());
                return Err(BackupError::refused(said).hint("stop every server on it first"));
            }
        }
    }
}

/// Restores into a scratch place and compares. On PostgreSQL that is an empty database at `scratch`, or
/// one that is made and removed again.
pub async fn verify(backup: &Backup, location: &Location, cipher: &Cipher, scratch: Option<&str>) -> Result<(), BackupError> {
    backup.manifest.check(cipher, &backup.path).await?;
    let opened = Opened::of(backup, cipher, &backup.path).await?;
    if backup.manifest.engine == Manifest::engine_name(Engine::Sqlite) {
        return compare(&backup.manifest, &sqlite::inspect(&opened.path).await?);
    }
    let Location::Postgres { owner, .. } = location else {
        return Err(BackupError::refused("the backup is of PostgreSQL, and no such database is configured")
            .hint("point DATABASE_URL at the server to try it on"));
    };
    if let Some(url) = scratch {
        let found = postgres::look(url).await?;
        if found.tables > 0 {
            return Err(BackupError::refused("the scratch database is not empty"));
        }
        return postgres::play(url, &opened.path, &backup.manifest, found.server, Ending { end: End::Undo, behind: &[] }).await;
    }
    let scratch = postgres::Scratch::make(owner).await?;
    let played = match postgres::look(&scratch.url).await {
        Ok(found) => {
            postgres::play(&scratch.url, &opened.path, &backup.manifest, found.server, Ending { end: End::Keep, behind: &[] }).await
        }
        Err(error) => Err(error),
    };
    scratch.remove().await?;
    played
}

fn compare(manifest: &Manifest, found: &Copied) -> Result<(), BackupError> {
    if found.steps != manifest.steps {
        return Err(BackupError::failed("the copy has another schema than the manifest says"));
    }
    let differs = |name: &&String| manifest.tables.get(*name) != found.tables.get(*name);
    match manifest.tables.keys().chain(found.tables.keys()).find(differs) {
        Some(name) => Err(BackupError::failed(format!("the table {name} has other rows than the manifest says"))),
        None => Ok(()),
    }
}

const fn engine_of(location: &Location) -> Engine {
    match location {
        Location::Sqlite(_) => Engine::Sqlite,
        Location::Postgres { .. } => Engine::Postgres,
    }
}

fn file_is_empty(path: &Path) -> Result<bool, BackupError> {
    match std::fs::metadata(path) {
        Ok(file) => Ok(file.len() == 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(BackupError::at(path, &error)),
    }
}

/// The plain file of a backup, in a folder that goes away with it.
struct Opened {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Opened {
    async fn of(backup: &Backup, cipher: &Cipher, near: &Path) -> Result<Self, BackupError> {
        let folder = tempfile::Builder::new().prefix(".restore-").tempdir_in(near).map_err(|error| BackupError::at(near, &error))?;
        let (from, path, is_sealed) = (backup.file(), folder.path().join("database"), backup.manifest.is_sealed);
        let (key, to) = (cipher.derive(LABEL), path.clone());
        blocking(move || {
            if is_sealed {
                return open_file(&key, &from, &to);
            }
            std::fs::copy(&from, &to).map(drop).map_err(|error| BackupError::at(&from, &error))
        })
        .await?;
        Ok(Self { path, _folder: folder })
    }
}
