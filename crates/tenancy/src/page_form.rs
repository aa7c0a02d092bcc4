//! Forms on pages: what was wrong is said beside what was typed, and nothing typed is lost.

use kernel::{Failure, Fields};
use serde::Deserialize;
use web::{Ctx, Html, See};

/// A form that is one button: it carries only the token that every form carries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Button {}

/// Why a form is shown again.
pub(crate) struct Complaint {
    status: u16,
    sentence: String,
    fields: Fields,
}

impl Complaint {
    /// A failure that the person at the form can mend; any other goes on as it is.
    pub fn of(failure: Failure) -> Result<Self, Failure> {
        match failure.status {
            403 | 404 | 409 | 410 | 422 | 429 => {
                Ok(Self { status: failure.status, sentence: failure.message.into_owned(), fields: failure.fields })
            }
            _ => Err(failure),
        }
    }

    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// What is wrong with one field.
    pub fn about(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }
}

/// What is wrong with one field of a form that may be shown for the first time.
pub(crate) fn wrong<'a>(complaint: Option<&'a Complaint>, field: &str) -> Option<&'a str> {
    complaint.and_then(|complaint| complaint.about(field))
}

/// The page with the status of the complaint, or as it is.
pub(crate) fn with_status(html: Html, complaint: Option<&Complaint>) -> Html {
    match complaint {
        Some(complaint) => html.with_status(complaint.status),
        None => html,
    }
}

/// The way on from a button without fields: one sentence on the page that follows, whether it
/// worked or not.
pub(crate) fn told<T>(ctx: &Ctx, outcome: Result<T, Failure>, done: &str, to: &'static str) -> Result<See, Failure> {
    match outcome.map_err(Complaint::of) {
        Ok(_) => ctx.notice(done),
        Err(complaint) => ctx.notice(complaint?.sentence()),
    }
    Ok(See::other(to))
}
