//! Buttons without fields on the pages of an organization.

use console::Complaint;
use kernel::Failure;
use web::{Ctx, See};

/// The way on from such a button: one sentence on the page that follows, whether it worked or not.
pub(crate) fn told<T>(ctx: &Ctx, outcome: Result<T, Failure>, done: &str, to: &'static str) -> Result<See, Failure> {
    match outcome.map_err(Complaint::of) {
        Ok(_) => ctx.notice(done),
        Err(complaint) => ctx.notice(complaint?.sentence()),
    }
    Ok(See::other(to))
}
