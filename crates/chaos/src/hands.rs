//! The hands of the clock under the processes.

use std::path::{Path, PathBuf};

use testkit::json;

use crate::Place;
use crate::world::World;

/// The clock under the process.
pub(crate) enum Hands {
    /// A file that libfaketime reads at each look at the clock.
    Library(PathBuf),
    /// `POST /dev/clock`.
    Request,
}

impl Hands {
    fn find() -> Option<PathBuf> {
        let folders = std::fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")));
        folders.filter(|file| file.exists()).max()
    }

    /// Gives the processes of this place a clock that can be moved under them; those that are put beside
    /// it have the same one.
    pub fn on(place: Place) -> (Place, Self) {
        let Some(library) = Self::find() else { return (place, Self::Request) };
        let file = place.folder().join("clock");
        write(&file, 0);
        let place = place.var("LD_PRELOAD", library.display().to_string()).var("FAKETIME_TIMESTAMP_FILE", file.display().to_string());
        // Only the time of day is moved: what waits for a while waits as before.
        let place = place.var("FAKETIME_NO_CACHE", "1").var("FAKETIME_DONT_FAKE_MONOTONIC", "1").var("DONT_FAKE_MONOTONIC", "1");
        (place, Self::Library(file))
    }

    /// Moves the clock; `by` is how far, the world knows how far in all.
    pub async fn jump(&self, world: &mut World, by_s: i64) {
        world.ahead += chrono::Duration::seconds(by_s);
        world.journal.note(&format!("the clock jumps by {by_s} s"));
        match self {
            Self::Library(file) => write(file, world.ahead.num_seconds()),
            Self::Request => drop(world.cast.nobody.post("/dev/clock", json!({"advance_seconds": by_s})).await),
        }
    }
}

/// Written beside and put in its place, so that nobody reads half of it.
fn write(file: &Path, ahead_s: i64) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, format!("{ahead_s:+}\n")).expect("the folder can be written");
    std::fs::rename(&beside, file).expect("the folder can be written");
}
