//! Planning a case: a pure function, called in this process.

use std::hint::black_box;
use std::time::Instant;

use autorisen::kernel::At;
use autorisen::recovery::classify::{Class, Hardness};
use autorisen::recovery::policy::{Budget, Facts, History, Owner, Policy, plan};
use chrono::Duration;

use crate::figures::{Single, Verdict, short};

const PLANS: u64 = 20_000;
const MICROS: f64 = 1000.0;

pub fn measure() -> Single {
    let opened_at: At = "2026-11-20T15:00:00Z".parse().expect("a valid instant");
    let facts = Facts {
        class: Class::InsufficientFunds,
        hardness: Hardness::Soft,
        owner: Owner::Us,
        opened_at,
        deadline_at: opened_at + Duration::days(28),
        floor_at: None,
        renewed_at: None,
        zone: chrono_tz::Europe::Berlin,
        can_charge: true,
        is_connected: true,
        has_contact: true,
        letters_from: None,
        link_allowed: true,
        budget: Budget::of(Some("visa"), Some("DE"), 15),
    };
    let history = History {
        retries: vec![opened_at + Duration::days(3)],
        misses: 2,
        card: vec![opened_at, opened_at + Duration::days(3)],
        ..History::default()
    };
    let now = opened_at + Duration::days(4);
    let began = Instant::now();
    for seed in 0..PLANS {
        black_box(plan(black_box(&facts), Policy::builtin(), &history, now, seed));
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / PLANS as f64;
    Single {
        what: "planning a case".to_owned(),
        engine: None,
        figure: format!("{} µs", short(each)),
        verdict: Some(Verdict::at_most("", MICROS, "µs", each)),
    }
}
