//! Faults: errors as facts, each with a code that never changes, a status and a message.
//!
//! Each entity has one enum, declared with [`faults!`](crate::faults); what every route may answer besides is
//! in [`General`]. At run time all of them travel as one [`Failure`]; [`Failed<F>`] adds in its
//! type which enum it came from, so that the documentation of a route can be read off its
//! signature.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// What is wrong with each field, in words.
pub type Fields = BTreeMap<String, String>;

/// One enum of faults: the exhaustive table from case to code, status and message.
pub trait FaultCode: Copy + Send + Sync + 'static {
    /// Every case, for the documentation.
    fn all() -> &'static [Self];
    /// Lower case, with underscores; append-only.
    fn code(self) -> &'static str;
    /// The HTTP status that goes with it.
    fn status(self) -> u16;
    /// One or two sentences: what is wrong and how to mend it.
    fn message(self) -> &'static str;
}

/// Declares an enum of faults with its table:
/// `faults! { pub enum BookFault { NotFound = 404 "book_not_found" "There is no such book.", } }`
#[macro_export]
macro_rules! faults {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($case:ident = $status:literal $code:literal $message:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $(#[doc = $message] $case),* }
        impl $crate::FaultCode for $name {
            fn all() -> &'static [Self] { &[$(Self::$case),*] }
            fn code(self) -> &'static str { match self { $(Self::$case => $code),* } }
            fn status(self) -> u16 { match self { $(Self::$case => $status),* } }
            fn message(self) -> &'static str { match self { $(Self::$case => $message),* } }
        }
    };
}

faults! {
    /// What any route may answer.
    pub enum General {
        MalformedRequest = 400 "malformed_request" "The request could not be read. Send well-formed JSON in UTF-8.",
        NotAuthenticated = 401 "not_authenticated" "Sign in, or send a valid token or key.",
        PermissionDenied = 403 "permission_denied" "Your role does not allow this. Ask an admin of your organization.",
        CsrfFailed = 403 "csrf_failed" "The form is out of date or comes from another site. Reload the page and try again.",
        NotFound = 404 "not_found" "There is nothing here.",
        MethodNotAllowed = 405 "method_not_allowed" "This address does not offer that method.",
        RequestTimeout = 408 "request_timeout" "The request came too slowly. Send it again over a better connection.",
        Conflict = 409 "conflict" "Someone else changed this at the same time. Read it again and repeat.",
        IdempotencyKeyInUse = 409 "idempotency_key_in_use" "The first request with this Idempotency-Key is still running. Repeat in a moment.",
        PayloadTooLarge = 413 "payload_too_large" "The body is larger than this address accepts.",
        UriTooLong = 414 "uri_too_long" "The address of the request is longer than we read.",
        UnsupportedMediaType = 415 "unsupported_media_type" "Send the body as application/json.",
        Misdirected = 421 "misdirected_request" "This server does not answer for that host name.",
        ValidationFailed = 422 "validation_failed" "Some fields are not right; `fields` says which and why.",
        IdempotencyKeyReused = 422 "idempotency_key_reused" "This Idempotency-Key was used with another body. Take a new key for a new request.",
        RateLimited = 429 "rate_limited" "Too many requests. Wait as long as Retry-After says.",
        HeadersTooLarge = 431 "headers_too_large" "The headers of the request are more or larger than we read.",
        Internal = 500 "internal" "Something broke on our side. The request id helps us to find it.",
        TenantGuard = 500 "tenant_guard" "The isolation guard stopped this request. It was reported.",
        DependencyUnavailable = 503 "dependency_unavailable" "A part that this needs is not available. Try again in a moment.",
        IntegrationDisabled = 503 "integration_disabled" "This integration is not configured.",
        ReadOnly = 503 "read_only" "Nothing can be changed at the moment; reading goes on. Try again later.",
        TimedOut = 503 "timed_out" "The request took too long and was given up. Try again.",
    }
}

/// A fault on its way to the edge: what the caller is told, and the cause that only the log sees.
#[derive(Debug)]
pub struct Failure {
    pub code: &'static str,
    pub status: u16,
    pub message: Cow<'static, str>,
    pub fields: Fields,
    /// Seconds for `Retry-After`.
    pub retry_after_s: Option<u64>,
    /// Logged once at the edge, never sent.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    pub fn new<F: FaultCode>(fault: F) -> Self {
        Self {
            code: fault.code(),
            status: fault.status(),
            message: Cow::Borrowed(fault.message()),
            fields: Fields::new(),
            retry_after_s: None,
            cause: None,
        }
    }

    /// An error that is ours: 500, with its cause for the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(General::Internal) }
    }

    /// 422 about a single field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::new(General::ValidationFailed).with_fields(Fields::from([(field.to_owned(), message.into())]))
    }

    #[must_use]
    pub fn with_fields(self, fields: Fields) -> Self {
        Self { fields, ..self }
    }

    #[must_use]
    pub fn with_field(mut self, field: &str, message: impl Into<String>) -> Self {
        self.fields.insert(field.to_owned(), message.into());
        self
    }

    /// Replaces the sentence that the caller reads.
    #[must_use]
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..self }
    }

    #[must_use]
    pub fn with_cause(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// Whether this is the given fault.
    pub fn is<F: FaultCode>(&self, fault: F) -> bool {
        self.code == fault.code()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        for (field, message) in &self.fields {
            write!(f, "; {field}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<General> for Failure {
    fn from(fault: General) -> Self {
        Self::new(fault)
    }
}

/// A [`Failure`] of an action whose own faults are `F`.
pub struct Failed<F> {
    failure: Failure,
    faults: PhantomData<fn() -> F>,
}

impl<F> Failed<F> {
    /// The failure without its type.
    pub fn into_failure(self) -> Failure {
        self.failure
    }

    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The same failure, documented as one of another entity: for an action that calls another's.
    pub fn of<G>(self) -> Failed<G> {
        Failed { failure: self.failure, faults: PhantomData }
    }
}

impl<F: FaultCode> From<F> for Failed<F> {
    fn from(fault: F) -> Self {
        Self { failure: Failure::new(fault), faults: PhantomData }
    }
}

impl<F> From<Failure> for Failed<F> {
    fn from(failure: Failure) -> Self {
        Self { failure, faults: PhantomData }
    }
}

impl<F> fmt::Debug for Failed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl<F> fmt::Display for Failed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.failure, f)
    }
}
