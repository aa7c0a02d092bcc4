//! The kernel: values that every room speaks in.
//!
//! Typed ids, the one clock, the one source of chance, money, mail addresses, pages and cursors,
//! permissions, actors, events and faults. Nothing here does IO and nothing here knows a web
//! framework or a database, so that everything here can be read and tested by itself.

pub mod actor;
pub mod chance;
pub mod check;
pub mod clock;
pub mod crash;
pub mod event;
pub mod fault;
pub mod id;
pub mod instant;
pub mod mail_address;
pub mod money;
pub mod page;
pub mod permission;
pub mod secret;

pub use actor::Actor;
pub use check::Check;
pub use clock::Clock;
pub use event::Event;
pub use fault::{Failed, Failure, FaultCode, Fields, General};
pub use id::{
    AccountId, ApiKeyId, AttemptId, CaseId, ConnectionId, CustomerId, EventId, InvitationId, LinkId, MemberId, OrgId, PaymentMethodId,
    RequestId, RunId, SessionId, TransactionId,
};
pub use mail_address::MailAddress;
pub use money::{Currency, Money};
pub use page::{After, Limit, Page};
pub use permission::Permission;
pub use secret::Secret;

/// An instant in UTC, truncated to microseconds so that both engines store and sort it alike.
pub type At = chrono::DateTime<chrono::Utc>;
