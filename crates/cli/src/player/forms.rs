//! Reading the forms of a page, as a browser without script would.

/// A form with what it sends when nothing is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub method: String,
    /// Names and values in the order of the page, hidden fields included.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Types into a field; one that the page doesn't have is refused.
    pub fn fill(mut self, name: &str, value: &str) -> Result<Self, String> {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, typed)) => value.clone_into(typed),
            None => return Err(format!("the form {} has no field `{name}`", self.action)),
        }
        Ok(self)
    }
}

/// All forms of a page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut found: Vec<Form> = Vec::new();
    let mut is_open = false;
    // The control whose value is between its tags, and that value's beginning.
    let mut select: Option<String> = None;
    for tag in tags(html) {
        match tag.name.as_str() {
            "form" => {
                found.push(Form { action: tag.get("action"), method: tag.get_or("method", "get"), ..Form::default() });
                is_open = true;
            }
            "/form" => is_open = false,
            "/select" => select = None,
            _ if !is_open => {}
            "select" => {
                let name = tag.get("name");
                put(&mut found, name.clone(), String::new());
                select = Some(name);
            }
            "option" => choose(&mut found, select.as_deref(), &tag),
            "textarea" => put(&mut found, tag.get("name"), String::new()),
            "input" => input(&mut found, &tag),
            _ => {}
        }
    }
    found
}

fn put(forms: &mut [Form], name: String, value: String) {
    if let Some(form) = forms.last_mut().filter(|_| !name.is_empty()) {
        form.fields.push((name, value));
    }
}

fn input(forms: &mut [Form], tag: &Tag) {
    match tag.get_or("type", "text").as_str() {
        "checkbox" | "radio" if !tag.has("checked") => {}
        "submit" | "button" | "reset" | "image" => {}
        _ => put(forms, tag.get("name"), tag.get("value")),
    }
}

/// The first option counts until one that is marked.
fn choose(forms: &mut [Form], select: Option<&str>, option: &Tag) {
    let Some((form, name)) = forms.last_mut().zip(select) else { return };
    let Some((_, value)) = form.fields.iter_mut().rfind(|(known, _)| known == name) else { return };
    if value.is_empty() || option.has("selected") {
        *value = option.get("value");
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(known, _)| known == name)
    }

    fn get(&self, name: &str) -> String {
        self.get_or(name, "")
    }

    fn get_or(&self, name: &str, default: &str) -> String {
        let value = self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty()).unwrap_or(default).to_owned()
    }
}

/// The tags of a page in their order; text and comments are passed over.
fn tags(html: &str) -> impl Iterator<Item = Tag> {
    let mut rest = html;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('<')?..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let (tag, after) = tag(&rest[1..]);
            rest = after;
            return Some(tag);
        }
    })
}

/// One tag, without its `<`, and what follows it.
fn tag(text: &str) -> (Tag, &str) {
    let name_ends = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    let mut tag = Tag { name: text[..name_ends].trim_end_matches('/').to_lowercase(), attributes: vec![] };
    let mut rest = &text[name_ends..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (tag, rest.get(1..).unwrap_or_default());
        }
        let (name, value, after) = attribute(rest);
        tag.attributes.push((name.to_lowercase(), unescaped(value)));
        rest = after;
    }
}

fn attribute(text: &str) -> (&str, &str, &str) {
    let name_ends = text.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>')).unwrap_or(text.len()).max(1);
    let (name, rest) = text.split_at(name_ends.min(text.len()));
    let Some(value) = rest.strip_prefix('=') else { return (name, "", rest) };
    if let Some(quote @ ('"' | '\'')) = value.chars().next() {
        let (value, after) = value[1..].split_once(quote).unwrap_or((&value[1..], ""));
        return (name, value, after);
    }
    let ends = value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len());
    (name, &value[..ends], &value[ends..])
}

/// The escapes that templates write.
pub fn unescaped(text: &str) -> String {
    let pairs =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#38;", "&"), ("&amp;", "&")];
    pairs.into_iter().fold(text.to_owned(), |text, (escape, letter)| text.replace(escape, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_fields_and_marked_choices_are_sent() {
        let page = r#"<!-- <form action="/no"> --><p>a < b</p>
            <form class="form" method="post" action="/pay/a&amp;b">
              <input type="hidden" name="_csrf" value="t&#39;k"><input name=email><input type="checkbox" name="remember" value="yes">
              <select name="role"><option value="viewer">V</option><option value="user" selected>U</option></select>
              <button>Pay</button>
            </form>"#;
        let all = forms(page);
        assert_eq!(all.len(), 1);
        let form = &all[0];
        assert_eq!((form.method.as_str(), form.action.as_str()), ("post", "/pay/a&b"));
        let sent: Vec<_> = form.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(sent, ["_csrf=t'k", "email=", "role=user"]);
    }

    #[test]
    fn only_what_the_page_offers_can_be_typed() {
        let form = forms(r#"<form action="/x"><input name="a"></form>"#).remove(0);
        assert!(form.clone().fill("b", "1").is_err());
        assert_eq!(form.fill("a", "1").map(|form| form.fields), Ok(vec![("a".into(), "1".into())]));
    }

    #[test]
    fn a_page_that_breaks_off_ends_the_search() {
        for torn in ["<", "<form", "<form action=\"/x", "<form action=", "<!--", "<input name='a"] {
            forms(torn);
        }
    }
}
