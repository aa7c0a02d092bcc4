//! Making and checking access tokens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Duration;
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use kernel::{AccountId, At, Failure, OrgId, Secret, SessionId, chance};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The header's `typ` (RFC 9068, 2.1): a mail link, an ID token or a CSRF token is none of these.
const TYP: &str = "at+jwt";
/// Whom the tokens are for: this program's API and nothing else.
const AUDIENCE: &str = "autorisen:api";
/// No token lives longer than fifteen minutes, whatever the config says.
pub const LIFETIME_MAX_S: i64 = 15 * 60;
/// How far the clocks of two replicas may lie apart before a new token looks premature.
const SKEW_S: i64 = 5;
/// Ours have some 700 bytes; more is not worth decoding.
const TOKEN_BYTES_MAX: usize = 4096;
/// What precedes the seed in the PKCS#8 form of an Ed25519 key (RFC 8410, 7).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Who signs: the public address. On loopback the port is left out, because a development server
/// that comes back on another port is still the same one.
pub fn issuer(public_url: &str) -> String {
    match url::Url::parse(public_url) {
        Ok(url) if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) => format!("{}://loopback", url.scheme()),
        _ => public_url.to_owned(),
    }
}

/// Whom a token is made for.
#[derive(Debug, Clone)]
pub struct Grant {
    pub account: AccountId,
    pub org: Option<OrgId>,
    pub role: Option<String>,
    pub session: SessionId,
}

/// What a token says. Times are whole seconds: a text or a fraction is refused by its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: AccountId,
    pub user_id: AccountId,
    pub org_id: Option<OrgId>,
    pub role: Option<String>,
    pub sid: SessionId,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub jti: String,
}

/// Why a token is none of ours. Only for the log: every reason is answered alike.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("too long")]
    TooLong,
    #[error("the header is not that of an access token")]
    Header,
    #[error("signature, shape, issuer or audience: {0}")]
    Unproven(#[from] jsonwebtoken::errors::Error),
    #[error("outside its time")]
    Time,
    #[error("the claims contradict each other")]
    Claims,
}

/// The key that signs, and the public halves that verify: its own, and while the master key is
/// replaced that of the previous one.
pub struct Signer {
    own: Half,
    /// Believed before the instant beside it.
    previous: Option<(Half, At)>,
    issuer: String,
    signing: EncodingKey,
    rules: Validation,
}

/// A public key and its name.
struct Half {
    kid: String,
    public: String,
    verifying: DecodingKey,
}

impl Half {
    fn of(seed: &[u8; 32]) -> Result<Self, jsonwebtoken::errors::Error> {
        let public = BASE64_URL_SAFE_NO_PAD.encode(SigningKey::from_bytes(seed).verifying_key().as_bytes());
        Ok(Self { kid: thumbprint(&public), verifying: DecodingKey::from_ed_components(&public)?, public })
    }

    /// As a JSON Web Key (RFC 7517).
    fn jwk(&self) -> serde_json::Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid, "x": self.public })
    }
}

impl Signer {
    /// `seed` derives from the master key; `issuer` is the public address.
    pub fn new(seed: &[u8; 32], issuer: String) -> Result<Self, jsonwebtoken::errors::Error> {
        let der = Zeroizing::new([&PKCS8_PREFIX[..], seed].concat());
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[&issuer]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library would ask the machine's clock; we ask ours.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        Ok(Self { own: Half::of(seed)?, previous: None, signing: EncodingKey::from_ed_der(&der), issuer, rules })
    }

    /// The same, and what the key of `seed` signed is believed before `until`.
    pub fn believing(self, seed: &[u8; 32], until: At) -> Result<Self, jsonwebtoken::errors::Error> {
        Ok(Self { previous: Some((Half::of(seed)?, until)), ..self })
    }

    /// The public halves that count at `now`.
    fn halves(&self, now: At) -> impl Iterator<Item = &Half> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        [Some(&self.own), previous.map(|(half, _)| half)].into_iter().flatten()
    }

    /// A signed token that begins now and lives for `lifetime`, cut to [`LIFETIME_MAX_S`].
    pub fn mint(&self, grant: &Grant, now: At, lifetime: Duration) -> Result<Secret, Failure> {
        let iat = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: grant.account,
            user_id: grant.account,
            org_id: grant.org,
            role: grant.role.clone(),
            sid: grant.session,
            iat,
            nbf: iat,
            exp: iat + lifetime.num_seconds().clamp(1, LIFETIME_MAX_S),
            jti: chance::uuid_v7(now).simple().to_string(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYP.to_owned());
        header.kid = Some(self.own.kid.clone());
        encode(&header, &claims, &self.signing).map(Secret::new).map_err(Failure::internal)
    }

    /// What the token says, when it is ours and in its time.
    pub fn verify(&self, token: &str, now: At) -> Result<Claims, Refused> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refused::TooLong);
        }
        let header = decode_header(token)?;
        // Keys that a header brings along (`jwk`, `jku`, `x5u`) are never looked at: the only keys are ours.
        let key = self.halves(now).find(|half| header.kid.as_ref() == Some(&half.kid));
        let is_ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some(TYP) && header.crit.is_none();
        let key = key.filter(|_| is_ours).ok_or(Refused::Header)?;
        let claims = decode::<Claims>(token, &key.verifying, &self.rules)?.claims;
        let now = now.timestamp();
        if claims.exp <= now || claims.nbf > now + SKEW_S || claims.iat > now + SKEW_S {
            return Err(Refused::Time);
        }
        let lifetime = claims.exp.checked_sub(claims.iat);
        if claims.sub != claims.user_id || !lifetime.is_some_and(|seconds| (1..=LIFETIME_MAX_S).contains(&seconds)) {
            return Err(Refused::Claims);
        }
        Ok(claims)
    }

    /// The public key set (RFC 7517): the key that signs first.
    pub fn key_set(&self, now: At) -> serde_json::Value {
        json!({ "keys": self.halves(now).map(Half::jwk).collect::<Vec<_>>() })
    }

    #[cfg(test)]
    pub(super) fn kid(&self) -> &str {
        &self.own.kid
    }

    #[cfg(test)]
    pub(super) fn public(&self) -> &str {
        &self.own.public
    }
}

/// The key's name: its RFC 7638 thumbprint, so that every replica gives it the same one.
fn thumbprint(public: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()))
}
