//! Running slow work on threads that give way to those that answer requests.

use kernel::Failure;
use tokio::sync::oneshot;

/// How far hashing steps back: at 5 a busy machine still gives it a quarter of a core for each that the
/// requests take, so that nobody waits for ever to get in.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Runs `work` on a thread of its own and gives its result. Starting a thread costs a thousandth of a
/// hash; the runtime's threads for blocking work are shared with others, who should not be held back.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let (told, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name("passwords".to_owned());
    let started = thread.spawn(move || {
        give_way();
        // Nobody listens any more when the caller hung up.
        let _ = told.send(work());
    });
    started.map_err(Failure::internal)?;
    result.await.map_err(Failure::internal)
}

/// Lowers this thread's priority. Where that can't be done hashing competes as before, which is slower
/// for others and not wrong.
#[cfg(target_os = "linux")]
fn give_way() {
    use rustix::process::{getpriority_process, setpriority_process};
    // Linux keeps a priority for each thread, though the calls speak of processes.
    let own = Some(rustix::thread::gettid());
    // A process that gives way as a whole must not be pushed forward here.
    let lowered = getpriority_process(own).and_then(|now| setpriority_process(own, now.max(NICE)));
    if let Err(error) = lowered {
        tracing::debug!(event = "identity.no_way_given", %error, "hashing keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_work_is_a_failure_of_its_caller_alone() {
        let panicked: Result<(), _> = run(|| panic!("on purpose")).await;
        assert!(panicked.is_err());
        assert_eq!(run(|| 7).await.ok(), Some(7));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_work_gives_way_and_others_do_not() {
        let own = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap_or_default();
        let before = own();
        assert_eq!(run(own).await.ok(), Some(before.max(NICE)));
        assert_eq!(own(), before);
    }
}
