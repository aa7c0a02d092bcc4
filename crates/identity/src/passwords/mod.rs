//! Passwords: which ones are good enough, and how they are hashed and compared.
//!
//! A password is read into a [`Password`] first: bounded in bytes before any work is done with it,
//! and in Unicode's form NFKC, so that the same keys typed on two systems give the same text.

mod aside;
mod pool;
mod rules;
pub mod sizing;

pub use pool::{Cost, MEMORY_KIB_MIN, PASSES_MIN, Pool, Verdict};
pub use rules::{About, Rules};

use host::Core;
use kernel::{Failure, Secret};
use unicode_normalization::UnicodeNormalization as _;
use web::limits::{self, Way, Whose};
use zeroize::Zeroizing;

use crate::Identity;
use crate::client::Client;

/// The most bytes that are looked at: far above the 256 characters that must pass (NIST 800-63B-4
/// asks for 64), and small enough that reading them costs nothing (ASVS 6.2.9).
pub const BYTES_MAX: usize = 1024;

/// What a person typed, ready to be judged or hashed. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// The text is longer than [`BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not be longer than {BYTES_MAX} bytes")]
pub struct TooLong;

impl Password {
    /// Reads what was typed. Nothing is trimmed and no letter changes its case: both matter.
    pub fn read(typed: &Secret) -> Result<Self, TooLong> {
        if typed.expose().len() > BYTES_MAX {
            return Err(TooLong);
        }
        Ok(Self(Zeroizing::new(typed.expose().nfkc().collect())))
    }

    /// Whether it is the same password; both are in memory only, so nothing is learned by timing.
    pub fn is(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// How many password hashes this process was asked to compute: the same for an address that nobody
/// has as for one that somebody has.
pub fn hashes_computed(core: &Core) -> u64 {
    Identity::of(core).pool.computed()
}

/// Reads a password that somebody wants to have from now on; `field` is where they typed it.
///
/// Judging takes milliseconds of computing, so it runs in the pool.
pub async fn choose(pool: &Pool, rules: Rules, field: &str, typed: &Secret, about: About) -> Result<Password, Failure> {
    let password = read(field, typed)?;
    let judged = password.clone();
    pool.run(move |_| rules.judge(&judged, &about)).await?.map_err(|wrong| Failure::field(field, wrong))?;
    Ok(password)
}

/// Counts one more password that is tried with the link from a mail, before it is judged or hashed. 429 when
/// it was one too many.
pub(crate) async fn count_choice(core: &Core, token: &Secret, client: &Client) -> Result<(), Failure> {
    limits::count(core, Way::Choose, &[Whose::Account(token.expose()), Whose::Network(&client.network)]).await
}

/// Reads the password of an account that begins, typed in the field `password`, and hashes it. 422 when there
/// is none or when the rules refuse it.
pub(crate) async fn hash_chosen(identity: &Identity, typed: Option<&Secret>, about: About) -> Result<String, Failure> {
    let typed = typed.ok_or_else(|| Failure::field("password", "is required"))?;
    let password = choose(&identity.pool, identity.settings.rules(), "password", typed, about).await?;
    identity.pool.hash(&password).await
}

/// Reads a password that somebody shows; too long a one is refused before any work is done.
pub fn read(field: &str, typed: &Secret) -> Result<Password, Failure> {
    Password::read(typed).map_err(|wrong| Failure::field(field, wrong.to_string()))
}
