//! Somebody at a browser: keeps cookies, reads forms, follows a redirect only when asked to.

mod forms;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

pub use forms::{Form, forms, unescaped};

/// Redirects in a row that a browser follows.
const REDIRECTS_MAX: usize = 5;
/// Letters of a page or an answer that a complaint quotes.
const QUOTED_MAX: usize = 300;

/// The client under all players: it follows nothing by itself.
pub fn http() -> Result<Client> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_mins(1))
        .build()
        .context("an HTTP client")
}

/// One person, or one program of theirs.
#[derive(Debug, Clone)]
pub struct Player {
    http: Client,
    base: String,
    cookies: BTreeMap<String, String>,
    /// An API key or an access token.
    pub token: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Page {
    pub url: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Player {
    pub fn new(http: &Client, base: &str) -> Self {
        Self { http: http.clone(), base: base.to_owned(), cookies: BTreeMap::new(), token: None }
    }

    /// The same without a cookie, holding a key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { token: Some(key.to_owned()), cookies: BTreeMap::new(), ..self.clone() }
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if !self.cookies.is_empty() {
            let line: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", line.join("; "));
        }
        request
    }

    async fn send(&mut self, path: &str, request: RequestBuilder) -> Result<Page> {
        let url = self.url(path);
        let response = request.send().await.with_context(|| format!("{} does not answer", shown(&url)))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for line in headers.get_all(SET_COOKIE) {
            self.keep(line.to_str().unwrap_or_default());
        }
        let text = response.text().await.with_context(|| format!("{} breaks off", shown(&url)))?;
        Ok(Page { url, status, headers, text })
    }

    fn keep(&mut self, line: &str) {
        let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) else { return };
        if value.is_empty() {
            self.cookies.remove(name.trim());
        } else {
            self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }

    /// Opens an address.
    pub async fn open(&mut self, path: &str) -> Result<Page> {
        let request = self.request(Method::GET, path);
        self.send(path, request).await
    }

    /// Opens an address and goes where it leads.
    pub async fn visit(&mut self, path: &str) -> Result<Page> {
        let page = self.open(path).await?;
        self.follow(page).await
    }

    /// Goes where redirects lead.
    pub async fn follow(&mut self, mut page: Page) -> Result<Page> {
        for _ in 0..REDIRECTS_MAX {
            match page.leads_to() {
                Some(to) => page = self.open(&to).await?,
                None => return Ok(page),
            }
        }
        Err(anyhow!("{} leads in a circle", shown(&page.url)))
    }

    /// Sends a form as a browser does, and stays at the answer.
    pub async fn submit(&mut self, page: &Page, form: &Form) -> Result<Page> {
        let to = page.resolve(&form.action);
        let request = if form.method.eq_ignore_ascii_case("post") {
            self.request(Method::POST, &to).header("origin", origin(&page.url)).form(&form.fields)
        } else {
            self.request(Method::GET, &to).query(&form.fields)
        };
        self.send(&to, request).await
    }

    /// Calls the API; the `data` of an answer that must be a success.
    pub async fn call(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let request = self.request(method.clone(), path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = self.send(path, request).await?;
        answer.data().with_context(|| format!("{method} {path}"))
    }

    pub async fn get(&mut self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Calls the API as a script of our own pages does: with the session's cookie, and the token that
    /// proves where the script is from.
    pub async fn post_from_page(&mut self, path: &str, body: Value) -> Result<Value> {
        let me = self.get("/auth/web/me").await?;
        let csrf = me["csrf_token"].as_str().context("the session has no token for its scripts")?;
        let request = self.request(Method::POST, path).header("x-csrf-token", csrf).header("origin", &self.base).json(&body);
        let answer = self.send(path, request).await?;
        answer.data().with_context(|| format!("POST {path}"))
    }

    /// Sends a body with headers of its own, and returns whatever is answered.
    pub async fn deliver(&mut self, path: &str, headers: &[(&str, &str)], body: String) -> Result<Page> {
        let request = headers.iter().fold(self.request(Method::POST, path), |request, (name, value)| request.header(*name, *value));
        let request = request.header("content-type", "application/json").body(body);
        self.send(path, request).await
    }

    /// Sends form fields as a program does, and returns whatever is answered.
    pub async fn post_fields(&mut self, path: &str, fields: &[(&str, String)]) -> Result<Page> {
        let request = self.request(Method::POST, path).form(fields);
        self.send(path, request).await
    }
}

impl Page {
    /// Where a redirect leads.
    pub fn leads_to(&self) -> Option<String> {
        let to = self.headers.get(LOCATION).filter(|_| (300..400).contains(&self.status))?;
        Some(self.resolve(to.to_str().ok()?))
    }

    fn resolve(&self, to: &str) -> String {
        match to {
            "" => self.url.clone(),
            whole if whole.starts_with("http") => whole.to_owned(),
            path => format!("{}{path}", origin(&self.url)),
        }
    }

    /// The path, for people.
    pub fn path(&self) -> &str {
        let path = &self.url[origin(&self.url).len()..];
        path.split('?').next().unwrap_or_default()
    }

    /// The page, which must have been found.
    pub fn fine(self) -> Result<Self> {
        ensure!(self.status == 200, "{} answered {} instead of a page: {}", shown(&self.url), self.status, self.quoted());
        Ok(self)
    }

    /// The one form whose address begins so.
    pub fn form(&self, action: &str) -> Result<Form> {
        let found = forms(&self.text).into_iter().find(|form| form.action.starts_with(action));
        found.with_context(|| format!("{} has no form that goes to {action}: {}", shown(&self.url), self.quoted()))
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    fn data(&self) -> Result<Value> {
        let body = self.json();
        if !(200..300).contains(&self.status) {
            let error = &body["error"];
            bail!(
                "answered {} {}: {}",
                self.status,
                error["code"].as_str().unwrap_or("?"),
                error["message"].as_str().unwrap_or(&self.quoted())
            );
        }
        Ok(body.get("data").cloned().unwrap_or(Value::Null))
    }

    /// What is wrong on a page, in its own words; else its beginning.
    pub fn quoted(&self) -> String {
        let words = |html: &str| {
            let mut text = String::new();
            let mut inside = false;
            for letter in html.chars() {
                match letter {
                    '<' => inside = true,
                    '>' => inside = false,
                    _ if !inside => text.push(letter),
                    _ => {}
                }
            }
            unescaped(&text).split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let body =
            self.text.split_once("<main").map_or(self.text.as_str(), |(_, main)| main.split_once('>').map_or(main, |(_, main)| main));
        words(body).chars().take(QUOTED_MAX).collect()
    }
}

fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let ends = url[host..].find(['/', '?']).map_or(url.len(), |path| host + path);
    &url[..ends]
}

/// An address without what it may carry as a secret.
fn shown(url: &str) -> String {
    let plain = url.split('?').next().unwrap_or_default();
    match plain.split_once("/pay/") {
        Some((before, _)) => format!("{before}/pay/…"),
        None => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_resolved_and_secrets_are_not_shown() {
        let page = |status, to: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, to.parse().expect("a header"));
            Page { url: "http://127.0.0.1:1/signup?x=1".into(), status, headers, text: String::new() }
        };
        assert_eq!(page(303, "/dashboard").leads_to().as_deref(), Some("http://127.0.0.1:1/dashboard"));
        assert_eq!(page(303, "https://a.b/c").leads_to().as_deref(), Some("https://a.b/c"));
        assert_eq!(page(200, "/dashboard").leads_to(), None);
        assert_eq!(page(200, "/").path(), "/signup");
        assert_eq!(shown("http://a/pay/secret/done?token=x"), "http://a/pay/…");
    }
}
