//! Events: what happened, said once, in the same transaction as the change itself.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Something that happened, named in the past (`crm.customer_archived`).
///
/// Events carry ids and facts, never secrets: they are stored, and other rooms read them.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `room.thing_happened`; it is a part of the contract and never changes meaning.
    const NAME: &'static str;

    /// The row that it happened to.
    fn subject(&self) -> Uuid;
}
