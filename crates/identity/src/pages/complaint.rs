//! A form that is shown again: what was wrong stands beside what was typed.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use kernel::{Failure, Fields};
use web::Html;

/// Seconds in a minute, for the sentence about waiting.
const MINUTE_S: u64 = 60;

/// Why a form is shown again.
pub(super) struct Complaint {
    status: u16,
    sentence: String,
    fields: Fields,
    retry_after_s: Option<u64>,
}

impl Complaint {
    /// A failure that the person at the form can mend; one of ours goes on as it is.
    pub fn of(failure: Failure) -> Result<Self, Failure> {
        if failure.status >= 500 {
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

    /// The page with the status of the complaint.
    pub fn on(&self, page: Html) -> Response {
        let mut response = page.with_status(self.status).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What is wrong with one field of a form that may be shown for the first time.
pub(super) fn wrong<'a>(complaint: Option<&'a Complaint>, field: &str) -> Option<&'a str> {
    complaint.and_then(|complaint| complaint.fields.get(field)).map(String::as_str)
}

/// The page as it is, or with the status of the complaint.
pub(super) fn answer(page: Html, complaint: Option<&Complaint>) -> Response {
    match complaint {
        Some(complaint) => complaint.on(page),
        None => page.into_response(),
    }
}

fn minutes(seconds: u64) -> String {
    match seconds.div_ceil(MINUTE_S) {
        1 => "a minute".to_owned(),
        many => format!("{many} minutes"),
    }
}
