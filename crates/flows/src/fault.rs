//! What a workflow sees when a step failed for good, and how a run says why it ended.

use std::borrow::Cow;
use std::fmt;

use kernel::{Failure, FaultCode};
use serde::{Deserialize, Serialize};

/// The longest reason that is kept with a run: enough for a sentence and a few fields.
pub(crate) const REASON_LEN_MAX: usize = 500;

/// A failure inside a workflow: a step whose retries are used up, or a decision of the body.
///
/// It is stored with the run, so it carries facts and never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowFault {
    /// Lower case, with underscores, as every error code.
    pub code: Cow<'static, str>,
    pub message: String,
}

impl FlowFault {
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// Whether this is the given fault.
    pub fn is<F: FaultCode>(&self, fault: F) -> bool {
        self.code == fault.code()
    }

    /// One line for the dead letter, cut to [`REASON_LEN_MAX`].
    pub(crate) fn reason(&self) -> String {
        self.to_string().chars().take(REASON_LEN_MAX).collect()
    }
}

impl fmt::Display for FlowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for FlowFault {}

/// The cause stays behind: it was logged when the step failed, and it may name a person.
impl From<&Failure> for FlowFault {
    fn from(failure: &Failure) -> Self {
        let mut message = failure.message.clone().into_owned();
        for (field, wrong) in &failure.fields {
            message.push_str("; ");
            message.push_str(field);
            message.push_str(": ");
            message.push_str(wrong);
        }
        Self::new(failure.code, message)
    }
}
