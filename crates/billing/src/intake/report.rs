//! A caller's own report of a failed payment, and looking one up.

use kernel::{CaseId, Failed, Failure};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::Tx;

use super::apply::Scene;
use super::failing::{Outcome, record};
use super::provider_event::{ActiveModel, EventState, Model, reason};
use super::report_types::{ReportFailure, ReportFault};
use super::taking::replay_later;
use super::views::{EventView, RefView, ReportedView};
use super::{Sink, store as rows};
use crate::connections;
use crate::provider::ProviderEvent;
use crate::transactions::{self, Source, TransactionView};

type Result<T, E = Failed<ReportFault>> = std::result::Result<T, E>;

/// The source of what callers report, beside the connections of what providers send.
const API: &str = "api";

/// Records a report. The same `event_id` again answers as the first time, and changes nothing.
pub(super) async fn report(tx: &mut Tx, sink: Option<&Sink>, report: &ReportFailure) -> Result<ReportedView> {
    report.check(tx.now())?;
    let (source, connection) = source(tx, report).await?;
    let event = report.event();
    let Some(row) = keep(tx, report, &event, &source).await? else {
        return answered(rows::by_event_id(tx, API, &event.id).await?);
    };
    let scene = Scene { source: &source, connection: connection.as_ref(), sink, event_row: row.id };
    let told = record(tx, &scene, &event, format!("api:{}", event.id)).await?;
    let told = told.ok_or_else(|| Failure::internal("a checked report is incomplete"))?;
    let id = told.transaction.transaction_id();
    let (state, why, opened) = match told.outcome {
        Outcome::Recorded(opened) => (EventState::Applied, None, opened),
        Outcome::NothingNew => (EventState::Ignored, Some(reason::NOTHING_NEW), None),
        Outcome::CurrencyDiffers => return Err(ReportFault::CurrencyDiffers.into()),
    };
    let case_id = match &opened {
        Some(opened) => Some(opened.case_id),
        None => last_case(tx, id).await?,
    };
    let view = ReportedView { transaction_id: id, case_id, classification: opened.map(|opened| opened.classification), duplicate: false };
    let tries = row.tries + 1;
    let mut active = row.into_active_model();
    active.answer = Set(Some(json!(view)));
    active.state = Set(state.name().to_owned());
    active.reason = Set(why.map(ToOwned::to_owned));
    active.tries = Set(tries);
    active.transaction_id = Set(Some(id.uuid()));
    tx.update_quiet(active).await?;
    // What waits may be anything that ever came: it must not stop the caller's own report.
    replay_later(tx, &source, &told.transaction).await?;
    Ok(view)
}

/// The connection that is meant: the named one, else the only one of the gateway, else none.
async fn source(tx: &mut Tx, report: &ReportFailure) -> Result<(Source, Option<connections::Model>)> {
    let gateway = report.gateway.clone();
    if let Some(id) = report.connection_id {
        let row = connections::find(tx, id).await.map_err(Failed::of)?;
        if row.provider != gateway {
            return Err(Failure::field("gateway", format!("the connection is one of {}", row.provider)).into());
        }
        return Ok((Source { connection: Some(id), gateway }, Some(row)));
    }
    let mut found = connections::only_one_of(tx, &gateway).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Ok((Source { connection: None, gateway }, None)),
        (Some(one), true) => Ok((Source { connection: Some(one.connection_id()), gateway }, Some(one))),
        (Some(_), false) => {
            Err(Failure::field("connection_id", "is required, because there are several connections of this gateway").into())
        }
    }
}

async fn keep(tx: &mut Tx, report: &ReportFailure, event: &ProviderEvent, source: &Source) -> Result<Option<Model>> {
    let raw = json!({ "transaction_ref": report.transaction_ref, "gateway": report.gateway, "metadata": report.metadata });
    let row = ActiveModel {
        id: Set(kernel::chance::uuid_v7(tx.now())),
        connection_id: Set(source.connection.map(kernel::ConnectionId::uuid)),
        source: Set(API.to_owned()),
        event_id: Set(event.id.clone()),
        type_name: Set(event.type_name.clone()),
        occurred_at: Set(event.occurred_at),
        raw: Set(raw.to_string()),
        event: Set(json!(event)),
        state: Set(EventState::Received.name().to_owned()),
        reason: Set(None),
        tries: Set(0),
        ..Default::default()
    };
    Ok(rows::insert_unless_known(tx, row).await?)
}

/// The answer of the first time.
fn answered(row: Option<Model>) -> Result<ReportedView> {
    let answer = row.and_then(|row| row.answer).ok_or_else(|| Failure::internal("an event was kept without its answer"))?;
    let first: ReportedView = serde_json::from_value(answer).map_err(Failure::internal)?;
    Ok(ReportedView { duplicate: true, ..first })
}

async fn last_case(tx: &mut Tx, id: kernel::TransactionId) -> Result<Option<CaseId>> {
    let failures = transactions::failures(tx, id).await?;
    Ok(failures.into_iter().find_map(|row| row.case_id).map(CaseId::from))
}

/// Everything that is known under a reference.
pub(super) async fn by_ref(tx: &mut Tx, reference: &str) -> Result<RefView> {
    let transaction = transactions::by_ref(tx, reference).await?.ok_or(ReportFault::RefNotFound)?;
    let id = transaction.transaction_id();
    let failures = transactions::failures(tx, id).await?;
    let receipts = transactions::receipts(tx, id).await?;
    let events = rows::of_transaction(tx, id).await?;
    Ok(RefView {
        transaction_id: id,
        reference: transaction.obligation_key.clone(),
        case_id: failures.iter().find_map(|row| row.case_id).map(CaseId::from),
        transaction: TransactionView::from(transaction),
        failures: failures.into_iter().map(Into::into).collect(),
        receipts: receipts.into_iter().map(Into::into).collect(),
        events: events.into_iter().map(EventView::from).collect(),
    })
}
