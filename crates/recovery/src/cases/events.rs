//! What happens to cases.

use kernel::{CaseId, CustomerId, Event, Money, TransactionId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CaseState;
use crate::classify::{Class, Hardness};
use crate::outcomes::Mechanism;

/// A failed payment got a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseOpened {
    pub case: CaseId,
    pub transaction: TransactionId,
    pub customer: Option<CustomerId>,
    pub amount: Money,
    pub class: Class,
    pub hardness: Hardness,
}

/// A case ended, or what it had won was given back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseClosed {
    pub case: CaseId,
    pub transaction: TransactionId,
    pub customer: Option<CustomerId>,
    pub state: CaseState,
    pub recovered: Money,
    pub mechanism: Option<Mechanism>,
}

impl Event for CaseOpened {
    const NAME: &'static str = "recovery.case_opened";
    fn subject(&self) -> Uuid {
        self.case.uuid()
    }
}

impl Event for CaseClosed {
    const NAME: &'static str = "recovery.case_closed";
    fn subject(&self) -> Uuid {
        self.case.uuid()
    }
}
