//! Loans: who has which book, and until when.

mod actions;
mod loan;
mod routes;

use autorisen::Registry;
use autorisen::kernel::Permission;
use autorisen::kernel::permission::BuiltinRole;
use autorisen::store::columns::{date, text, timestamp_with_time_zone_null};
use autorisen::store::{Schema, Step};
use autorisen::web::Routes as _;

pub const LOANS_READ: Permission = Permission::new("loans:read", BuiltinRole::Viewer, "See what is lent.");
pub const LOANS_WRITE: Permission = Permission::new("loans:write", BuiltinRole::User, "Lend books and take them back.");

autorisen::kernel::id!(/// A loan of one book.
    pub struct LoanId("lon"));

autorisen::kernel::faults! {
    /// Faults of loans.
    pub enum LoanFault {
        NotFound = 404 "loan_not_found" "There is no such loan.",
        AlreadyLent = 409 "book_already_lent" "This book is lent already. Wait until it is back.",
    }
}

autorisen::store::org_scoped!(loan);

/// The table; its tenant columns, its index and its policies come with it.
const LOANS: Step = Step {
    name: "20270105_20_lending_loans",
    up: |schema: &mut Schema| {
        schema.tenant_table("loans", |table| {
            table.col(text("book")).col(text("borrower")).col(date("due_on")).col(timestamp_with_time_zone_null("returned_at"));
        });
        // A book is with one person at a time, whatever two requests at once believe.
        schema.unique_where("loans", &["org_id", "book"], "returned_at is null");
    },
    down: |schema: &mut Schema| schema.drop("loans"),
};

pub fn register(app: &mut Registry) {
    app.migrations([LOANS]);
    app.permissions(&[LOANS_READ, LOANS_WRITE]);
    app.faults::<LoanFault>();
    app.routes(routes::routes());
}
