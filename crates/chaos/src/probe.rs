//! One well-behaved client beside the trouble: how long it waits, and whether it is served at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Somebody;
use crate::somebody::send;

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(20);

/// A client that asks again and again.
pub(crate) struct Probe {
    ending: Arc<AtomicBool>,
    asking: JoinSet<Waits>,
}

/// How long it waited, sorted, and what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    pub times: Vec<Duration>,
    pub failed: Vec<String>,
}

impl Probe {
    pub fn begin(who: &Somebody, path: &'static str) -> Self {
        let (who, ending) = (who.clone(), Arc::new(AtomicBool::new(false)));
        let (mut asking, told) = (JoinSet::new(), ending.clone());
        asking.spawn(async move {
            let mut waits = Waits::default();
            while !told.load(Ordering::SeqCst) {
                let began = Instant::now();
                match send(who.request(Method::GET, path)).await {
                    Ok(answer) if answer.status == 200 => waits.times.push(began.elapsed()),
                    Ok(answer) => waits.failed.push(format!("{path}: {} {}", answer.status, answer.text)),
                    Err(_) => waits.failed.push(format!("{path}: no answer after {:?}", began.elapsed())),
                }
                sleep(PAUSE).await;
            }
            waits.times.sort_unstable();
            waits
        });
        Self { ending, asking }
    }

    pub async fn end(mut self) -> Waits {
        self.ending.store(true, Ordering::SeqCst);
        self.asking.join_next().await.and_then(Result::ok).unwrap_or_default()
    }
}

impl Waits {
    /// Of a hundred, so many waited no longer.
    pub fn of_hundred(&self, share: usize) -> Duration {
        let place = (self.times.len() * share / 100).min(self.times.len().saturating_sub(1));
        self.times.get(place).copied().unwrap_or_default()
    }
}
