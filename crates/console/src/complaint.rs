//! A form that is shown again: what was wrong stands beside what was typed, and nothing typed is
//! lost.

use kernel::{Failure, Fields, General};
use web::Html;

/// Seconds in a minute, for the sentence about waiting.
const MINUTE_S: u64 = 60;

/// Why a form is shown again.
pub struct Complaint {
    status: u16,
    sentence: String,
    fields: Fields,
    retry_after_s: Option<u64>,
}

impl Complaint {
    /// A failure that the person at the form can mend. One of ours goes on as it is, and so does a
    /// session that is over: no form mends that.
    pub fn of(failure: Failure) -> Result<Self, Failure> {
        if failure.status >= 500 || failure.is(General::NotAuthenticated) {
            return Err(failure);
        }
        let sentence = match failure.retry_after_s {
            Some(seconds) => format!("Too many tries. Try again in {}.", minutes(seconds)),
            None => failure.message.into_owned(),
        };
        Ok(Self { status: failure.status, sentence, fields: failure.fields, retry_after_s: failure.retry_after_s })
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
pub fn wrong<'a>(complaint: Option<&'a Complaint>, field: &str) -> Option<&'a str> {
    complaint.and_then(|complaint| complaint.about(field))
}

/// The page as it is, or with the status of the complaint and the time after which to try again.
pub fn answered(html: Html, complaint: Option<&Complaint>) -> Html {
    match complaint {
        Some(complaint) => Html { retry_after_s: complaint.retry_after_s, ..html.with_status(complaint.status) },
        None => html,
    }
}

fn minutes(seconds: u64) -> String {
    match seconds.div_ceil(MINUTE_S) {
        1 => "a minute".to_owned(),
        many => format!("{many} minutes"),
    }
}
