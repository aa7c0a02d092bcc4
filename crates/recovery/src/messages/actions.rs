//! The verbs.

use ::store::{AuditLine, Tx};
use billing::links;
use chrono::Duration;
use host::Core;
use kernel::{At, CaseId, Failed, Failure, MailAddress};
use mail::{Letter, Withdrawn};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;

use super::letter::{PayerMail, Template};
use super::message::{ActiveModel, Model};
use super::{MessageState, allowance, store};
use crate::cases::{self, Obligation};
use crate::settings::RecoveryConfig;

/// The one channel that is built in.
const CHANNEL: &str = "email";

/// Plans the next message of a case, or moves the one that is planned already.
pub(crate) async fn plan(tx: &mut Tx, case: &cases::Model, at: At) -> Result<(), Failure> {
    let template = Template::of(case.class(), case.hardness()).word().to_owned();
    if let Some(planned) = store::planned(tx, case.case_id()).await? {
        if planned.planned_for != at || planned.template != template {
            let mut row = planned.into_active_model();
            row.planned_for = Set(at);
            row.template = Set(template);
            tx.update(row).await?;
        }
        return Ok(());
    }
    let number = store::last_number(tx, case.case_id()).await? + 1;
    insert(tx, case, number, at, template).await
}

/// Plans the first message of a case that was opened in this transaction.
pub(crate) async fn plan_first(tx: &mut Tx, case: &cases::Model, at: At) -> Result<(), Failure> {
    insert(tx, case, 1, at, Template::of(case.class(), case.hardness()).word().to_owned()).await
}

async fn insert(tx: &mut Tx, case: &cases::Model, number: i32, at: At, template: String) -> Result<(), Failure> {
    let row = ActiveModel {
        case_id: Set(case.id),
        number: Set(number),
        channel: Set(CHANNEL.to_owned()),
        template: Set(template),
        state: Set(MessageState::Planned.word().to_owned()),
        dedupe_key: Set(format!("recovery:{}:{number}", case.case_id())),
        link_id: Set(None),
        planned_for: Set(at),
        queued_at: Set(None),
        skip_reason: Set(None),
        recipient: Set(None),
        ..Default::default()
    };
    tx.insert_quiet(row).await?;
    Ok(())
}

/// Takes the planned message back, if there is one.
pub(crate) async fn skip_planned(tx: &mut Tx, case: CaseId, why: &str) -> Result<(), Failure> {
    let Some(planned) = store::planned(tx, case).await? else { return Ok(()) };
    let mut row = planned.into_active_model();
    row.state = Set(MessageState::Skipped.word().to_owned());
    row.skip_reason = Set(Some(why.to_owned()));
    tx.update(row).await?;
    Ok(())
}

/// Takes back what was written and has not left yet: nobody is asked for what they have paid. Of what may
/// have left nobody says that it was skipped: it stays with the mail room, which does not try it again.
/// What never left was never written to its payer, and takes up no rung.
pub(crate) async fn withdraw_queued(tx: &mut Tx, case: CaseId, why: &str) -> Result<(), Failure> {
    let mut is_withdrawn = false;
    for queued in store::queued(tx, case).await? {
        if mail::withdraw(tx, &queued.dedupe_key).await? == Withdrawn::Unsent {
            is_withdrawn = true;
            let mut row = queued.into_active_model();
            row.state = Set(MessageState::Skipped.word().to_owned());
            row.skip_reason = Set(Some(why.to_owned()));
            tx.update(row).await?;
        }
    }
    if is_withdrawn {
        cases::tally(tx, case).await?;
    }
    Ok(())
}

/// Writes the planned message: a link, a letter and the row that says so, all in one transaction. It stays
/// planned when the address has had as many letters as it may: whoever plans anew puts it off.
pub(crate) async fn write(
    core: &Core,
    tx: &mut Tx,
    config: &RecoveryConfig,
    case: &cases::Model,
    obligation: &Obligation,
) -> Result<(), Failure> {
    let Some(planned) = store::planned(tx, case.case_id()).await? else { return Ok(()) };
    let Some(to) = obligation.contact() else { return skip_planned(tx, case.case_id(), "there is no address to write to").await };
    if !allowance::has_room(tx, &to).await? {
        return Ok(());
    }
    let now = tx.now();
    let expires_at = now + Duration::hours(i64::from(config.link_lifetime_h));
    let (link, token) = links::issue(tx, case.transaction(), expires_at).await.map_err(Failed::into_failure)?;
    let company = mail::shown(&tenancy::organizations::current(tx).await?.name);
    let earlier = store::written_at(tx, case.case_id()).await?.len();
    let mail = PayerMail {
        template: planned.template(),
        company: company.as_deref(),
        amount: obligation.owed(),
        reference: mail::without_link(&case.reference),
        link: &links::address(core, &token),
        lifetime_h: config.link_lifetime_h,
        sent_at: now,
        zone: obligation.zone(),
        earlier,
    };
    let letter = Letter::from_template(&mail.note(), to.clone(), planned.dedupe_key.clone())?.expiring(expires_at);
    mail::send(tx, Letter { from_name: company, ..letter }).await?;
    let queued = queued(tx, planned, link.uuid(), &to).await?;
    tx.audit(AuditLine::new("message.queued", "case", case.id).after(serde_json::json!({ "template": queued.template, "link": link })))
        .await?;
    cases::note(tx, case, "message.sent", format!("A mail with a payment link over {} was written", obligation.owed())).await
}

async fn queued(tx: &mut Tx, planned: Model, link: uuid::Uuid, to: &MailAddress) -> Result<Model, Failure> {
    let (now, mark) = (tx.now(), allowance::mark(tx, to));
    let mut row = planned.into_active_model();
    row.state = Set(MessageState::Queued.word().to_owned());
    row.queued_at = Set(Some(now));
    row.link_id = Set(Some(link));
    row.recipient = Set(Some(mark));
    let row = tx.update(row).await?;
    cases::tally(tx, row.case_id.into()).await?;
    Ok(row)
}
