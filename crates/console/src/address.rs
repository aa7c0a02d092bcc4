//! Addresses of our own pages with a query.

use std::fmt::Write as _;

/// A path with its query, percent-encoded (RFC 3986, 2.3); parts without a value are left out.
///
/// ```
/// assert_eq!(console::address("/customers", &[("q", "ann & bob"), ("cursor", "")]), "/customers?q=ann%20%26%20bob");
/// ```
pub fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    let mut mark = '?';
    for (key, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(mark);
        encode(&mut address, key);
        address.push('=');
        encode(&mut address, value);
        mark = '&';
    }
    address
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("writing to a string can't fail"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_typed_breaks_out_of_its_place() {
        assert_eq!(address("/customers", &[("q", "a&b=c#d é"), ("archived", "true")]), "/customers?q=a%26b%3Dc%23d%20%C3%A9&archived=true");
        assert_eq!(address("/customers", &[("q", "")]), "/customers");
    }
}
