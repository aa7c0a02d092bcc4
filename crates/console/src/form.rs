//! What forms are made of: each control with its visible label, its hint and its error, tied
//! together so that a screen reader says all three.

use askama::Template;
use askama::filters::HtmlSafe;
use serde::Deserialize;

/// One line to fill in.
///
/// ```
/// # use console::Field;
/// let field = Field { label: "Name", name: "name", required: true, ..Field::default() };
/// ```
#[derive(Template, Default)]
#[template(path = "parts/field.html")]
pub struct Field<'a> {
    pub label: &'a str,
    /// The key in the form; also the control's id unless `id` says otherwise.
    pub name: &'a str,
    /// Needed when two forms on one page share a name.
    pub id: &'a str,
    /// An input type of HTML: `text` when empty, `email`, `password`, `search`, `tel`, `date`.
    pub kind: &'a str,
    pub value: &'a str,
    pub hint: &'a str,
    pub error: Option<&'a str>,
    /// A token of HTML's autofill list (WCAG 1.3.5), such as `email` or `current-password`.
    pub autocomplete: &'a str,
    pub required: bool,
}

/// Several lines to fill in.
#[derive(Template)]
#[template(path = "parts/area.html")]
pub struct Area<'a> {
    pub label: &'a str,
    pub name: &'a str,
    pub id: &'a str,
    pub value: &'a str,
    pub hint: &'a str,
    pub error: Option<&'a str>,
    pub required: bool,
    pub rows: u8,
}

/// One of a few.
#[derive(Template, Default)]
#[template(path = "parts/select.html")]
pub struct Select<'a> {
    pub label: &'a str,
    pub name: &'a str,
    pub id: &'a str,
    pub choices: &'a [Choice<'a>],
    pub value: &'a str,
    pub hint: &'a str,
    pub error: Option<&'a str>,
}

/// One answer of a [`Select`].
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    pub value: &'a str,
    pub label: &'a str,
}

/// A box to tick; the words beside it are part of the target.
#[derive(Template)]
#[template(
    source = r#"<label class="check"><input type="checkbox" name="{{ name }}" value="{{ value }}"{% if checked %} checked{% endif %}><span>{{ label }}</span></label>"#,
    ext = "html"
)]
pub struct Check<'a> {
    pub label: &'a str,
    pub name: &'a str,
    pub value: &'a str,
    pub checked: bool,
}

/// A form that is one button: it carries only the token that every form carries.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {}

/// The hidden proof that a form was made by us for this session.
#[derive(Template)]
#[template(source = r#"<input type="hidden" name="_csrf" value="{{ self.0 }}">"#, ext = "html")]
pub struct Csrf<'a>(pub &'a str);

impl HtmlSafe for Field<'_> {}
impl HtmlSafe for Area<'_> {}
impl HtmlSafe for Select<'_> {}
impl HtmlSafe for Check<'_> {}
impl HtmlSafe for Csrf<'_> {}

impl<'a> Field<'a> {
    fn id(&self) -> &'a str {
        id_of(self.id, self.name)
    }

    fn kind(&self) -> &'a str {
        if self.kind.is_empty() { "text" } else { self.kind }
    }

    /// Fields are needed unless they say otherwise; a search box explains itself.
    fn says_optional(&self) -> bool {
        !self.required && self.kind != "search"
    }

    fn described_by(&self) -> Option<String> {
        described_by(self.id(), self.hint, self.error)
    }
}

impl<'a> Area<'a> {
    fn id(&self) -> &'a str {
        id_of(self.id, self.name)
    }

    fn says_optional(&self) -> bool {
        !self.required
    }

    fn described_by(&self) -> Option<String> {
        described_by(self.id(), self.hint, self.error)
    }
}

/// Lines that an [`Area`] shows when nobody says how many.
const AREA_ROWS: u8 = 6;

impl Default for Area<'_> {
    fn default() -> Self {
        Self { label: "", name: "", id: "", value: "", hint: "", error: None, required: false, rows: AREA_ROWS }
    }
}

impl<'a> Select<'a> {
    fn id(&self) -> &'a str {
        id_of(self.id, self.name)
    }

    fn described_by(&self) -> Option<String> {
        described_by(self.id(), self.hint, self.error)
    }
}

fn id_of<'a>(id: &'a str, name: &'a str) -> &'a str {
    if id.is_empty() { name } else { id }
}

/// The ids of the sentences that explain a control; the error comes first, it matters more.
fn described_by(id: &str, hint: &str, error: Option<&str>) -> Option<String> {
    match (error.is_some(), !hint.is_empty()) {
        (true, true) => Some(format!("{id}-error {id}-hint")),
        (true, false) => Some(format!("{id}-error")),
        (false, true) => Some(format!("{id}-hint")),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = r#""><script>alert('x')</script>&"#;

    #[test]
    fn every_control_escapes_what_people_typed() {
        let choices = [Choice { value: HOSTILE, label: HOSTILE }];
        let rendered = [
            Field { label: HOSTILE, name: "a", value: HOSTILE, hint: HOSTILE, error: Some(HOSTILE), ..Field::default() }.to_string(),
            Area { label: HOSTILE, name: "a", value: HOSTILE, hint: HOSTILE, error: Some(HOSTILE), ..Area::default() }.to_string(),
            Select { label: HOSTILE, name: "a", choices: &choices, value: HOSTILE, ..Select::default() }.to_string(),
            Check { label: HOSTILE, name: "a", value: HOSTILE, checked: true }.to_string(),
            Csrf(HOSTILE).to_string(),
        ];
        for html in rendered {
            assert!(!html.contains("<script") && !html.contains("'x'"), "{html}");
        }
    }

    #[test]
    fn a_wrong_field_says_so_to_a_screen_reader() {
        let html =
            Field { label: "Mail", name: "email", hint: "For receipts.", error: Some("not one address"), ..Field::default() }.to_string();
        assert!(html.contains(r#"aria-describedby="email-error email-hint""#), "{html}");
        assert!(html.contains(r#"aria-invalid="true""#) && html.contains(r#"id="email-error""#), "{html}");
    }

    #[test]
    fn a_label_points_at_its_control_even_under_another_id() {
        let html = Field { label: "Name", name: "name", id: "edit-name", required: true, ..Field::default() }.to_string();
        assert!(html.contains(r#"for="edit-name""#) && html.contains(r#"id="edit-name" name="name""#), "{html}");
        assert!(!html.contains("optional"), "{html}");
    }
}
