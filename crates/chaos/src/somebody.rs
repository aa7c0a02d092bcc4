//! Somebody who talks HTTP to a process that may die at any moment.

use std::time::Duration;

use reqwest::Method;
use testkit::{Answer, PASSWORD, Value, json};
use tokio::time::{Instant, sleep};

/// Moves of the clock are the longest requests; the server itself gives up after half a minute.
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// A letter is written at once; a machine that does other things as well may be late.
const LETTER_WAIT_MAX: Duration = Duration::from_secs(20);
/// Between two looks at something that is under way in the server.
const LOOK_PAUSE: Duration = Duration::from_millis(25);

/// A person, a program or a stranger, with their proof of who they are.
#[derive(Clone)]
pub struct Somebody {
    http: reqwest::Client,
    pub base: String,
    /// An access token or an API key.
    pub token: Option<String>,
}

/// The process did not answer: it is down, or went down.
#[derive(Debug)]
pub struct Lost;

impl Somebody {
    pub fn at(base: &str) -> Self {
        // Only the first call in a process installs it; later ones find it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A connection of a process that was killed must not be met again.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0).timeout(ANSWER_MAX);
        Self { http: http.build().expect("a client"), base: base.to_owned(), token: None }
    }

    /// The same with a key or a token.
    pub fn holding(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same, who talks to another replica.
    pub fn toward(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// A prepared request with the proof.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await.expect("an answer")
    }

    /// Signs up, and comes back with the tokens.
    pub async fn sign_up(&self, email: &str, org: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD, "full_name": "Ada Berg", "org_name": org});
        let made = self.post("/v1/auth/register", body).await.expect(201);
        self.holding(made["access_token"].as_str().expect("a token"))
    }

    /// The newest letter to an address, once it is there.
    pub async fn letter_to(&self, email: &str) -> Value {
        let path = format!("/dev/mail/messages?to={email}");
        until(LETTER_WAIT_MAX, async || self.get(&path).await.ok().as_array()?.first().cloned()).await.expect("a letter")
    }

    /// The token in the newest letter to an address that has one, once it is there.
    pub async fn token_to(&self, email: &str) -> String {
        let path = format!("/dev/mail/messages?to={email}");
        until(LETTER_WAIT_MAX, async || self.get(&path).await.ok().as_array()?.iter().find_map(token_in)).await.expect("a link")
    }
}

/// The token in a letter's link.
pub fn token_in(letter: &Value) -> Option<String> {
    let links = letter["links"].as_array()?.iter().filter_map(Value::as_str);
    links.filter_map(|link| link.split_once("token=")).map(|(_, token)| token.to_owned()).next()
}

/// Sends a prepared request and reads the answer to its end.
pub async fn send(request: reqwest::RequestBuilder) -> Result<Answer, Lost> {
    let response = request.send().await.map_err(|_| Lost)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.map_err(|_| Lost)?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, body })
}

/// Looks again and again until there is something, at most `time_max`.
pub async fn until<T>(time_max: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + time_max;
    loop {
        match look().await {
            Some(found) => return Some(found),
            None if Instant::now() > end => return None,
            None => sleep(LOOK_PAUSE).await,
        }
    }
}
