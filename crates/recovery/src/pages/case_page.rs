//! One case: what is known, what was done and why, and what comes next.

use ::store::Tx;
use askama::Template;
use axum::Router;
use axum::routing::{get, post};
use console::{Badge, Csrf, When};
use host::Core;
use kernel::{At, CaseId, CustomerId, Failed, Failure};
use serde::Deserialize;
use web::{Ctx, Form, Html, PageFault, Path, See};

use super::{payments, words};
use crate::alerts::AlertView;
use crate::attempts::AttemptState;
use crate::cases::{self, AttemptView, CaseState, CaseView, MessageView, OutcomeView, view};
use crate::messages::MessageState;
use crate::permissions::{CASES_READ, CASES_WRITE};
use crate::policy::planner::describe_hold;
use crate::settings::RecoveryConfig;

pub(super) fn routes() -> Router<Core> {
    Router::new()
        .route("/cases/{id}", get(case_page))
        .route("/cases/{id}/pause", post(pause_from_page))
        .route("/cases/{id}/resume", post(resume_from_page))
}

/// One line of the story.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    at: At,
    text: String,
    why: String,
}

impl Line {
    fn when(&self) -> When {
        When(self.at)
    }
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage<'a> {
    case: &'a CaseView,
    customer: Option<&'a (CustomerId, String)>,
    story: &'a [Line],
    csrf: Csrf<'a>,
    can_write: bool,
}

impl CasePage<'_> {
    fn state(&self) -> Badge<'static> {
        words::state(self.case.state)
    }

    /// What a person has to look at now.
    fn alerts(&self) -> impl Iterator<Item = &AlertView> {
        self.case.alerts.iter().filter(|alert| alert.ended_at.is_none())
    }

    fn why_failed(&self) -> &'static str {
        self.case.class.describe()
    }

    fn hold(&self) -> Option<&'static str> {
        self.case.hold.map(describe_hold)
    }

    /// `pause` or `resume`, with its label, where the caller may do it and the case allows it.
    fn verb(&self) -> Option<(&'static str, &'static str)> {
        match self.case.state {
            _ if !self.can_write => None,
            CaseState::Paused => Some(("resume", "Go on")),
            CaseState::Waiting | CaseState::Scheduled | CaseState::ActionRequired => Some(("pause", "Pause")),
            _ => None,
        }
    }

    fn failed(&self) -> When {
        When(self.case.failed_at)
    }

    fn deadline(&self) -> When {
        When(self.case.deadline_at)
    }

    fn next(&self) -> Option<(&'static str, When)> {
        let next = self.case.next_action.zip(self.case.next_action_at);
        next.map(|(kind, at)| (words::next(kind), When(at)))
    }
}

async fn case_page(ctx: Ctx, Path(id): Path<CaseId>) -> Result<Html, PageFault> {
    let mut tx = ctx.begin(CASES_READ).await?;
    let case = cases::find(&mut tx, id).await.map_err(Failed::into_failure)?;
    let case = view(&mut tx, case).await?;
    let customer = customer(&mut tx, &case).await?;
    tx.commit().await?;
    let story = story(&case);
    let title = format!("Failed payment of {}", case.amount);
    let token = ctx.csrf();
    let (csrf, can_write) = (Csrf(token.expose()), ctx.can(CASES_WRITE));
    let template = CasePage { case: &case, customer: customer.as_ref(), story: &story, csrf, can_write };
    Ok(ctx.page(payments::PATH, &title, &template)?)
}

/// A form that carries nothing but its token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn pause_from_page(ctx: Ctx, Path(id): Path<CaseId>, Form(Nothing {}): Form<Nothing>) -> Result<See, PageFault> {
    let mut tx = ctx.begin(CASES_WRITE).await?;
    cases::pause(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    ctx.notice("The case is paused. Nothing is tried and nobody is written to.");
    Ok(See::other(format!("/cases/{id}")))
}

async fn resume_from_page(ctx: Ctx, Path(id): Path<CaseId>, Form(Nothing {}): Form<Nothing>) -> Result<See, PageFault> {
    let mut tx = ctx.begin(CASES_WRITE).await?;
    cases::resume(&mut tx, &ctx.part::<RecoveryConfig>(), id).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    ctx.notice("The case goes on.");
    Ok(See::other(format!("/cases/{id}")))
}

async fn customer(tx: &mut Tx, case: &CaseView) -> Result<Option<(CustomerId, String)>, Failure> {
    let Some(id) = case.customer_id else { return Ok(None) };
    let found = crm::customers::find_many(tx, &[id]).await.map_err(Failed::into_failure)?;
    Ok(found.into_iter().next().map(|customer| (id, customer.name)))
}

/// All that happened and all that is planned, newest first.
fn story(case: &CaseView) -> Vec<Line> {
    let why = case.classification.as_ref().map(|verdict| format!("{}: {}.", capital(case.class.describe()), verdict.reason));
    let opened = Line {
        at: case.opened_at,
        text: format!("The payment of {} failed and a case was opened", case.amount),
        why: why.unwrap_or_default(),
    };
    let mut story = vec![opened];
    story.extend(case.attempts.iter().map(of_attempt));
    story.extend(case.messages.iter().map(|message| of_message(case.closed_at, message)));
    story.extend(case.alerts.iter().map(of_alert));
    story.extend(case.outcome.iter().map(|outcome| of_outcome(case, outcome)));
    // Of two lines of one instant the later one stands first as well.
    story.reverse();
    story.sort_by_key(|line| std::cmp::Reverse(line.at));
    story
}

fn of_attempt(attempt: &AttemptView) -> Line {
    let declined = attempt.decline.as_ref().map(|decline| format!("{}: {}.", capital(decline.class.describe()), decline.reason));
    let why = match attempt.state {
        AttemptState::Declined | AttemptState::RequiresAction => declined.unwrap_or_else(|| attempt.reason.clone()),
        _ => attempt.reason.clone(),
    };
    let at = attempt.finished_at.or(attempt.submitted_at).unwrap_or(attempt.planned_for);
    Line { at, text: format!("{} over {}", words::attempt(attempt.state), attempt.amount), why }
}

fn of_alert(alert: &AlertView) -> Line {
    let why = if alert.ended_at.is_some() { "This is settled." } else { "A person has to look at this." };
    Line { at: alert.raised_at, text: alert.text.clone(), why: why.to_owned() }
}

fn of_message(closed_at: Option<At>, message: &MessageView) -> Line {
    let text = match message.state {
        MessageState::Planned => "A mail with a payment link is planned",
        MessageState::Queued | MessageState::Sent => "A mail with a payment link was written to the payer",
        MessageState::Skipped => "A planned mail was not written",
        MessageState::Bounced => "A mail to the payer came back",
    };
    let why = message.skip_reason.as_deref().map(|reason| format!("{}.", capital(reason.trim_end_matches('.')))).unwrap_or_default();
    // What was planned for later and called off happened, as a line of the story, when the case ended.
    let called_off = closed_at.filter(|at| message.state == MessageState::Skipped && *at < message.planned_for);
    Line { at: message.queued_at.or(called_off).unwrap_or(message.planned_for), text: text.to_owned(), why }
}

fn of_outcome(case: &CaseView, outcome: &OutcomeView) -> Line {
    let why = match outcome.mechanism {
        Some(mechanism) => format!("{} came back by {}.", outcome.amount, words::mechanism(mechanism)),
        None => case.explanation.summary.clone(),
    };
    Line {
        at: outcome.reversed_at.unwrap_or(outcome.at),
        text: format!("The case ended: {}", words::state(outcome.kind).text.to_lowercase()),
        why,
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_with_a_capital() {
        assert_eq!(capital("not enough money"), "Not enough money");
        assert_eq!(capital(""), "");
    }

    #[test]
    fn a_planned_mail_stands_where_it_will_be() {
        let at = "2026-11-21T09:00:00Z".parse().expect("an instant");
        let message = MessageView {
            number: 1,
            channel: "email".into(),
            template: crate::messages::Template::PayNow,
            state: MessageState::Planned,
            planned_for: at,
            queued_at: None,
            skip_reason: None,
        };
        assert_eq!(of_message(None, &message).at, at);
        let paid_at = at - chrono::Duration::days(1);
        let skipped = MessageView { state: MessageState::Skipped, ..message };
        assert_eq!(of_message(Some(paid_at), &skipped).at, paid_at, "what was called off stands where it was called off");
    }
}
