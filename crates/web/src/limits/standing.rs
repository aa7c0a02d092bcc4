//! What an answer tells about limits: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`, and
//! `Retry-After` on every 429.
//!
//! Limits are held deep inside actions that know nothing of answers, so whoever counts says how it
//! stands, and the outermost layer listens while the request runs. Of several limits the one that is
//! nearest to its end is told.

use std::cell::Cell;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use kernel::At;

use super::Way;
use super::table::Per;

/// What to wait after a 429 for which nobody counted, such as one of a provider that is passed on.
const RETRY_UNKNOWN_S: u64 = 60;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

tokio::task_local! {
    static SHOWN: Cell<Option<Standing>>;
}

/// How a caller stands with one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub of: (Way, Per),
    pub limit: u32,
    pub remaining: u32,
    /// Seconds until the window ends, or its whole length when none is open.
    pub reset_s: u64,
}

/// Runs the work of a request, and says which limit it came nearest to.
pub(crate) async fn watched<T>(work: impl Future<Output = T>) -> (T, Option<Standing>) {
    SHOWN.scope(Cell::new(None), async { (work.await, SHOWN.with(Cell::get)) }).await
}

/// Notes how it stands now. Outside a request nobody listens.
pub(super) fn show(now: Standing) {
    let _ = SHOWN.try_with(|shown| {
        let nearer = shown.get().filter(|before| before.of != now.of && (before.remaining, now.reset_s) <= (now.remaining, before.reset_s));
        shown.set(nearer.or(Some(now)));
    });
}

/// Writes the headers.
pub(crate) fn tell(standing: Option<Standing>, response: &mut Response) {
    let refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    if refused {
        headers.entry(header::RETRY_AFTER).or_insert(standing.map_or(RETRY_UNKNOWN_S, |standing| standing.reset_s).into());
    }
    if let Some(standing) = standing {
        headers.insert(LIMIT, HeaderValue::from(standing.limit));
        headers.insert(REMAINING, HeaderValue::from(standing.remaining));
        headers.insert(RESET, HeaderValue::from(standing.reset_s));
    }
}

/// Whole seconds until the window ends, rounded up, at least one.
pub(super) fn wait_s(now: At, ends_at: At) -> u64 {
    let micros = (ends_at - now).num_microseconds().unwrap_or(i64::MAX).max(1);
    u64::try_from(micros).unwrap_or(1).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_wait_is_whole_seconds_rounded_up() {
        assert_eq!(wait_s(noon(), noon() + Duration::minutes(15)), 900);
        assert_eq!(wait_s(noon(), noon() + Duration::milliseconds(1)), 1);
        assert_eq!(wait_s(noon(), noon() - Duration::minutes(1)), 1);
    }

    fn standing(way: Way, remaining: u32) -> Standing {
        Standing { of: (way, Per::Account), limit: 9, remaining, reset_s: 60 }
    }

    #[tokio::test]
    async fn the_limit_that_is_nearest_to_its_end_is_told() {
        let work = async {
            for (way, remaining) in [(Way::Request, 100), (Way::SignIn, 3), (Way::Invite, 50)] {
                show(standing(way, remaining));
            }
        };
        assert_eq!(watched(work).await.1, Some(standing(Way::SignIn, 3)));
    }

    #[tokio::test]
    async fn a_later_word_about_the_same_limit_holds() {
        let work = async {
            show(standing(Way::SignIn, 3));
            show(standing(Way::SignIn, 5));
        };
        assert_eq!(watched(work).await.1.map(|shown| shown.remaining), Some(5));
    }
}
