//! Delivery as durable work.

use std::time::Duration;

use chrono::TimeDelta;
use flows::{Activity, FlowCx, FlowFault, Flows as _, Retry, Workflow};
use host::{Registry, Work};
use kernel::crash::{self, Point};
use kernel::{Failure, faults};
use serde::{Deserialize, Serialize};

use crate::mail::{self, MailId};
use crate::postman::{Delivered, NotDelivered, Postman};

/// One run per letter.
pub(crate) const DELIVERY: Workflow<MailId> = Workflow::new("mail.delivery", 1);

const DELIVER: Activity<MailId, Outcome> = Activity::new("mail.deliver");

/// Sixty attempts, half an hour apart in the end: a mail server may be away for a day.
const PATIENCE: Retry = Retry { max: 60, first: Duration::from_secs(15), factor: 3, cap: Duration::from_mins(30) };

/// While no mail server is configured, how often we look whether there is one.
const UNCONFIGURED_WAIT: TimeDelta = TimeDelta::minutes(15);

/// One attempt with a mail server, its slow greeting included (RFC 5321, 4.5.3.2, allows minutes).
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(90);

/// Why a letter was given up that nobody took, or that somebody may have taken.
const EXPIRED: &str = "expired before it could be delivered";
const EXPIRED_UNSURE: &str = "expired before anybody said that it was delivered";

faults! {
    /// Why a letter did not go. Not seen by callers of the API.
    pub(crate) enum MailFault {
        Refused = 422 "mail_refused" "The mail server refused this letter for good.",
        ServerAway = 503 "mail_server_away" "The mail server can't take this letter at the moment.",
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Sent,
    /// Sent, expired or erased before: nothing is left to do.
    Nothing,
    Expired,
    /// There is no way to send mail yet; the letter is kept.
    Unconfigured,
}

pub(crate) fn register(app: &mut Registry) {
    app.workflow(DELIVERY, delivery);
    app.activity(DELIVER, deliver).retries(PATIENCE).time_max(ATTEMPT_TIME_MAX);
}

async fn delivery(mut cx: FlowCx, id: MailId) -> Result<Outcome, FlowFault> {
    // It ends by itself: every letter expires.
    loop {
        let outcome = cx.step(DELIVER, id).await?;
        if outcome != Outcome::Unconfigured {
            return Ok(outcome);
        }
        let later = cx.now() + UNCONFIGURED_WAIT;
        cx.sleep_until(later).await;
    }
}

async fn deliver(work: Work, id: MailId) -> Result<Outcome, Failure> {
    let store = &work.core.store;
    let Some(queued) = mail::find(store, id).await? else { return Ok(Outcome::Nothing) };
    if queued.expires_at <= work.core.clock.now() {
        mail::expired(store, id, if queued.may_have_left { EXPIRED_UNSURE } else { EXPIRED }).await?;
        tracing::warn!(event = "mail.expired", mail = %id, "a letter expired before it could be delivered");
        return Ok(Outcome::Expired);
    }
    let postman = work.core.parts.get::<Postman>();
    // Whoever takes letters back has to know of one that leaves, also when this process dies meanwhile.
    if postman.leaves_the_house() && !mail::hand_over(store, id).await? {
        return Ok(Outcome::Nothing);
    }
    let before = queued.may_have_left;
    match postman.deliver(&work.core, id, &queued).await {
        Ok(went @ (Delivered::Away | Delivered::Kept)) => {
            crash::pass(Point::AfterHandover);
            // Our own mailbox has marked what it kept.
            if matches!(went, Delivered::Away) {
                mail::sent(store, id).await?;
            }
            Ok(Outcome::Sent)
        }
        Ok(Delivered::TakenBack) => Ok(Outcome::Nothing),
        Err(NotDelivered::Unconfigured) => {
            mail::note(store, id, "queued", "no mail server is configured", before).await?;
            Ok(Outcome::Unconfigured)
        }
        Err(NotDelivered::Refused(reason)) => {
            mail::note(store, id, "refused", &reason, before).await?;
            Err(Failure::new(MailFault::Refused).with_cause(reason))
        }
        Err(NotDelivered::Away(reason)) => {
            mail::note(store, id, "queued", &reason, before).await?;
            Err(Failure::new(MailFault::ServerAway).with_cause(reason))
        }
        Err(NotDelivered::Unsure(reason)) => {
            mail::note(store, id, "queued", &reason, true).await?;
            Err(Failure::new(MailFault::ServerAway).with_cause(reason))
        }
        Err(NotDelivered::Store(error)) => Err(error.into()),
    }
}
