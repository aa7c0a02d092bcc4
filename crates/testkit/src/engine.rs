//! Which databases the stories run on.

use std::sync::{Mutex, OnceLock};

use crate::ThrowawayPostgres;

/// The database under a test application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestEngine {
    Sqlite,
    Postgres,
}

/// What must be there, from `AUTORISEN_TEST_REQUIRE=postgres,chromium`.
#[expect(clippy::disallowed_methods, reason = "the testkit has no settings but this one")]
fn required(what: &str) -> bool {
    std::env::var("AUTORISEN_TEST_REQUIRE").is_ok_and(|list| list.split(',').any(|item| item.trim() == what))
}

/// Says once that something was skipped, or fails when it is required.
#[expect(clippy::print_stderr, reason = "a skip must be seen")]
pub fn require(what: &str, missing: Option<&str>) -> bool {
    static SAID: Mutex<Vec<String>> = Mutex::new(vec![]);
    let Some(reason) = missing else { return true };
    assert!(!required(what), "AUTORISEN_TEST_REQUIRE names {what}, but {reason}");
    let mut said = SAID.lock().expect("no holder of this lock panics");
    if !said.iter().any(|known| known == what) {
        eprintln!("skipped on {what}: {reason}");
        said.push(what.to_owned());
    }
    false
}

/// One server for all tests of a process; without one it says so, or fails where one is required.
pub fn postgres() -> Option<&'static ThrowawayPostgres> {
    static SERVER: OnceLock<Result<ThrowawayPostgres, String>> = OnceLock::new();
    let server = SERVER.get_or_init(ThrowawayPostgres::start);
    require("postgres", server.as_ref().err().map(String::as_str)).then(|| server.as_ref().ok()).flatten()
}

/// Whether stories can run on this engine here.
pub fn available(engine: TestEngine) -> bool {
    engine == TestEngine::Sqlite || postgres().is_some()
}

/// The engines that stories can run on here.
pub fn engines() -> impl Iterator<Item = TestEngine> {
    [TestEngine::Sqlite, TestEngine::Postgres].into_iter().filter(|engine| available(*engine))
}
