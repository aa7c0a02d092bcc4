//! `backup create | list | verify | restore`.

use std::path::{Path, PathBuf};

use host::Prepared;
use host::telemetry::Stream;
use serde_json::json;
use store::Cipher;
use store::backup::{self, Backup as Made, BackupError, Kind, Restoring};

use identity::LEFT_BEHIND_BY_RESTORE;
use tenancy::keys;

use super::{Shared, log_to, say, tell};
use crate::App;
use crate::backups::BackupConfig;
use crate::start::Ended;

/// The folder below the data folder, when no other is set.
const FOLDER: &str = "backups";
/// The word for the newest one.
const LATEST: &str = "latest";

/// Copy the whole database, and bring a copy back.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Backup {
    /// Make a backup while everything goes on; prints its name.
    Create {
        /// Remove all but the newest of this many of this database, the new one among them.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
        /// Do not seal it: whoever has the file has every row.
        #[arg(long)]
        plain: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List the backups, the newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Restore one into a scratch place, check every reference and count every row.
    Verify {
        /// Its name, the path of its folder, or `latest`.
        #[arg(default_value = LATEST)]
        backup: String,
        /// PostgreSQL: an empty database to try it in; nothing is kept there. Unset: one is made and removed.
        #[arg(long, value_name = "ADDRESS")]
        scratch: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Fill the database from a backup. No server or worker may run on it.
    Restore {
        /// Its name, the path of its folder, or `latest`.
        #[arg(default_value = LATEST)]
        backup: String,
        /// Check everything and say what would be done.
        #[arg(long)]
        plan: bool,
        /// Replace a database that is not empty.
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        place: Place,
    },
}

/// Where the backups are.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The folder of the backups.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

impl Backup {
    const fn place(&self) -> &Place {
        match self {
            Self::Create { place, .. } | Self::List { place, .. } | Self::Verify { place, .. } | Self::Restore { place, .. } => place,
        }
    }
}

impl From<BackupError> for Ended {
    fn from(error: BackupError) -> Self {
        let code = match error.kind {
            Kind::Failed => 1,
            Kind::Unreachable => 4,
            Kind::Refused => 5,
        };
        Self { code, what: error.what, hint: error.hint }
    }
}

pub(super) async fn run(app: App, asked: Backup) -> Result<(), Ended> {
    let prepared = app.prepare(asked.place().shared.sources())?;
    log_to(&prepared, Stream::Stderr);
    let config = prepared.registry().part::<BackupConfig>().unwrap_or_default();
    let set = asked.place().folder.clone().or_else(|| config.folder.as_ref().map(PathBuf::from));
    let folder = set.unwrap_or_else(|| prepared.data_dir().join(FOLDER));
    match asked {
        Backup::Create { keep, plain, json, .. } => create(&prepared, &folder, keep, !plain && config.sealed, json).await,
        Backup::List { json, .. } => list(&folder, json),
        Backup::Verify { backup, scratch, .. } => verify(&prepared, &chosen(&folder, &backup)?, scratch.as_deref()).await,
        Backup::Restore { backup, plan, replace, .. } => restore(&prepared, &chosen(&folder, &backup)?, plan, replace).await,
    }
}

async fn create(prepared: &Prepared, folder: &Path, keep: Option<u32>, is_sealed: bool, json: bool) -> Result<(), Ended> {
    let core = prepared.open().await?;
    let made = backup::create(&core.store, folder, is_sealed).await?;
    let removed = match keep {
        Some(keep) => backup::forget(&core.store, folder, keep as usize).await?,
        None => Vec::new(),
    };
    core.store.close().await;
    say(&if json { shown(&made).to_string() } else { made.name.clone() });
    tell(&format!(
        "{} rows in {} tables, {} bytes in {}",
        made.manifest.rows(),
        made.manifest.tables.len(),
        made.manifest.bytes,
        made.path.display()
    ));
    for name in &removed {
        tell(&format!("removed {name}"));
    }
    Ok(())
}

fn list(folder: &Path, json: bool) -> Result<(), Ended> {
    let all = backup::list(folder)?;
    if json {
        say(&all.iter().map(shown).collect::<serde_json::Value>().to_string());
        return Ok(());
    }
    let width = all.iter().map(|made| made.name.len()).max().unwrap_or(0);
    for made in &all {
        let (manifest, sealed) = (&made.manifest, if made.manifest.is_sealed { "sealed" } else { "plain" });
        say(&format!(
            "{:width$}  {sealed:6}  {:>9} rows  {:>12} bytes  {} {}",
            made.name,
            manifest.rows(),
            manifest.bytes,
            manifest.engine,
            manifest.engine_version
        ));
    }
    if all.is_empty() {
        tell(&format!("no backups in {}", folder.display()));
    }
    Ok(())
}

fn shown(made: &Made) -> serde_json::Value {
    json!({"name": made.name, "path": made.path, "manifest": made.manifest})
}

/// The backup that is meant by a name, a path or `latest`.
fn chosen(folder: &Path, wanted: &str) -> Result<Made, Ended> {
    if wanted == LATEST {
        let newest = backup::list(folder)?.into_iter().next();
        return newest.ok_or_else(|| Ended::failed(format!("no backups in {}", folder.display())).hint("autorisen backup create"));
    }
    let named = folder.join(wanted);
    let path = if named.is_dir() { named } else { PathBuf::from(wanted) };
    if !path.is_dir() {
        return Err(Ended::failed(format!("there is no backup {wanted} in {}", folder.display())).hint("autorisen backup list"));
    }
    Ok(Made::at(&path)?)
}

async fn verify(prepared: &Prepared, made: &Made, scratch: Option<&str>) -> Result<(), Ended> {
    let (options, master) = prepared.store_options()?;
    backup::verify(made, &options.location, &Cipher::new(master), scratch).await?;
    let manifest = &made.manifest;
    tell(&format!("{} is whole: {} rows in {} tables were restored and counted", made.name, manifest.rows(), manifest.tables.len()));
    Ok(())
}

async fn restore(prepared: &Prepared, made: &Made, plan_only: bool, replace: bool) -> Result<(), Ended> {
    let (options, master) = prepared.store_options()?;
    let (cipher, plan) = (Cipher::new(master), prepared.plan());
    let asked = Restoring {
        backup: made,
        location: &options.location,
        cipher: &cipher,
        plan: &plan,
        replace,
        left_behind: &LEFT_BEHIND_BY_RESTORE,
    };
    if plan_only {
        backup::plan(&asked).await?.sentences.iter().for_each(|sentence| say(sentence));
        return Ok(());
    }
    let done = backup::restore(&asked).await?;
    tell(&format!("{} is restored: {} rows in {} tables", made.name, made.manifest.rows(), made.manifest.tables.len()));
    if done.pending > 0 {
        tell(&format!("{} migrations are pending: autorisen migrate up", done.pending));
    }
    revived(prepared, made).await
}

/// Says what holds again that may have been ended since the backup was made.
async fn revived(prepared: &Prepared, made: &Made) -> Result<(), Ended> {
    tell(&format!("everybody has to sign in again, with the password of {}", made.manifest.created_at));
    // A backup from before the first migration has none.
    if !made.manifest.has("api_keys") {
        return Ok(());
    }
    let core = prepared.open().await?;
    let alive = keys::alive(&core).await?;
    core.store.close().await;
    for key in &alive {
        tell(&format!("this API key holds: {}…  {}  of {}, made {}", key.prefix, key.name, key.org_name, key.created_at));
    }
    if !alive.is_empty() {
        tell(&format!(
            "hint: of these {} keys, revoke again what was revoked after the backup was made, on the organization's page of API keys",
            alive.len()
        ));
    }
    Ok(())
}
