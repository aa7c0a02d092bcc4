//! Cursors: opaque to callers and tamper-proof, so that nobody can page through what the list
//! would not show them, and nobody relies on what is inside.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use kernel::page::LIMIT_MAX;
use kernel::{After, Failure, Limit};
use serde::Deserialize;
use sha2::Sha256;
use store::Store;
use utoipa::IntoParams;

/// Label of the key that signs cursors.
const KEY_LABEL: &str = "web.cursor";
/// Bytes of the signature that are kept: 128 bits.
const SIGNATURE_BYTES: usize = 16;

/// What every list takes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Rows in a page, 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u64>,
    /// `meta.next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl ListQuery {
    /// The limit, or 422.
    pub fn limit(&self) -> Result<Limit, Failure> {
        match self.limit {
            None => Ok(Limit::default()),
            Some(rows) => Limit::new(rows).ok_or_else(|| Failure::field("limit", format!("must be from 1 to {LIMIT_MAX}"))),
        }
    }
}

fn mac(key: &[u8; 32], payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(payload);
    mac
}

pub(crate) fn write(store: &Store, after: &After) -> String {
    let mut bytes = [0u8; 24 + SIGNATURE_BYTES];
    bytes[..8].copy_from_slice(&after.at.timestamp_micros().to_be_bytes());
    bytes[8..24].copy_from_slice(after.id.as_bytes());
    let signature = mac(&store.cipher().derive(KEY_LABEL), &bytes[..24]).finalize().into_bytes();
    bytes[24..].copy_from_slice(&signature[..SIGNATURE_BYTES]);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn read(store: &Store, text: &str) -> Result<After, Failure> {
    let wrong = || Failure::field("cursor", "is not a cursor of this service; leave it out to begin at the first page");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let (payload, signature) = bytes.split_at_checked(24).ok_or_else(wrong)?;
    if signature.len() != SIGNATURE_BYTES {
        return Err(wrong());
    }
    let keys = store.cipher().derive_believed(KEY_LABEL, store.clock().now_secure());
    if !keys.iter().any(|key| mac(key, payload).verify_truncated_left(signature).is_ok()) {
        return Err(wrong());
    }
    let micros = i64::from_be_bytes(payload[..8].try_into().expect("eight bytes"));
    let at = chrono::DateTime::from_timestamp_micros(micros).ok_or_else(wrong)?;
    let id = uuid::Uuid::from_slice(&payload[8..]).map_err(|_| wrong())?;
    Ok(After { at, id })
}
