//! Pages of lists: a limit, and the place after which the next page begins.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::At;

/// The most rows that one page holds: one screen of a table and one round trip of a sync job.
pub const LIMIT_MAX: u64 = 100;
/// Rows in a page when the caller does not say.
pub const LIMIT_DEFAULT: u64 = 20;

/// How many rows a page may hold: 1 to [`LIMIT_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u64);

impl Limit {
    /// `None` when the number is out of range.
    pub fn new(rows: u64) -> Option<Self> {
        (1..=LIMIT_MAX).contains(&rows).then_some(Self(rows))
    }

    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

/// The last row of the page before: lists are ordered newest first by `(at, id)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    pub at: At,
    pub id: Uuid,
}

/// Rows, and where the next page begins if there is one.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<After>,
}

impl<T> Page<T> {
    /// Cuts a page out of `rows`, which were fetched with one more than `limit` asks for: the
    /// surplus row tells that there is a next page without counting.
    pub fn cut(mut rows: Vec<T>, limit: Limit, place: impl Fn(&T) -> After) -> Self {
        let wanted = usize::try_from(limit.get()).expect("at most a hundred");
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = if more { rows.last().map(place) } else { None };
        Self { items: rows, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}
