//! What happens to customers. Ids and names of fields, never the values: events are kept and read
//! by others.

use kernel::{CustomerId, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Somebody became a customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerCreated {
    pub customer: CustomerId,
}

/// A customer's facts changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerChanged {
    pub customer: CustomerId,
    /// The wire names of the fields that have another value now.
    pub fields: Vec<String>,
}

/// A customer left the daily lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerArchived {
    pub customer: CustomerId,
}

/// A customer came back into the daily lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerRestored {
    pub customer: CustomerId,
}

impl Event for CustomerCreated {
    const NAME: &'static str = "crm.customer_created";
    fn subject(&self) -> Uuid {
        self.customer.uuid()
    }
}

impl Event for CustomerChanged {
    const NAME: &'static str = "crm.customer_changed";
    fn subject(&self) -> Uuid {
        self.customer.uuid()
    }
}

impl Event for CustomerArchived {
    const NAME: &'static str = "crm.customer_archived";
    fn subject(&self) -> Uuid {
        self.customer.uuid()
    }
}

impl Event for CustomerRestored {
    const NAME: &'static str = "crm.customer_restored";
    fn subject(&self) -> Uuid {
        self.customer.uuid()
    }
}
