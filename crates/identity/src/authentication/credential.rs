//! What a request shows.

use axum::http::{HeaderMap, header};

/// Longer ones are nobody's: our tokens have some 700 bytes.
const BYTES_MAX: usize = 4096;
/// How API keys begin.
const KEY_MARKER: &str = "ak_";

/// The one proof that a request is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    Token(&'a str),
    Key(&'a str),
    Cookie(&'a str),
    /// Something was claimed that cannot be read: nobody, even if a good cookie came along.
    Unreadable,
    Nothing,
}

impl<'a> Credential<'a> {
    /// Reads the headers. What stands in `Authorization` decides alone: a request with a bad token
    /// and a good cookie is a mistake or an attack, and in both cases nobody's.
    pub fn of(headers: &'a HeaderMap, cookie: Option<&'a str>) -> Self {
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        match (lines.next(), lines.next()) {
            (None, _) => cookie.map_or(Self::Nothing, |cookie| bounded(cookie).map_or(Self::Unreadable, Self::Cookie)),
            (Some(line), None) => line.to_str().ok().and_then(bearer).unwrap_or(Self::Unreadable),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }
}

fn bearer(line: &str) -> Option<Credential<'_>> {
    let (scheme, rest) = line.split_once(' ')?;
    let shown = bounded(rest.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    Some(if shown.starts_with(KEY_MARKER) { Credential::Key(shown) } else { Credential::Token(shown) })
}

fn bounded(text: &str) -> Option<&str> {
    (1..=BYTES_MAX).contains(&text.len()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::AUTHORIZATION, line.parse().unwrap())).collect()
    }

    #[test]
    fn the_kind_of_proof_is_read_off_its_form() {
        assert_eq!(Credential::of(&headers(&["Bearer abc"]), None), Credential::Token("abc"));
        assert_eq!(Credential::of(&headers(&["bearer ak_1"]), None), Credential::Key("ak_1"));
        assert_eq!(Credential::of(&headers(&[]), Some("c")), Credential::Cookie("c"));
        assert_eq!(Credential::of(&headers(&[]), None), Credential::Nothing);
    }

    #[test]
    fn a_bad_header_is_not_rescued_by_a_good_cookie() {
        for line in ["Bearer", "Bearer ", "Basic abc", "abc", "", &format!("Bearer {}", "x".repeat(BYTES_MAX + 1))] {
            assert_eq!(Credential::of(&headers(&[line]), Some("good")), Credential::Unreadable, "{line}");
        }
        assert_eq!(
            Credential::of(&headers(&["Bearer a", "Bearer b"]), Some("good")),
            Credential::Unreadable,
            "two answers to one question"
        );
    }

    #[test]
    fn an_oversized_cookie_is_nobodys() {
        assert_eq!(Credential::of(&headers(&[]), Some(&"x".repeat(BYTES_MAX + 1))), Credential::Unreadable);
    }
}
