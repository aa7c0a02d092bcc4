//! The way over HTTP: each letter is one signed POST to a gateway that sends it on.
//!
//! The body is the same for every try of a letter, so that a gateway can tell a repetition by its
//! key and even by its bytes; only the stamp of the signature is new. docs/mail-gateway.md is the
//! other side of this file.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use host::SecretRef;
use kernel::At;
use lettre::message::Mailbox;
use reqwest::{Client, StatusCode, header};
use serde::Serialize;
use sha2::Sha256;
use url::Url;

use crate::config::GatewayConfig;
use crate::mail::{MailId, Queued};
use crate::postman::NotDelivered;

/// From the first byte to the answer; a gateway queues and does not wait for the mail to arrive.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Until the connection stands: a gateway that is away is told soon.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Who calls.
const API_KEY: &str = "x-api-key";
/// Proof that the body is ours: `t=<unix seconds>,v1=<hex>`.
const SIGNATURE: &str = "x-signature";
/// One letter, however often it is tried.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A gateway, with its pool of connections.
pub(crate) struct Gateway {
    url: Url,
    api_key: header::HeaderValue,
    secret: SecretRef,
    http: Client,
}

/// What a gateway gets.
#[derive(Serialize)]
struct Body<'a> {
    id: String,
    from: Address<'a>,
    to: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    /// Not worth sending after this.
    expires_at: At,
}

#[derive(Serialize)]
struct Address<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    address: String,
}

impl Gateway {
    /// The error is about the machine, never about the letter.
    pub(crate) fn new(config: GatewayConfig) -> Result<Self, String> {
        // Whoever is first in the process chooses the TLS provider; a second choice changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .timeout(TIME_MAX)
            .connect_timeout(CONNECT_TIME_MAX)
            // A redirect would carry letter and key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| "this machine can't make HTTPS connections".to_owned())?;
        let mut api_key = header::HeaderValue::from_str(config.api_key.expose()).map_err(|_| "the key makes no header".to_owned())?;
        api_key.set_sensitive(true);
        Ok(Self { url: config.url, api_key, secret: config.secret, http })
    }

    /// Hands one letter over.
    pub(crate) async fn deliver(&self, from: &Mailbox, id: MailId, queued: &Queued, now: At) -> Result<(), NotDelivered> {
        let body = body(from, id, queued).map_err(|_| NotDelivered::Refused("the letter makes no JSON".to_owned()))?;
        let request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(API_KEY, self.api_key.clone())
            .header(SIGNATURE, signature(self.secret.expose(), now, &body))
            .header(IDEMPOTENCY_KEY, id.to_string())
            .body(body);
        // Of the answer only the status counts: its body may repeat the letter and is not even read.
        match request.send().await {
            Ok(answer) => judged(answer.status()),
            Err(error) => {
                let what = if error.is_timeout() { "did not answer in time" } else { "can't be reached" };
                let said = format!("the mail gateway {what}");
                // Without a connection nothing was said; after it, everything may have been.
                Err(if error.is_connect() { NotDelivered::Away(said) } else { NotDelivered::Unsure(said) })
            }
        }
    }

    /// Whether anybody answers there. Sends no letter and no key.
    pub(crate) async fn knock(&self) -> Result<(), String> {
        match self.http.head(self.url.clone()).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.is_timeout() => Err("the mail gateway did not answer in time".to_owned()),
            Err(_) => Err("the mail gateway can't be reached".to_owned()),
        }
    }
}

fn body(from: &Mailbox, id: MailId, queued: &Queued) -> Result<Vec<u8>, serde_json::Error> {
    let words = &queued.words;
    serde_json::to_vec(&Body {
        id: id.to_string(),
        from: Address { name: words.from_name.as_deref().or(from.name.as_deref()), address: from.email.to_string() },
        to: queued.to.as_str(),
        subject: &words.subject,
        text: &words.text,
        html: &words.html,
        expires_at: queued.expires_at,
    })
}

/// `t=<unix seconds>,v1=<hex of HMAC-SHA256 over "<t>.<raw body>">`. The stamp is signed too, so that
/// a recorded request is worth nothing after the receiver's few minutes of tolerance.
fn signature(secret: &str, now: At, body: &[u8]) -> String {
    let at = now.timestamp().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// What an answer means for the letter.
fn judged(status: StatusCode) -> Result<(), NotDelivered> {
    let said = format!("the mail gateway answered {}", status.as_u16());
    match status {
        _ if status.is_success() => Ok(()),
        // It works on the same letter.
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT => Err(NotDelivered::Unsure(said)),
        // It has too much to do.
        StatusCode::TOO_MANY_REQUESTS => Err(NotDelivered::Away(said)),
        _ if status.is_client_error() => Err(NotDelivered::Refused(said)),
        // A fault of theirs, which may have come after they took it.
        _ if status.is_server_error() => Err(NotDelivered::Unsure(said)),
        // A redirect, which is a wrong address that an operator mends.
        _ => Err(NotDelivered::Away(said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_documented_one() {
        // Computed with `printf '1772366400.{"id":"mal_1"}' | openssl dgst -sha256 -hmac shared-with-the-gateway`.
        let now = "2026-03-01T12:00:00Z".parse().expect("a valid instant");
        let signed = signature("shared-with-the-gateway", now, br#"{"id":"mal_1"}"#);
        assert_eq!(signed, "t=1772366400,v1=b0c3435583ea915faa454e1e50d3413ab854322cc165f234f0655ab8173e08df");
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_is_wrong_is_not() {
        let of = |status: u16| judged(StatusCode::from_u16(status).expect("a status"));
        for status in [200, 201, 202, 204] {
            assert!(of(status).is_ok(), "{status}");
        }
        for status in [400, 401, 403, 404, 413, 422] {
            assert!(matches!(of(status), Err(NotDelivered::Refused(_))), "{status}");
        }
        for status in [301, 429] {
            assert!(matches!(of(status), Err(NotDelivered::Away(_))), "{status}");
        }
        for status in [408, 409, 500, 502, 503, 504] {
            assert!(matches!(of(status), Err(NotDelivered::Unsure(_))), "{status}");
        }
    }
}
