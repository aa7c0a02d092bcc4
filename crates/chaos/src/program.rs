//! A command that runs to its end: its exit code and what it said.

use std::time::Duration;

use testkit::Value;
use tokio::process::Command;
use tokio::time::timeout;

/// A command that takes longer hangs; the slowest one plays the whole story.
const TIME_MAX: Duration = Duration::from_secs(90);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    /// Data.
    pub out: String,
    /// Talk.
    pub err: String,
}

/// Runs a command to its end; it must end by itself.
pub async fn run(mut command: Command) -> Ended {
    let output = timeout(TIME_MAX, command.output()).await.expect("the command ends").expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a program speaks UTF-8");
    Ended { code: output.status.code().expect("no signal ended it"), out: text(output.stdout), err: text(output.stderr) }
}

impl Ended {
    /// Demands this exit code.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// Demands an end without a fault.
    #[track_caller]
    pub fn fine(self) -> Self {
        self.with(0)
    }

    /// Demands that the talk has all of these words, and that nothing of it went where data goes.
    #[track_caller]
    pub fn complains(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.err.contains(word), "{word:?} is missing in: {}", self.err);
        }
        assert!(!self.out.contains("error:"), "a complaint among the data: {}", self.out);
        self
    }

    /// The data as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|wrong| panic!("{wrong} in: {}", self.out))
    }
}
