//! The frame around every mail: one column without tables, readable in light and dark, on any width.

use askama::Template;

#[derive(Template)]
#[template(path = "layout.html")]
pub(crate) struct HtmlLayout<'a> {
    pub(crate) title: &'a str,
    /// Rendered and escaped by the letter's own template.
    pub(crate) body: &'a str,
}

#[derive(Template)]
#[template(path = "layout.txt")]
pub(crate) struct TextLayout<'a> {
    pub(crate) body: &'a str,
}
