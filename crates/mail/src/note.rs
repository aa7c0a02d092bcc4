//! The common mail: a heading, some sentences, one link to follow, and what to know besides. Text
//! and HTML come from the same words, so they cannot differ.

use askama::Template;

use crate::letter::MailTemplate;

/// A mail of a few sentences and at most one link.
#[derive(Debug, Clone, Default)]
pub struct Note {
    subject: String,
    lines: Vec<String>,
    action: Option<Action>,
    after: Vec<String>,
}

/// What the reader is asked to do.
#[derive(Debug, Clone)]
pub struct Action {
    pub label: String,
    pub href: String,
}

impl Note {
    /// The subject is the heading too.
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }

    /// A paragraph before the link.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// The link, shown as a button, and as a plain address for readers without HTML.
    #[must_use]
    pub fn action(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.action = Some(Action { label: label.into(), href: href.into() });
        self
    }

    /// A paragraph in small print after the link: how long it works, what to do if it was not you.
    #[must_use]
    pub fn after(mut self, line: impl Into<String>) -> Self {
        self.after.push(line.into());
        self
    }
}

#[derive(Template)]
#[template(path = "note.html")]
struct NoteHtml<'a> {
    note: &'a Note,
}

#[derive(Template)]
#[template(path = "note.txt")]
struct NoteText<'a> {
    note: &'a Note,
}

impl MailTemplate for Note {
    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn text(&self) -> Result<String, askama::Error> {
        NoteText { note: self }.render()
    }

    fn html(&self) -> Result<String, askama::Error> {
        NoteHtml { note: self }.render()
    }
}
