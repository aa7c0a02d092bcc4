//! Finding the links in a letter, so that a person or a test can follow them.

/// Every web address in the text and in the HTML's `href`s, in order, each once.
pub(crate) fn links(text: &str, html: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let in_html = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(unescaped);
    for link in in_text(text).map(str::to_owned).chain(in_html) {
        if link.starts_with("http") && !found.contains(&link) {
            found.push(link);
        }
    }
    found
}

fn in_text(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'))
        // The marks of a sentence around an address are no part of it.
        .map(|word| word.trim_start_matches('(').trim_end_matches(['.', ',', ';', ')']))
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
}

/// The escapes that a template writes into attributes.
fn unescaped(attribute: &str) -> String {
    attribute.replace("&#38;", "&").replace("&amp;", "&").replace("&#39;", "'").replace("&#34;", "\"").replace("&quot;", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_once_wherever_they_stand() {
        let text = "Open https://x.io/verify?token=a&b=1.\nOr (http://x.io/2), or mailto:ann@x.io";
        let html = r#"<a href="https://x.io/verify?token=a&#38;b=1">x</a> <a href="https://x.io/3">y</a> <a href="mailto:a@x.io">z</a>"#;
        assert_eq!(links(text, html), ["https://x.io/verify?token=a&b=1", "http://x.io/2", "https://x.io/3"]);
    }
}
