//! How the demo speaks: data on stdout, talk on stderr, colours only where somebody looks.

use std::io::{IsTerminal as _, Write as _};

use autorisen::host::Sources;

/// How a text stands out.
#[derive(Debug, Clone, Copy)]
pub enum Look {
    Bold,
    Dim,
    Good,
    Bad,
    Address,
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// For stdout: `NO_COLOR` (no-color.org) and a stream that is no terminal switch colours off.
    pub fn of_stdout(process: &Sources) -> Self {
        let unwanted = process.vars.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        let plain = process.vars.get("TERM").is_some_and(|term| term == "dumb");
        Self { is_on: std::io::stdout().is_terminal() && !unwanted && !plain }
    }

    pub fn look(self, look: Look, text: &str) -> String {
        if !self.is_on {
            return text.to_owned();
        }
        let code = match look {
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32",
            Look::Bad => "31",
            Look::Address => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Prints a line of data. A reader that went away is no reason to stop.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Talks to the person at the terminal.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A line that is written over by the next one, where somebody looks.
pub fn progress(line: &str) {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        let _ = write!(err, "\r\u{1b}[K{line}").and_then(|()| err.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_a_text_stays_as_it_is() {
        assert_eq!(Paint { is_on: false }.look(Look::Good, "fine"), "fine");
        assert_eq!(Paint { is_on: true }.look(Look::Good, "fine"), "\u{1b}[32mfine\u{1b}[0m");
    }
}
