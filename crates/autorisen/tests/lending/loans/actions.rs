//! The verbs: each writes the row, its audit line and its event in one transaction.

use autorisen::kernel::{After, Event, Failed, Limit, Page};
use autorisen::store::{AuditLine, Tx};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::loan::{ActiveModel, Column, Entity, Model, NewLoan};
use super::{LoanFault, LoanId};

/// A book came back.
#[derive(Debug, Serialize, Deserialize)]
pub struct BookReturned {
    pub loan: LoanId,
}

impl Event for BookReturned {
    const NAME: &'static str = "lending.book_returned";

    fn subject(&self) -> Uuid {
        self.loan.uuid()
    }
}

/// Lends a book that nobody has.
pub async fn lend(tx: &mut Tx, new: NewLoan) -> Result<Model, Failed<LoanFault>> {
    new.check()?;
    let row = ActiveModel { book: Set(new.book), borrower: Set(new.borrower), due_on: Set(new.due_on), ..Default::default() };
    let loan = tx
        .insert(row)
        .await
        .map_err(|error| if error.violates("loans", "book") { LoanFault::AlreadyLent.into() } else { Failed::from(error) })?;
    tx.audit(AuditLine::new("book.lent", "loan", loan.id)).await?;
    Ok(loan)
}

/// Takes a book back. Taking it back twice keeps the first date.
pub async fn take_back(tx: &mut Tx, id: LoanId) -> Result<Model, Failed<LoanFault>> {
    let loan = tx.find_by_id::<Entity>(id.uuid()).one().await?.ok_or(LoanFault::NotFound)?;
    if loan.returned_at.is_some() {
        return Ok(loan);
    }
    let now = tx.now();
    let loan = tx.update(ActiveModel { returned_at: Set(Some(now)), ..loan.into_active_model() }).await?;
    tx.audit(AuditLine::new("book.returned", "loan", loan.id)).await?;
    tx.emit(&BookReturned { loan: id }).await?;
    Ok(loan)
}

/// A page of loans, newest first.
pub async fn list(tx: &Tx, limit: Limit, after: Option<After>) -> Result<Page<Model>, Failed<LoanFault>> {
    let place = |row: &Model| After { at: row.created_at, id: row.id };
    Ok(tx.find::<Entity>().page(limit, after.as_ref(), Column::CreatedAt, place).await?)
}
