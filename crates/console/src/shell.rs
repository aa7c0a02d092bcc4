//! The frame: what stands around every page's body.

use askama::Template;
use web::ShellPage;

use crate::asset;
use crate::form::Csrf;

/// Where the button "Sign out" posts to; the room that knows people serves it.
const SIGN_OUT: &str = "/signout";

/// Draws the console's frame in the name of one program.
pub struct Shell {
    brand: String,
}

/// A page of the console: navigation, who is signed in, the body.
#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'a> {
    page: &'a ShellPage,
    brand: &'a str,
    environment: Option<&'a str>,
    stylesheet: &'a str,
    icon: &'a str,
    csrf: Csrf<'a>,
    sign_out: &'a str,
}

/// A page by itself: signing in, paying, an error.
#[derive(Template)]
#[template(path = "plain.html")]
struct Plain<'a> {
    page: &'a ShellPage,
    brand: &'a str,
    environment: Option<&'a str>,
    stylesheet: &'a str,
    icon: &'a str,
}

impl Shell {
    /// A shell for the program of this name: `bookshop` is shown as "Bookshop".
    pub fn new(app: &str) -> Self {
        let mut letters = app.chars();
        let brand = letters.next().map(|first| first.to_uppercase().chain(letters).collect());
        Self { brand: brand.unwrap_or_default() }
    }
}

impl web::Shell for Shell {
    fn wrap(&self, page: ShellPage) -> String {
        let layout = Layout {
            page: &page,
            brand: &self.brand,
            environment: flag(&page.environment),
            stylesheet: asset::stylesheet_path(),
            icon: asset::icon_path(),
            csrf: Csrf(&page.csrf),
            sign_out: SIGN_OUT,
        };
        layout.render().expect("writing to a string can't fail")
    }

    fn plain(&self, page: ShellPage) -> String {
        let plain = Plain {
            page: &page,
            brand: &self.brand,
            environment: flag(&page.environment),
            stylesheet: asset::stylesheet_path(),
            icon: asset::icon_path(),
        };
        plain.render().expect("writing to a string can't fail")
    }
}

/// What to say about where we run: nothing in production, where it goes without saying.
fn flag(environment: &str) -> Option<&str> {
    (!matches!(environment, "" | "production")).then_some(environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use web::{NavEntry, Shell as _};

    fn page() -> ShellPage {
        let entry = |href: &str, current| NavEntry { href: href.into(), label: "<Customers>".into(), current };
        ShellPage {
            title: "A & B".into(),
            body: "<h1>Body</h1>".into(),
            nav: vec![entry("/customers", true), entry("/cases", false)],
            caller_name: "<script>alice</script>".into(),
            org_name: "Acme & Sons".into(),
            csrf: "token".into(),
            notice: Some("<b>Saved</b>".into()),
            environment: "demo".into(),
        }
    }

    #[test]
    fn the_frame_escapes_everything_but_the_body() {
        let html = Shell::new("bookshop").wrap(page());
        assert!(html.contains("<h1>Body</h1>") && html.contains("<title>A &#38; B · Bookshop</title>"), "{html}");
        for raw in ["<script", "<b>Saved", "Acme & Sons", "<Customers>"] {
            assert!(!html.contains(raw), "{raw}: {html}");
        }
    }

    #[test]
    fn the_current_entry_is_marked_and_the_body_can_be_reached_at_once() {
        let html = Shell::new("bookshop").wrap(page());
        assert!(html.contains(r#"<a href="/customers" aria-current="page">"#) && html.contains(r#"<a href="/cases">"#), "{html}");
        assert!(html.contains(r##"<a class="skip" href="#main">"##) && html.contains(r#"id="main""#), "{html}");
        assert!(html.contains(r#"<input type="hidden" name="_csrf" value="token">"#), "{html}");
    }

    #[test]
    fn a_page_says_where_it_runs_unless_it_is_production() {
        let shell = Shell::new("bookshop");
        assert!(shell.plain(page()).contains(r#"<span class="env">demo</span>"#));
        let production = ShellPage { environment: "production".into(), ..page() };
        assert!(!shell.plain(production).contains("class=\"env\""));
    }
}
