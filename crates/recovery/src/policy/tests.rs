use chrono::{Duration, Timelike as _};
use proptest::prelude::*;

use super::*;

fn start() -> At {
    "2026-11-20T15:00:00Z".parse().expect("an instant")
}

fn facts(class: Class, hardness: Hardness) -> Facts {
    Facts {
        class,
        hardness,
        owner: Owner::Us,
        opened_at: start(),
        deadline_at: start() + Duration::days(28),
        floor_at: None,
        renewed_at: None,
        zone: chrono_tz::Europe::Berlin,
        can_charge: true,
        is_connected: true,
        has_contact: true,
        letters_from: None,
        link_allowed: true,
        budget: Budget::of(Some("visa"), Some("DE"), 15),
    }
}

fn first() -> History {
    History { misses: 1, card: vec![start()], ..History::default() }
}

fn next(facts: &Facts, history: &History, now: At) -> Plan {
    plan(facts, Policy::builtin(), history, now, 7)
}

/// Lets every attempt decline and every message stay unanswered, and notes what was done.
fn live_through(facts: &Facts, mut history: History) -> Vec<Step> {
    let (mut now, mut done) = (start(), Vec::new());
    for _ in 0..100 {
        let step = next(facts, &history, now).next;
        done.push(step);
        now = now.max(step.at);
        match step.kind {
            StepKind::Retry => {
                history.retries.push(now);
                history.card.push(now);
                history.misses += 1;
            }
            StepKind::Message => history.messages.push(now),
            StepKind::ReadBack => history.read_backs += 1,
            StepKind::GiveUp => return done,
        }
    }
    panic!("a plan that never ends");
}

fn retries(steps: &[Step]) -> Vec<At> {
    steps.iter().filter(|step| step.kind == StepKind::Retry).map(|step| step.at).collect()
}

#[test]
fn insufficient_funds_are_tried_eight_times_a_day_apart_and_in_the_morning() {
    let steps = live_through(&facts(Class::InsufficientFunds, Hardness::Soft), first());
    let tried = retries(&steps);
    assert!((5..=8).contains(&tried.len()), "{}", tried.len());
    assert!(tried.windows(2).all(|pair| pair[1] - pair[0] >= Duration::hours(24)));
    assert!(tried.iter().all(|at| (8..11).contains(&at.with_timezone(&chrono_tz::Europe::Berlin).hour())));
    let first_message = steps.iter().position(|step| step.kind == StepKind::Message).expect("a message");
    assert!(retries(&steps[..first_message]).len() == 1, "the payer hears of it after the second decline");
}

#[test]
fn a_technical_fault_is_tried_within_hours_and_the_payer_not_told_before_a_day() {
    let steps = live_through(&facts(Class::IssuerUnavailable, Hardness::Soft), first());
    let after: Vec<i64> = retries(&steps).iter().map(|at| (*at - start()).num_hours()).collect();
    assert_eq!(after, [1, 4, 12, 24, 48]);
    let message = steps.iter().find(|step| step.kind == StepKind::Message).expect("a message");
    assert!(message.at - start() >= Duration::hours(24));
}

#[test]
fn a_generic_decline_follows_its_six_mornings() {
    let tried = retries(&live_through(&facts(Class::GenericSoft, Hardness::Soft), first()));
    let days: Vec<i64> = tried.iter().map(|at| (at.date_naive() - start().date_naive()).num_days()).collect();
    assert_eq!(days, [1, 2, 4, 7, 10, 14]);
}

#[test]
fn a_limit_waits_for_the_next_day_and_then_for_the_month() {
    let tried = retries(&live_through(&facts(Class::LimitVelocity, Hardness::Soft), first()));
    let days: Vec<String> = tried.iter().map(|at| at.format("%m-%d").to_string()).collect();
    assert_eq!(days, ["11-21", "12-01", "12-02"]);
}

#[test]
fn an_expired_card_is_written_about_and_never_charged() {
    let steps = live_through(&facts(Class::StaleCredentials, Hardness::NeedsData), first());
    assert!(retries(&steps).is_empty());
    assert_eq!(steps[0], Step { kind: StepKind::Message, at: start() });
    assert_eq!(steps.iter().filter(|step| step.kind == StepKind::Message).count(), 3);
}

#[test]
fn a_card_with_new_data_is_tried_once_and_at_once() {
    let updated = facts(Class::StaleCredentials, Hardness::Soft);
    let tried = retries(&live_through(&updated, first()));
    assert_eq!(tried.len(), 1);
    assert!(tried[0] - start() <= Duration::minutes(75), "only the card's own gap of an hour and the jitter");
}

#[test]
fn what_was_tried_before_the_new_data_does_not_count() {
    let before = History { retries: vec![start() - Duration::days(3), start() - Duration::days(2)], misses: 3, ..first() };
    let old = facts(Class::StaleCredentials, Hardness::Soft);
    assert!(retries(&live_through(&old, before.clone())).is_empty());
    let renewed = Facts { renewed_at: Some(start()), ..old };
    assert_eq!(retries(&live_through(&renewed, before)).len(), 1);
}

#[test]
fn the_mail_that_answers_a_failure_goes_at_once_and_reminders_wait_for_the_morning() {
    let night = Facts { zone: chrono_tz::Asia::Tokyo, ..facts(Class::LostStolen, Hardness::Hard) };
    let answer = next(&night, &first(), start()).next;
    assert_eq!((answer.kind, answer.at), (StepKind::Message, start()), "nine in the evening in Tokyo");
    let written = History { messages: vec![start()], ..first() };
    let reminder = next(&night, &written, start()).next;
    assert_eq!(reminder.at, "2026-11-23T23:00:00Z".parse::<At>().expect("an instant"), "eight in the morning in Tokyo");
}

#[test]
fn a_duplicate_is_asked_about_and_then_waits_for_a_person() {
    let facts = facts(Class::Duplicate, Hardness::Stop);
    let steps = live_through(&facts, first());
    assert_eq!(steps[0].kind, StepKind::ReadBack);
    assert!(steps.iter().all(|step| matches!(step.kind, StepKind::ReadBack | StepKind::GiveUp)));
    let asked = History { read_backs: 3, ..first() };
    assert_eq!(next(&facts, &asked, start()).hold, Some(Hold::ManualReview));
}

#[test]
fn a_case_without_a_connection_or_an_address_says_so() {
    let soft = facts(Class::GenericSoft, Hardness::Soft);
    let cut = next(&Facts { is_connected: false, can_charge: false, ..soft.clone() }, &first(), start());
    assert_eq!((cut.hold, cut.next.kind), (Some(Hold::NoConnection), StepKind::GiveUp));
    let silent = next(&Facts { has_contact: false, ..soft }, &first(), start());
    assert_eq!((silent.hold, silent.next.kind), (Some(Hold::NoContact), StepKind::Retry));
    let fraud = Facts { link_allowed: false, ..facts(Class::FraudRisk, Hardness::Hard) };
    assert_eq!(next(&fraud, &first(), start()).hold, Some(Hold::ManualReview));
}

#[test]
fn while_the_provider_retries_we_only_write() {
    let theirs = Facts { owner: Owner::Psp, ..facts(Class::GenericSoft, Hardness::Soft) };
    let steps = live_through(&theirs, first());
    assert!(retries(&steps).is_empty());
    assert_eq!(steps[0].kind, StepKind::Message);
}

#[test]
fn a_used_up_card_waits_for_its_window() {
    let case = facts(Class::GenericSoft, Hardness::Soft);
    let busy = History { card: (0i64..15).map(|day| start() - Duration::days(day)).collect(), ..first() };
    let step = next(&case, &busy, start());
    assert!(step.next.kind == StepKind::Message || step.next.at >= start() + Duration::days(15));
}

#[test]
fn the_explanation_speaks_in_sentences() {
    let floor = Some(start() + Duration::days(3));
    let told = next(&Facts { floor_at: floor, ..facts(Class::NetworkTimed, Hardness::Soft) }, &first(), start()).explanation;
    assert!(told.summary.starts_with("Charges the method again"), "{}", told.summary);
    assert!(told.clamped_by.iter().any(|bound| bound.contains("2026-11-23 15:00 UTC")), "{:?}", told.clamped_by);
}

fn any_case() -> impl Strategy<Value = (Facts, History, i64, u64)> {
    let facts = (
        proptest::sample::select(Class::ALL),
        proptest::sample::select(Hardness::ALL),
        proptest::sample::select(Owner::ALL),
        proptest::option::of(0i64..800),
        proptest::sample::select(vec![chrono_tz::UTC, chrono_tz::America::Los_Angeles, chrono_tz::Asia::Tokyo, chrono_tz::Europe::Berlin]),
        any::<[bool; 4]>(),
        0u32..20,
    )
        .prop_map(|(class, hardness, owner, floor_h, zone, switches, cap)| Facts {
            owner,
            floor_at: floor_h.map(|hours| start() + Duration::hours(hours)),
            zone,
            can_charge: switches[0],
            is_connected: switches[1],
            has_contact: switches[2],
            link_allowed: switches[3],
            budget: Budget { cap_30d: cap, cap_24h: 10, gap_min_h: 1, source: "" },
            ..super::tests::facts(class, hardness)
        });
    let hours = || {
        proptest::collection::vec(0i64..700, 0..10).prop_map(|all| all.iter().map(|h| start() + Duration::hours(*h)).collect::<Vec<_>>())
    };
    let history = (hours(), 1u32..9, proptest::collection::vec(0i64..700, 0..4), 0u32..4, hours()).prop_map(
        |(retries, misses, messages, read_backs, card)| {
            let messages = messages.iter().map(|h| start() + Duration::hours(*h)).collect();
            History { card: card.into_iter().chain(retries.iter().copied()).collect(), retries, misses, messages, read_backs }
        },
    );
    (facts, history, 0i64..800, any::<u64>())
}

proptest! {
    #[test]
    fn no_plan_ever_breaks_a_safety_bound((facts, history, hours, seed) in any_case()) {
        let now = start() + Duration::hours(hours);
        let plan = plan(&facts, Policy::builtin(), &history, now, seed);
        prop_assert!(plan.next.at <= facts.deadline_at);
        prop_assert!(!plan.explanation.summary.is_empty());
        let at = plan.next.at;
        match plan.next.kind {
            StepKind::Retry => {
                prop_assert_eq!(facts.hardness, Hardness::Soft);
                prop_assert_eq!(facts.owner, Owner::Us);
                prop_assert!(facts.can_charge);
                prop_assert!(at >= now && at < facts.deadline_at);
                prop_assert!(facts.floor_at.is_none_or(|floor| at >= floor));
                prop_assert!((history.retries.len() as u32) < Policy::builtin().ladder(facts.class).retries_max);
                let in_window = history.card.iter().filter(|past| **past > at - Duration::days(30)).count();
                prop_assert!(in_window < facts.budget.cap_30d as usize);
            }
            StepKind::Message => {
                prop_assert!(facts.has_contact && facts.is_connected && facts.link_allowed);
                let rung = &Policy::builtin().ladder(facts.class).messages[history.messages.len()];
                prop_assert!(rung.after_h == 0 || (8..21).contains(&at.with_timezone(&facts.zone).hour()));
                prop_assert!(at >= now && at < facts.deadline_at);
            }
            StepKind::ReadBack => prop_assert_eq!(facts.hardness, Hardness::Stop),
            StepKind::GiveUp => prop_assert_eq!(at, facts.deadline_at),
        }
    }

    #[test]
    fn the_same_input_gives_the_same_plan((facts, history, hours, seed) in any_case()) {
        let now = start() + Duration::hours(hours);
        prop_assert_eq!(plan(&facts, Policy::builtin(), &history, now, seed), plan(&facts, Policy::builtin(), &history, now, seed));
    }
}

#[test]
fn an_address_that_stays_full_is_named_as_the_reason() {
    let full = Facts { letters_from: Some(start() + Duration::days(29)), ..facts(Class::StaleCredentials, Hardness::NeedsData) };
    let plan = next(&full, &first(), start());
    assert_eq!((plan.message_at, plan.next.kind), (None, StepKind::GiveUp));
    assert!(plan.explanation.factors.iter().any(|why| why.contains("at most 4 mails a day and 10 a week")), "{:?}", plan.explanation);
}
