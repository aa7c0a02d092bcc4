//! What the modules registered: workflows, activities and schedules, and the verbs to do so.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use host::{BoxFuture, Registry, Work};
use kernel::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::body::Bodies;
use crate::cx::FlowCx;
use crate::fault::FlowFault;
use crate::names::{Activity, Workflow};
use crate::retry::Retry;
use crate::schedule::Schedule;

/// How long one attempt of an activity may take unless it says otherwise: a provider's slowest
/// answer with room to spare, and short enough that a hung call does not hold a place for long.
const ACTIVITY_TIME_MAX: Duration = Duration::from_mins(2);

type Doer = Arc<dyn Fn(Work, Value) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync>;

/// An activity as the engine runs it.
#[derive(Clone)]
pub(crate) struct Doing {
    pub(crate) run: Doer,
    pub(crate) retry: Retry,
    pub(crate) time_max: Duration,
}

/// The slot in the host's registry.
#[derive(Default)]
pub struct Catalog {
    pub(crate) bodies: Bodies,
    pub(crate) activities: BTreeMap<&'static str, Doing>,
    pub(crate) schedules: Vec<Schedule>,
}

impl Catalog {
    /// Every workflow with its versions, for a listing.
    pub fn workflows(&self) -> impl Iterator<Item = (&'static str, i32)> + '_ {
        self.bodies.names()
    }

    /// Every activity, for a listing.
    pub fn activities(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.activities.keys().copied()
    }

    /// Every schedule, for a listing.
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }
}

/// The verbs that this room adds to the registry.
pub trait Flows {
    /// Registers a workflow's body for the version that its name carries.
    fn workflow<I, O, F, Fut>(&mut self, workflow: Workflow<I>, body: F)
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(FlowCx, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, FlowFault>> + Send + 'static;

    /// Registers the function behind an activity. A failure is tried again unless its status is a
    /// 4xx other than 409 and 429.
    fn activity<I, O, F, Fut>(&mut self, activity: Activity<I, O>, run: F) -> ActivityOptions<'_>
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        F: Fn(Work, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static;

    /// Runs an activity of the platform by the clock (UTC): five fields, or six with seconds. Each
    /// tick starts exactly one run, however many replicas there are.
    fn schedule(&mut self, name: &'static str, cron: &str, activity: Activity<(), ()>);
}

/// Sets what is special about an activity.
pub struct ActivityOptions<'r>(&'r mut Doing);

impl ActivityOptions<'_> {
    /// How often and when it is tried again; [`Retry::STANDARD`] unless said.
    pub fn retries(self, retry: Retry) -> Self {
        self.0.retry = Retry { max: retry.max.max(1), ..retry };
        self
    }

    /// How long one attempt may take; it is then dropped and counts as failed.
    pub fn time_max(self, time_max: Duration) -> Self {
        self.0.time_max = time_max;
        self
    }
}

impl Flows for Registry {
    fn workflow<I, O, F, Fut>(&mut self, workflow: Workflow<I>, body: F)
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(FlowCx, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, FlowFault>> + Send + 'static,
    {
        self.slot::<Catalog>().bodies.add(workflow, body);
    }

    fn activity<I, O, F, Fut>(&mut self, activity: Activity<I, O>, run: F) -> ActivityOptions<'_>
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        F: Fn(Work, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        let name = activity.name();
        let doer = move |work: Work, input: Value| -> BoxFuture<'static, Result<Value, Failure>> {
            let input = match serde_json::from_value(input) {
                Ok(input) => input,
                Err(wrong) => {
                    let unreadable = Failure::field("input", format!("the input of {name} does not read: {wrong}"));
                    return Box::pin(std::future::ready(Err(unreadable)));
                }
            };
            let running = run(work, input);
            Box::pin(async move { serde_json::to_value(running.await?).map_err(Failure::internal) })
        };
        let doing = Doing { run: Arc::new(doer), retry: Retry::STANDARD, time_max: ACTIVITY_TIME_MAX };
        let activities = &mut self.slot::<Catalog>().activities;
        assert!(activities.insert(name, doing).is_none(), "the activity {name} is registered twice");
        ActivityOptions(activities.get_mut(name).expect("it was inserted in the line above"))
    }

    fn schedule(&mut self, name: &'static str, cron: &str, activity: Activity<(), ()>) {
        let schedules = &mut self.slot::<Catalog>().schedules;
        assert!(schedules.iter().all(|known| known.name != name), "the schedule {name} is registered twice");
        schedules.push(Schedule::new(name, cron, activity.name()));
    }
}
