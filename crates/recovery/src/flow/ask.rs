//! Asking the provider what it knows, before anything is done.

use ::store::Tx;
use billing::connections;
use billing::event::Via;
use billing::provider::{Gateway, Payment, PaymentState, PaymentStatus, ProviderError, ProviderRef, Providers, Refs};
use billing::transactions::{self, NewReceipt, Received};
use chrono::TimeDelta;
use host::Work;
use kernel::{AttemptId, CaseId, Failed, Failure, Money};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;

use crate::cases::{self, Model, Obligation, PART};
use crate::settings::RecoveryConfig;

/// A provider that cannot be reached is asked again after this.
pub(super) const AWAY: TimeDelta = TimeDelta::minutes(15);
/// A payment that is under way at a bank is asked for again after this.
pub(super) const UNDER_WAY: TimeDelta = TimeDelta::hours(1);
/// A connection that is not set up right is mended by people.
pub(super) const BROKEN: TimeDelta = TimeDelta::hours(6);

/// The longest pause that a provider's own wish is followed for: after it one asks again anyway.
const ASKED_PAUSE_MAX_S: u64 = 24 * 60 * 60;

/// The pause that a provider asked for, within bounds of ours.
pub(super) fn asked_pause(retry_after_s: u64) -> TimeDelta {
    let seconds = i64::try_from(retry_after_s.min(ASKED_PAUSE_MAX_S)).unwrap_or_default();
    TimeDelta::seconds(seconds).max(AWAY)
}

/// A provider and what to ask it.
pub(super) struct Line {
    pub gateway: Gateway,
    pub question: Option<ProviderRef>,
}

/// What the provider knows.
pub(super) enum Seen {
    /// It is still owed, as far as the provider knows; and the names by which it knows it.
    Owed(Refs),
    /// The provider does not know the payment by its name: somebody else told us of it.
    NeverHeard,
    Paid(Box<PaymentState>),
    /// The obligation is gone.
    Gone,
    /// The money is on its way; the bank has the word.
    UnderWay,
    /// The provider cannot be asked now; come again after so long.
    Later(TimeDelta),
}

impl Seen {
    /// How long nothing should be done, if so.
    pub fn pause(&self) -> Option<TimeDelta> {
        match self {
            Self::UnderWay => Some(UNDER_WAY),
            Self::Later(pause) => Some(*pause),
            Self::Owed(_) | Self::NeverHeard | Self::Paid(_) | Self::Gone => None,
        }
    }
}

/// The provider behind an obligation; `None` when it cannot be called.
pub(super) async fn line(work: &Work, tx: &mut Tx, obligation: &Obligation) -> Result<Option<Line>, Failure> {
    let Some(connection) = obligation.transaction.connection().filter(|_| obligation.has_key()) else { return Ok(None) };
    let providers = work.core.parts.get::<Providers>();
    let gateway = connections::gateway(tx, &providers, connection).await.map_err(Failed::into_failure)?;
    Ok(Some(Line { gateway, question: obligation.question() }))
}

/// Asks, outside of any transaction.
pub(super) async fn look(line: &Line) -> Seen {
    let Some(question) = &line.question else { return Seen::NeverHeard };
    match line.gateway.read_back(question).await {
        Ok(state) => match state.status {
            PaymentStatus::Succeeded => Seen::Paid(Box::new(state)),
            PaymentStatus::Canceled => Seen::Gone,
            PaymentStatus::Processing => Seen::UnderWay,
            PaymentStatus::RequiresAction | PaymentStatus::Declined | PaymentStatus::Open => Seen::Owed(state.refs),
        },
        Err(ProviderError::RateLimited { retry_after_s }) => Seen::Later(asked_pause(retry_after_s)),
        Err(ProviderError::Unreachable(_) | ProviderError::Unknown(_)) => Seen::Later(AWAY),
        Err(ProviderError::Config(why)) => {
            tracing::warn!(event = "recovery.connection_broken", why, "the provider refuses our key");
            Seen::Later(BROKEN)
        }
        Err(error) if error.is_never_heard() => Seen::NeverHeard,
        // Any other refusal says nothing of what is owed: a new charge could be a second one.
        Err(error @ (ProviderError::Refused { .. } | ProviderError::Declined(_))) => {
            tracing::warn!(event = "recovery.unreadable", %error, "the provider refuses to tell what it knows of a payment");
            Seen::Later(BROKEN)
        }
    }
}

/// The step of a case whose verdict is `stop`: ask, and go by the answer.
pub(super) async fn ask(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<(), Failure> {
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await? else { return Ok(()) };
    let obligation = Obligation::read(&mut tx, &case).await?;
    let line = line(work, &mut tx, &obligation).await?;
    drop(tx);
    let seen = match &line {
        Some(line) => look(line).await,
        None => Seen::Owed(Refs::default()),
    };
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await?.filter(|case| case.state().is_open()) else { return Ok(()) };
    if let Some(case) = settle(&mut tx, case, &seen, None).await? {
        match seen.pause() {
            Some(pause) => drop(postpone(&mut tx, case, pause).await?),
            None => drop(asked(&mut tx, config, case).await?),
        }
    }
    Ok(tx.commit().await?)
}

/// One question more, and the plan that follows from it.
async fn asked(tx: &mut Tx, config: &RecoveryConfig, case: Model) -> Result<Model, Failure> {
    let read_backs = case.read_backs + 1;
    let mut row = case.into_active_model();
    row.read_backs = Set(read_backs);
    let case = tx.update(row).await?;
    cases::replan(tx, config, case).await
}

/// Applies what the provider said of the obligation; the case comes back when it is still open.
pub(super) async fn settle(tx: &mut Tx, case: Model, seen: &Seen, attempt: Option<AttemptId>) -> Result<Option<Model>, Failure> {
    match seen {
        Seen::Paid(state) => drop(paid(tx, &case, state, attempt).await?),
        Seen::Gone => {
            if let Some(transaction) = transactions::hold(tx, case.transaction()).await? {
                transactions::void(tx, transaction).await?;
            }
        }
        Seen::Owed(_) | Seen::NeverHeard | Seen::UnderWay | Seen::Later(_) => return Ok(Some(case)),
    }
    // Billing's events have changed the row.
    Ok(cases::locked(tx, case.case_id()).await?.filter(|case| case.state().is_open()))
}

/// Whether the provider tells that an invoice is paid and not by which payment. Later reports name the
/// money by its payment, so that counting it by the invoice would count it twice.
pub(super) async fn is_unnamed(tx: &mut Tx, case: &Model, state: &PaymentState) -> Result<bool, Failure> {
    let known = transactions::find(tx, case.transaction()).await?.map(|transaction| transaction.refs()).unwrap_or_default();
    let mut refs = state.refs.clone();
    refs.fill(&known);
    Ok(refs.invoice.is_some() && refs.intent.is_none() && refs.charge.is_none())
}

/// Hands money that was read back to billing, which tells everybody. `false` when it counted nothing.
pub(super) async fn paid(tx: &mut Tx, case: &Model, state: &PaymentState, attempt: Option<AttemptId>) -> Result<bool, Failure> {
    let mut is_counted = false;
    for payment in state.payments() {
        is_counted |= count(tx, case, payment, attempt).await?;
    }
    Ok(is_counted)
}

/// One movement of money. An invoice without one was marked as paid by hand: no more is counted than
/// is owed, because there is nothing that could be given back.
async fn count(tx: &mut Tx, case: &Model, payment: Payment, attempt: Option<AttemptId>) -> Result<bool, Failure> {
    let Some(transaction) = transactions::hold(tx, case.transaction()).await? else { return Ok(false) };
    let has_moved = payment.refs.intent.is_some() || payment.refs.charge.is_some();
    let mut refs = payment.refs.clone();
    // The intent names the movement of money in every later report too, so it must not be missing.
    refs.fill(&transaction.refs());
    let Some(money_key) = refs.money_key().map(ToOwned::to_owned) else { return Ok(false) };
    let (told, owed) = (payment.money.unwrap_or(transaction.owed()), transaction.owed());
    let new = NewReceipt {
        money_key,
        amount: if has_moved { told } else { Money::new(told.minor.min(owed.minor), told.currency) },
        via: if attempt.is_some() { Via::Retry } else { Via::Provider },
        received_at: tx.now(),
        attempt: attempt.map(|attempt| attempt.to_string()),
        link: None,
        refs: payment.refs.clone(),
    };
    let transaction = transactions::add_refs(tx, transaction, &payment.refs, None).await?;
    Ok(matches!(transactions::receive(tx, transaction, new).await?, Some(Received { receipt: Some(_), .. })))
}

/// The same step again, later; never after the deadline.
pub(super) async fn postpone(tx: &mut Tx, case: Model, pause: TimeDelta) -> Result<Model, Failure> {
    let at = (tx.now() + pause).min(case.deadline_at);
    let mut row = case.into_active_model();
    row.next_action_at = Set(Some(at));
    row.pause_until = Set(Some(at));
    Ok(tx.update(row).await?)
}
