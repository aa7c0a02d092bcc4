//! A mailbox that another program keeps: ours in development, MailDev's or Mailpit's elsewhere. Which
//! of them it is shows in the shape of its list.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::{Client, Url};
use serde_json::Value;

/// How long a letter may take: the queue looks every two seconds, and a mail server greets slowly.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(250);
/// The largest list that is read.
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(super) struct Mailbox {
    http: Client,
    url: Url,
}

/// A letter, as far as we look at it.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) links: Vec<String>,
}

impl Mailbox {
    pub(super) fn new(http: &Client, url: Url) -> Self {
        Self { http: http.clone(), url }
    }

    /// The newest letter to this address, once there is one.
    pub(super) async fn wait_for(&self, email: &str) -> Result<Letter> {
        let end = Instant::now() + WAIT_MAX;
        loop {
            if let Some(letter) = self.look(email).await? {
                return Ok(letter);
            }
            ensure!(Instant::now() < end, "no letter to {email} came within {} s", WAIT_MAX.as_secs());
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    async fn look(&self, email: &str) -> Result<Option<Letter>> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("to", email);
        let list = self.get(url).await?;
        let found = if let Some(ours) = list["data"].as_array() {
            ours.iter().find(|letter| is_to(&letter["to"], email)).cloned()
        } else if let Some(maildev) = list.as_array() {
            // The oldest stands first there.
            maildev.iter().rev().find(|letter| is_to(&letter["to"], email)).cloned()
        } else if let Some(mailpit) = list["messages"].as_array() {
            match mailpit.iter().find(|letter| is_to(&letter["To"], email)) {
                Some(letter) => Some(self.whole(letter).await?),
                None => None,
            }
        } else {
            bail!("{} is no list of letters", self.url)
        };
        Ok(found.map(|letter| read(&letter)))
    }

    /// Mailpit's list has only the beginning of each letter.
    async fn whole(&self, letter: &Value) -> Result<Value> {
        let id = letter["ID"].as_str().context("a letter without an id")?;
        ensure!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_@.".contains(&byte)), "a letter with a strange id");
        self.get(self.url.join(&format!("message/{id}")).context("the address of a letter")?).await
    }

    async fn get(&self, url: Url) -> Result<Value> {
        let shown = self.url.as_str();
        let answer = self.http.get(url).send().await.map_err(reqwest::Error::without_url);
        let answer = answer.with_context(|| format!("the mailbox {shown} does not answer"))?;
        ensure!(answer.status().is_success(), "the mailbox {shown} answered {}", answer.status().as_u16());
        ensure!(answer.content_length().is_none_or(|bytes| bytes <= BODY_BYTES_MAX), "the mailbox {shown} is too full to be read");
        answer.json().await.map_err(reqwest::Error::without_url).with_context(|| format!("the mailbox {shown} is no JSON"))
    }
}

/// A text, or a list of objects with an address in them.
fn is_to(to: &Value, email: &str) -> bool {
    let same = |text: &Value| text.as_str().is_some_and(|text| text.eq_ignore_ascii_case(email));
    let in_list = to.as_array().into_iter().flatten().any(|one| same(&one["address"]) || same(&one["Address"]));
    same(to) || in_list
}

fn read(letter: &Value) -> Letter {
    let text = |names: [&str; 2]| names.iter().find_map(|name| letter[name].as_str()).unwrap_or_default().to_owned();
    let body = text(["text", "Text"]);
    let words = body.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'));
    let words = words.map(|word| word.trim_start_matches('(').trim_end_matches(['.', ',', ';', ')']));
    let links = words.filter(|word| word.starts_with("https://") || word.starts_with("http://")).map(str::to_owned).collect();
    Letter { subject: text(["subject", "Subject"]), links }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn letters_of_each_kind_of_mailbox_are_read() {
        let text = "Open https://x.io/verify?token=abc.\nBye";
        for letter in [
            json!({"to": "Ann@x.io", "subject": "Hi", "text": text}),
            json!({"to": [{"address": "ann@x.io"}], "subject": "Hi", "text": text}),
        ] {
            assert!(is_to(&letter["to"], "ann@x.io") && !is_to(&letter["to"], "bob@x.io"));
            assert_eq!(read(&letter).links, ["https://x.io/verify?token=abc"]);
        }
        let mailpit = json!({"To": [{"Name": "", "Address": "ann@x.io"}], "Subject": "Hi", "Text": text});
        assert!(is_to(&mailpit["To"], "ann@x.io"));
        assert_eq!((read(&mailpit).subject.as_str(), read(&mailpit).links.len()), ("Hi", 1));
    }
}
