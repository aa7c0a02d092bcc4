//! Backups by the clock: the settings, and the schedule that makes them where one is set.

use std::path::PathBuf;
use std::time::Duration;

use flows::{Activity, Flows as _, Schedule};
use host::{Registry, Work};
use kernel::Failure;
use store::backup;

const CREATE: Activity<(), ()> = Activity::new("backup.create");
/// A copy of a database of some hundred gigabytes; what takes longer needs another way.
const TIME_MAX: Duration = Duration::from_hours(3);

host::section! {
    /// Copies of the whole database.
    pub struct BackupConfig("backup") {
        /// When one is made: a cron expression of five fields in UTC, such as `30 2 * * *`. Unset: never.
        schedule: Option<String> = None,
        /// The folder they are kept in. Unset: `backups` in the data folder, for `autorisen backup`; a schedule needs one that is said, best on another disk.
        folder: Option<String> = None,
        /// How many of this database are kept; each new one removes the oldest beyond that.
        keep: usize = 14,
        /// Whether they are sealed under a key that derives from the master key.
        sealed: bool = true,
    }
}

/// The module that makes backups by the clock.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "backup"
    }

    fn register(&self, app: &mut Registry) {
        let config = app.config::<BackupConfig>();
        let config = app.provide(config);
        let given = config.clone();
        app.activity(CREATE, move |work: Work, ()| create(work, given.folder.clone(), given.keep, given.sealed)).time_max(TIME_MAX);
        if config.keep == 0 {
            app.config_fault("backup.keep", "expected at least 1");
        }
        let Some(cron) = &config.schedule else { return };
        if let Some(wrong) = Schedule::fault_in(cron) {
            app.config_fault("backup.schedule", wrong);
        } else if config.folder.is_none() {
            app.config_fault("backup.folder", "a schedule needs to know where the backups go");
        } else {
            app.schedule("backup.create", cron, CREATE);
        }
    }
}

/// Makes one and removes the oldest. What goes wrong is tried again, and at last a dead letter.
async fn create(work: Work, folder: Option<String>, keep: usize, is_sealed: bool) -> Result<(), Failure> {
    let folder = PathBuf::from(folder.ok_or_else(|| Failure::internal("the folder of the backups is no longer set"))?);
    let made = backup::create(&work.core.store, &folder, is_sealed).await.map_err(Failure::internal)?;
    let removed = backup::forget(&work.core.store, &folder, keep).await.map_err(Failure::internal)?;
    let (bytes, rows) = (made.manifest.bytes, made.manifest.rows());
    tracing::info!(event = "backup.created", backup = made.name, bytes, rows, removed = removed.len(), "a backup was made");
    Ok(())
}
