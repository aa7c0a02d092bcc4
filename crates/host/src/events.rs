//! Who hears of an event, and when.
//!
//! Listeners *in the transaction* keep true together what must be true together: they run before
//! the commit and their failure undoes it. Listeners *after the commit* are durable: the transaction
//! writes down that each has to run, and the room that runs durable work takes it from there, so
//! that they run if and only if the change happened.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::future::BoxFuture;
use kernel::{Event, Failure};
use store::{StoredEvent, Tx};

use crate::{Registry, Work};

/// The port by which a transaction starts an after-commit listener; the room of durable work
/// provides it.
pub trait Starter: Send + Sync {
    /// Writes down in `tx` that `listener` has to hear of `event`.
    fn start_listener<'a>(&'a self, tx: &'a mut Tx, listener: &'static str, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>>;
}

/// A listener inside the transaction, its event's type put aside.
trait InTransaction: Send + Sync {
    fn hear<'a>(&'a self, tx: &'a mut Tx, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>>;
}

struct TypedInTransaction<E, F>(F, PhantomData<fn(E)>);

impl<E, F> InTransaction for TypedInTransaction<E, F>
where
    E: Event,
    F: for<'a> Fn(&'a mut Tx, &'a E) -> BoxFuture<'a, Result<(), Failure>> + Send + Sync,
{
    fn hear<'a>(&'a self, tx: &'a mut Tx, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let event = read::<E>(&event.payload)?;
            (self.0)(tx, &event).await
        })
    }
}

/// An after-commit listener: any `async fn(Work, E) -> Result<(), Failure>`.
pub trait Hears<E>: Send + Sync + 'static {
    /// Does what has to be done about the event. It may be called again for the same event.
    fn hear(&self, work: Work, event: E) -> BoxFuture<'static, Result<(), Failure>>;
}

impl<E, F, Fut> Hears<E> for F
where
    F: Fn(Work, E) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    fn hear(&self, work: Work, event: E) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(self(work, event))
    }
}

type AfterCommit = Box<dyn Fn(Work, serde_json::Value) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

fn read<E: Event>(payload: &serde_json::Value) -> Result<E, Failure> {
    E::deserialize(payload).map_err(|cause| Failure::internal(format!("a stored `{}` does not read: {cause}", E::NAME)))
}

/// A listener inside the transaction, with its own name.
type Named = (&'static str, Box<dyn InTransaction>);

/// All listeners, by event.
#[derive(Default)]
pub(crate) struct Listeners {
    in_transaction: BTreeMap<&'static str, Vec<Named>>,
    after_commit: BTreeMap<&'static str, Vec<&'static str>>,
    runners: BTreeMap<&'static str, AfterCommit>,
    names: BTreeSet<&'static str>,
    starter: Option<Arc<dyn Starter>>,
}

impl Listeners {
    fn name(&mut self, name: &'static str) {
        assert!(self.names.insert(name), "two listeners are called `{name}`");
    }

    pub(crate) fn on_tx<E, F>(&mut self, name: &'static str, listener: F)
    where
        E: Event,
        F: for<'a> Fn(&'a mut Tx, &'a E) -> BoxFuture<'a, Result<(), Failure>> + Send + Sync + 'static,
    {
        self.name(name);
        self.in_transaction.entry(E::NAME).or_default().push((name, Box::new(TypedInTransaction::<E, F>(listener, PhantomData))));
    }

    pub(crate) fn on<E: Event>(&mut self, name: &'static str, listener: impl Hears<E>) {
        self.name(name);
        self.after_commit.entry(E::NAME).or_default().push(name);
        self.runners.insert(
            name,
            Box::new(move |work, payload| match read::<E>(&payload) {
                Ok(event) => listener.hear(work, event),
                Err(failure) => Box::pin(std::future::ready(Err(failure))),
            }),
        );
    }

    pub(crate) fn set_starter(&mut self, starter: Arc<dyn Starter>) {
        assert!(self.starter.replace(starter).is_none(), "two modules want to start listeners");
    }

    /// Whether somebody listens after the commit while nobody could start him.
    pub(crate) fn lacks_starter(&self) -> bool {
        self.starter.is_none() && !self.runners.is_empty()
    }

    pub(crate) fn run(&self, name: &str, work: Work, payload: serde_json::Value) -> Option<BoxFuture<'static, Result<(), Failure>>> {
        self.runners.get(name).map(|run| run(work, payload))
    }

    /// Names of the after-commit listeners.
    pub(crate) fn after_commit_names(&self) -> impl Iterator<Item = &'static str> {
        self.runners.keys().copied()
    }

    async fn hear(&self, tx: &mut Tx, event: &StoredEvent) -> Result<(), Failure> {
        for (name, listener) in self.in_transaction.get(event.name.as_str()).into_iter().flatten() {
            listener.hear(tx, event).await.inspect_err(|failure| {
                tracing::warn!(event = "host.listener_refused", listener = name, heard = event.name, code = failure.code);
            })?;
        }
        for name in self.after_commit.get(event.name.as_str()).into_iter().flatten() {
            let starter = self.starter.as_ref().ok_or_else(|| Failure::internal("nothing can start a listener after the commit"))?;
            starter.start_listener(tx, name, event).await?;
        }
        Ok(())
    }
}

/// Hands what `Tx::emit` stored to the listeners.
pub struct Dispatcher(pub(crate) Arc<Registry>);

impl store::Listeners for Dispatcher {
    fn dispatch<'a>(&'a self, tx: &'a mut Tx, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.0.listeners().hear(tx, event))
    }
}

#[cfg(test)]
mod tests;
