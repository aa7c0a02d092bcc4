//! Where to go on after signing in: only to a path of our own, because the address of the sign-in
//! page can be written by anybody.

/// Longer ones are nobody's page.
const BYTES_MAX: usize = 2000;

/// The path, if it is one of ours. What browsers read as another host does not pass: `//host`,
/// `/\host`, anything with control characters, which they drop before reading.
pub(super) fn safe(path: Option<&str>) -> Option<&str> {
    let path = path?;
    let plain = path.len() <= BYTES_MAX && path.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\');
    let ours = path.starts_with('/') && !path.starts_with("//") && stays(path);
    // Back to the form would be a circle.
    (plain && ours && !path.starts_with("/signin") && !path.starts_with("/signout")).then_some(path)
}

/// The same question, asked to the parser that browsers follow.
fn stays(path: &str) -> bool {
    let Ok(base) = url::Url::parse("https://ours.invalid/") else { return false };
    base.join(path).is_ok_and(|there| there.origin() == base.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_paths_pass() {
        for path in ["/", "/dashboard", "/customers?cursor=a%20b#x", "/invitations/accept?token=abc-_1"] {
            assert_eq!(safe(Some(path)), Some(path));
        }
        assert_eq!(safe(None), None);
    }

    #[test]
    fn nothing_leads_to_another_site() {
        let long = format!("/{}", "a".repeat(BYTES_MAX));
        let hostile = [
            "",
            "dashboard",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "http:evil.example",
            "javascript:alert(1)",
            " /dashboard",
            "/ /evil.example",
            "/%0d%0a\r\nSet-Cookie: a=b",
            "/signin?return_to=/signin",
            "/signout",
            "/é",
            &long,
        ];
        for path in hostile {
            assert_eq!(safe(Some(path)), None, "{path:?}");
        }
    }
}
