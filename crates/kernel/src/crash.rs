//! Points at which a process can be told to die, as if it were killed right there.
//!
//! A crash between two statements is rare, and a test cannot wait for it. So the places where it would
//! do harm have names: a process that was armed for one of them dies the n-th time that it comes by,
//! without another word. Nothing happens in a process that was not armed, and only development, demo
//! and test may be.

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A place where a crash matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// All is written, and nothing of it is kept.
    BeforeCommit,
    /// All is kept, and nobody was told.
    AfterCommit,
    /// A step of durable work has had its effect, and that is not marked.
    AfterEffect,
    /// A letter was handed over, and that is not written down.
    AfterHandover,
    /// Between two changes of the schema.
    InMigration,
    /// A refresh token is being exchanged: before it is kept, and then before it is told.
    InRotation,
}

impl Point {
    pub const ALL: [Self; 6] =
        [Self::BeforeCommit, Self::AfterCommit, Self::AfterEffect, Self::AfterHandover, Self::InMigration, Self::InRotation];

    /// The word in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeCommit => "before_commit",
            Self::AfterCommit => "after_commit",
            Self::AfterEffect => "after_effect",
            Self::AfterHandover => "after_handover",
            Self::InMigration => "in_migration",
            Self::InRotation => "in_rotation",
        }
    }
}

/// Where a process is to die, and the how manieth time that it comes by there: `after_commit:3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashAt {
    pub point: Point,
    /// From one.
    pub passing: u32,
}

/// Why a text is no such place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected before_commit, after_commit, after_effect, after_handover, in_migration or in_rotation, and perhaps `:` and a number from 1"
)]
pub struct NotACrash;

impl FromStr for CrashAt {
    type Err = NotACrash;

    fn from_str(text: &str) -> Result<Self, NotACrash> {
        let (name, passing) = text.split_once(':').unwrap_or((text, "1"));
        let point = Point::ALL.into_iter().find(|point| point.name() == name).ok_or(NotACrash)?;
        let passing = passing.parse().ok().filter(|passing| *passing > 0).ok_or(NotACrash)?;
        Ok(Self { point, passing })
    }
}

static ARMED: OnceLock<(Point, AtomicU32)> = OnceLock::new();

/// Arms this process, once and for all.
pub fn arm(at: CrashAt) {
    ARMED.get_or_init(|| (at.point, AtomicU32::new(at.passing)));
}

/// Comes by a point. A process that was armed for it does not go on.
pub fn pass(point: Point) {
    let Some((armed, left)) = ARMED.get() else { return };
    if *armed == point && left.fetch_sub(1, Ordering::SeqCst) == 1 {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_name_and_perhaps_a_number() {
        assert_eq!("after_commit".parse(), Ok(CrashAt { point: Point::AfterCommit, passing: 1 }));
        assert_eq!("in_rotation:2".parse(), Ok(CrashAt { point: Point::InRotation, passing: 2 }));
        for wrong in ["", "after", "after_commit:", "after_commit:0", "after_commit:-1", "AFTER_COMMIT"] {
            assert_eq!(wrong.parse::<CrashAt>(), Err(NotACrash), "{wrong}");
        }
        assert!(Point::ALL.iter().all(|point| NotACrash.to_string().contains(point.name())), "each is told to who mistypes it");
    }

    #[test]
    fn nothing_happens_in_a_process_that_was_not_armed() {
        Point::ALL.into_iter().for_each(pass);
    }
}
