//! A browser: keeps cookies, shows pages, fills in forms.

use std::collections::BTreeMap;
use std::sync::Mutex;

use reqwest::{Method, RequestBuilder};

use crate::app::TestApp;
use crate::cast::PASSWORD;
use crate::client::{Answer, Client};

/// Somebody's browser.
pub struct Browser {
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl TestApp {
    /// A browser that was never here.
    pub fn browser(&self) -> Browser {
        Browser { client: self.nobody(), cookies: Mutex::default() }
    }

    /// A browser in which somebody of the cast is signed in.
    pub async fn browser_of(&self, email: &str) -> Browser {
        let browser = self.browser();
        let csrf = csrf_in(&browser.open("/signin").await.text);
        let entered = browser.submit("/signin", &[("_csrf", &csrf), ("email", email), ("password", PASSWORD)]).await;
        assert_eq!(entered.status, 303, "{}", entered.text);
        browser
    }
}

impl Browser {
    /// Looks at a page; redirects are shown, not followed.
    pub async fn open(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).header("accept", "text/html")).await
    }

    /// Sends a form from a page of ours; the token is among the fields or missing.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.submit_from(&self.client.base.clone(), path, fields).await
    }

    /// Sends a form from a page of another origin.
    pub async fn submit_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).header("accept", "text/html").header("origin", origin);
        self.send(request.form(fields)).await
    }

    /// The token that this browser's forms and scripts must carry.
    pub async fn csrf(&self) -> String {
        let me = self.send(self.request(Method::GET, "/auth/web/me")).await.ok();
        me["csrf_token"].as_str().expect("somebody is signed in").to_owned()
    }

    /// A prepared request with the cookies.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self.cookies.lock().expect("no holder of this lock panics");
        let line: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method, path);
        if line.is_empty() { request } else { request.header("cookie", line.join("; ")) }
    }

    /// Sends a prepared request and keeps the cookies of the answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = self.client.send(request).await;
        let mut cookies = self.cookies.lock().expect("no holder of this lock panics");
        for line in answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()) {
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a name and a value");
            match value {
                "" => cookies.remove(name),
                value => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        drop(cookies);
        answer
    }
}

/// The token in a page's form; empty when there is none.
pub fn csrf_in(html: &str) -> String {
    let after = html.split_once("name=\"_csrf\"").map_or("", |(_, after)| after);
    let value = after.split_once("value=\"").map_or("", |(_, value)| value);
    value.split('"').next().unwrap_or_default().to_owned()
}
