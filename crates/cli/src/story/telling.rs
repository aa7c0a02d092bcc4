//! How a story is told: chapters and steps for people, one JSON object per step for programs.

use autorisen::host::Sources;
use autorisen::kernel::At;
use serde_json::{Value, json};

use crate::terminal::{Look, Paint, say};

/// One thing that happened and was found to be as it is told.
#[derive(Debug)]
pub struct Step {
    /// For programs.
    pub name: &'static str,
    pub text: String,
    /// Where a person would see it.
    pub see: Option<String>,
    pub facts: Value,
}

impl Step {
    pub fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into(), see: None, facts: Value::Null }
    }

    #[must_use]
    pub fn see(self, path: impl Into<String>) -> Self {
        Self { see: Some(path.into()), ..self }
    }

    #[must_use]
    pub fn facts(self, facts: Value) -> Self {
        Self { facts, ..self }
    }
}

/// Prints a story while it happens.
#[derive(Debug)]
pub struct Telling {
    paint: Paint,
    is_json: bool,
    chapter: &'static str,
    steps: u32,
}

impl Telling {
    pub fn new(process: &Sources, is_json: bool) -> Self {
        Self { paint: Paint::of_stdout(process), is_json, chapter: "", steps: 0 }
    }

    fn line(&self, line: &str) {
        if !self.is_json {
            say(line);
        }
    }

    /// The title, and where it plays.
    pub fn open(&self, title: &str, place: &str) {
        self.line("");
        self.line(&format!("  {}", self.paint.look(Look::Bold, title)));
        self.line(&format!("  {}", self.paint.look(Look::Dim, place)));
    }

    pub fn chapter(&mut self, title: &'static str) {
        self.chapter = title;
        self.line("");
        self.line(&format!("  {}", self.paint.look(Look::Bold, title)));
    }

    pub fn step(&mut self, at: At, step: &Step) {
        self.steps += 1;
        if self.is_json {
            return say(&self.object(at, step).to_string());
        }
        let when = self.paint.look(Look::Dim, &at.format("%a %e %b %H:%M").to_string());
        let done = self.paint.look(Look::Good, "✓");
        let see = step.see.as_deref().map(|see| format!("  {}", self.paint.look(Look::Address, see))).unwrap_or_default();
        say(&format!("    {when}  {done} {}{see}", step.text));
    }

    fn object(&self, at: At, step: &Step) -> Value {
        json!({
            "step": self.steps, "chapter": self.chapter, "name": step.name, "ok": true, "at": at,
            "text": step.text, "see": step.see, "facts": step.facts,
        })
    }

    /// A line of a table under a step.
    pub fn row(&self, label: &str, value: &str) {
        self.line(&format!("                        {:<14}{value}", format!("{label} ")));
    }

    pub fn close(&self, text: &str) {
        if self.is_json {
            return say(&json!({ "ok": true, "steps": self.steps, "text": text }).to_string());
        }
        say("");
        say(&format!("  {} {text}", self.paint.look(Look::Good, "✓")));
        say("");
    }

    /// The step that was not as told, before the command ends.
    pub fn broken(&self, why: &str) {
        if self.is_json {
            let step = self.steps + 1;
            return say(&json!({ "step": step, "chapter": self.chapter, "ok": false, "error": why }).to_string());
        }
        say(&format!("    {}", self.paint.look(Look::Bad, &format!("✗ after step {} the story is not as told", self.steps))));
        say("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_object_with_its_facts() {
        let mut telling = Telling::new(&Sources::empty(), true);
        telling.chapter("A company signs up");
        telling.steps = 3;
        let at: At = "2026-03-02T09:00:00Z".parse().expect("an instant");
        let step = Step::new("signed_up", "Ada signs up").see("/signup").facts(json!({ "email": "a@b.test" }));
        assert_eq!(
            telling.object(at, &step),
            json!({ "step": 3, "chapter": "A company signs up", "name": "signed_up", "ok": true, "at": "2026-03-02T09:00:00Z",
                    "text": "Ada signs up", "see": "/signup", "facts": { "email": "a@b.test" } })
        );
    }
}
