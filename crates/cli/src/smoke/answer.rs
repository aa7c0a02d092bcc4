//! A stranger at the server: asks, and reads answers up to a limit.

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Url};
use serde_json::Value;

/// The largest answer that is read: the document of the API is the largest honest one.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Letters of an answer that a complaint quotes.
const QUOTED_MAX: usize = 200;

/// Somebody without any proof.
pub(super) struct Visitor {
    http: Client,
    base: String,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) what: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Visitor {
    pub(super) fn new(http: &Client, url: &Url) -> Self {
        Self { http: http.clone(), base: url.as_str().trim_end_matches('/').to_owned() }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer> {
        self.ask(Method::GET, path, None, None).await
    }

    pub(super) async fn get_as(&self, path: &str, token: &str) -> Result<Answer> {
        self.ask(Method::GET, path, None, Some(token)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::POST, path, Some(body), None).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>, token: Option<&str>) -> Result<Answer> {
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        // The client's own words repeat the address, which is known, and hide the cause behind it.
        let mut answer = request.send().await.map_err(reqwest::Error::without_url).with_context(|| what.clone())?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut bytes = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(reqwest::Error::without_url).with_context(|| what.clone())? {
            ensure!(bytes.len() + part.len() <= BODY_BYTES_MAX, "{what} answers without an end");
            bytes.extend_from_slice(&part);
        }
        Ok(Answer { what, status, headers, text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

impl Answer {
    /// Demands a status.
    pub(super) fn expect(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        bail!("{} answered {} where {status} is right: {}", self.what, self.status, self.quoted())
    }

    /// A header's text; empty when there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("{} is no JSON: {}", self.what, self.quoted()))
    }

    /// What the server says is wrong.
    pub(super) fn code(&self) -> String {
        self.json().ok().and_then(|body| body["error"]["code"].as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn quoted(&self) -> String {
        self.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(QUOTED_MAX).collect()
    }
}
