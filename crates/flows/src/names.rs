//! The typed names by which workflows and activities are declared, started and called.

use std::marker::PhantomData;

use kernel::At;

/// Something with an effect: an async function of the outside world, run at least once and retried.
///
/// Declared as a constant beside the function: `const CHARGE: Activity<Charge, Charged> =
/// Activity::new("recovery.charge");`
pub struct Activity<I, O> {
    name: &'static str,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Activity<I, O> {
    /// `room.verb`; it is stored with the steps of running workflows and never changes meaning.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<I, O> Clone for Activity<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I, O> Copy for Activity<I, O> {}

/// A durable workflow of one version.
///
/// A run keeps the version that it was started with. A body that asks for other things in another
/// order is a new version, registered beside the old one until the old runs are drained.
pub struct Workflow<I> {
    name: &'static str,
    version: i32,
    input: PhantomData<fn(I)>,
}

impl<I> Workflow<I> {
    /// `room.noun` and a version that begins at one.
    pub const fn new(name: &'static str, version: i32) -> Self {
        assert!(version >= 1, "versions of a workflow begin at one");
        Self { name, version, input: PhantomData }
    }

    pub const fn name(self) -> &'static str {
        self.name
    }

    pub const fn version(self) -> i32 {
        self.version
    }
}

impl<I> Clone for Workflow<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Workflow<I> {}

/// How a run starts.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// At most one run of a workflow per organization carries this key; signals find the run by
    /// it. Without one the run's own id is the key.
    pub dedupe: Option<String>,
    /// Not before this instant; at once without one.
    pub at: Option<At>,
    /// A signal of this name starts it before its time.
    pub woken_by: Option<&'static str>,
}

impl StartOptions {
    /// A run that is found by `key`, started at once.
    pub fn dedupe(key: impl Into<String>) -> Self {
        Self { dedupe: Some(key.into()), ..Self::default() }
    }

    /// The same, but not before `at`.
    #[must_use]
    pub fn at(self, at: At) -> Self {
        Self { at: Some(at), ..self }
    }

    /// The same, but at once when a signal of this name comes. The signal is kept, as any that comes
    /// before the run asks for it.
    #[must_use]
    pub fn woken_by(self, signal: &'static str) -> Self {
        Self { woken_by: Some(signal), ..self }
    }
}
