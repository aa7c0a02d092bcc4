//! What running code holds: [`Core`] everywhere, [`Work`] in durable steps.

use std::ops::Deref;
use std::sync::Arc;

use kernel::{Actor, Clock, OrgId, RunId};
use store::{Store, StoreError, Tx};

use crate::{Environment, Parts, Registry, Tasks};

/// The opened process: cheap to clone, handed to every service, handler and listener.
#[derive(Clone)]
pub struct Core(Arc<Opened>);

/// What the opened process holds.
pub struct Opened {
    pub store: Store,
    pub clock: Clock,
    pub parts: Parts,
    pub tasks: Tasks,
    pub environment: Environment,
    /// Where people reach us, without a slash at the end. Every link that leaves starts with it.
    pub public_url: Arc<str>,
    /// All that was registered; nothing is added after the boot.
    pub registry: Arc<Registry>,
}

impl Core {
    pub(crate) fn new(opened: Opened) -> Self {
        Self(Arc::new(opened))
    }
}

impl Deref for Core {
    type Target = Opened;
    fn deref(&self) -> &Opened {
        &self.0
    }
}

/// One step of durable work: what activities and after-commit listeners get.
#[derive(Clone)]
pub struct Work {
    pub core: Core,
    /// The organization whose work it is; none for the platform's own.
    pub org: Option<OrgId>,
    pub run: RunId,
    /// 1 for the first try.
    pub attempt: u32,
    /// The same for every try of this step: what a receiver deduplicates by.
    pub key: String,
}

impl Work {
    /// A transaction in the organization of this work, acting as the part of the program that is
    /// named. Work without an organization has no tenant rows to touch and is refused.
    pub async fn begin(&self, part: &'static str) -> Result<Tx, StoreError> {
        let org = self.org.ok_or(StoreError::Guard("this work has no organization, so it has no tenant transaction".into()))?;
        Tx::for_org(&self.core.store, org, Actor::System(part)).await
    }
}
