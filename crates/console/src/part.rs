//! Small parts of a page's body.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::NaiveDate;
use kernel::At;

/// How a state feels; it comes with words, never with colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    #[default]
    Neutral,
    Ok,
    Warn,
    Bad,
    Info,
}

impl Tone {
    /// The classes of a badge in this tone.
    const fn classes(self) -> &'static str {
        match self {
            Self::Neutral => "badge",
            Self::Ok => "badge badge-ok",
            Self::Warn => "badge badge-warn",
            Self::Bad => "badge badge-bad",
            Self::Info => "badge badge-info",
        }
    }
}

/// A state in a word.
#[derive(Template)]
#[template(source = r#"<span class="{{ tone.classes() }}">{{ text }}</span>"#, ext = "html")]
pub struct Badge<'a> {
    pub text: &'a str,
    pub tone: Tone,
}

/// An instant, in UTC and said so: whoever reads may sit anywhere.
#[derive(Debug, Clone, Copy)]
pub struct When(pub At);

impl When {
    /// The same from within a template, where fields come as references.
    pub const fn of(at: &At) -> Self {
        Self(*at)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<time datetime="{}">{} UTC</time>"#, self.0.format("%Y-%m-%dT%H:%M:%SZ"), self.0.format("%-d %b %Y, %H:%M"))
    }
}

/// A day without its hour.
#[derive(Debug, Clone, Copy)]
pub struct Day(pub NaiveDate);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<time datetime="{}">{}</time>"#, self.0.format("%Y-%m-%d"), self.0.format("%-d %b %Y"))
    }
}

/// What a list shows when it has nothing: why, and the one next step. No button when `href` is empty.
#[derive(Template)]
#[template(path = "parts/empty.html")]
pub struct Empty<'a> {
    pub title: &'a str,
    pub text: &'a str,
    pub href: &'a str,
    pub action: &'a str,
}

/// The way to the next page of a list; nothing when there is none.
#[derive(Template)]
#[template(
    source = r#"{% if let Some(next) = next %}<nav class="row" aria-label="Pages"><a class="btn" rel="next" href="{{ next }}">Show older</a></nav>{% endif %}"#,
    ext = "html"
)]
pub struct Pager {
    /// The whole address of the next page, its query included: see [`address`](crate::address).
    pub next: Option<String>,
}

/// One figure with its name, and below it what it means.
#[derive(Template)]
#[template(path = "parts/stat.html")]
pub struct Stat<'a> {
    pub label: &'a str,
    pub value: &'a str,
    pub note: &'a str,
}

impl HtmlSafe for Badge<'_> {}
impl HtmlSafe for When {}
impl HtmlSafe for Day {}
impl HtmlSafe for Empty<'_> {}
impl HtmlSafe for Pager {}
impl HtmlSafe for Stat<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = r#""><script>alert('x')</script>&"#;

    #[test]
    fn every_part_escapes_its_values() {
        let rendered = [
            Badge { text: HOSTILE, tone: Tone::Bad }.to_string(),
            Empty { title: HOSTILE, text: HOSTILE, href: HOSTILE, action: HOSTILE }.to_string(),
            Pager { next: Some(HOSTILE.into()) }.to_string(),
            Stat { label: HOSTILE, value: HOSTILE, note: HOSTILE }.to_string(),
        ];
        for html in rendered {
            assert!(!html.contains("<script") && !html.contains("'x'"), "{html}");
        }
    }

    #[test]
    fn an_instant_is_read_by_people_and_programs() {
        let at = "2026-03-01T09:05:07Z".parse().expect("a valid instant");
        assert_eq!(When(at).to_string(), r#"<time datetime="2026-03-01T09:05:07Z">1 Mar 2026, 09:05 UTC</time>"#);
    }

    #[test]
    fn the_last_page_has_no_pager() {
        assert_eq!(Pager { next: None }.to_string(), "");
    }
}
