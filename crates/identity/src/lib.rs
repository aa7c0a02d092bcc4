//! The identity room: people and how they prove who they are.
//!
//! An account is one person with one mail address, in however many organizations. A person signs in
//! with a password and gets a session: a browser holds its cookie, an API client an access token
//! and a refresh token. Sessions are rows, so that each can be listed and ended; what is believed
//! without asking the database (a verified token, a session seen a moment ago) is believed for five
//! seconds at most.
//!
//! All tables here are the platform's, reached by the system door, because who somebody is has to
//! be known before an organization is. Registering founds one through the room `tenancy`, in the
//! same transaction. What happens to a person is written into the audit trail of the organization
//! that they act in.

pub mod accounts;
mod authentication;
mod client;
mod config;
pub mod events;
mod letters;
mod migration;
mod pages;
pub mod passwords;
pub mod proofs;
mod registrations;
pub mod sessions;
pub mod signin;
mod sweep;
pub mod tokens;
mod trail;

use std::sync::{Arc, OnceLock};

use host::{Core, Registry, Role};
use web::Routes as _;

pub use client::Client;
pub use config::{IdentityConfig, Registration, RegistrationMode};

use authentication::{Gate, Proven, Remembered};
use passwords::{Cost, MEMORY_KIB_MIN, PASSES_MIN, Pool};

/// Tables whose rows a restored backup does not bring back, those that refer to others first: a session
/// that was ended since, or a link that was used since, would hold again. People sign in anew, and ask
/// for another mail.
pub const LEFT_BEHIND_BY_RESTORE: [&str; 4] = ["refresh_tokens", "sessions", "one_time_tokens", "pending_registrations"];

/// What a password hash costs in this process, for whoever sizes it to a machine.
pub struct HashCost(pub Cost);
use tokens::Signer;

/// Registers accounts, sessions, tokens and the pages around them.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn register(&self, app: &mut Registry) {
        let settings = IdentityConfig::of(app);
        let pool = pool(app, settings.cost());
        app.provide(HashCost(settings.cost()));
        app.provide(Identity { settings, pool, remembered: Remembered::default(), proven: Proven::default(), signer: OnceLock::new() });
        app.migrations(migration::steps());
        app.authenticator(Arc::new(Gate));
        app.service("identity.ended_sessions", Role::Always, authentication::share);
        tokens::register(app);
        accounts::register(app);
        signin::register(app);
        sessions::register(app);
        proofs::register(app);
        registrations::register(app);
        pages::register(app);
        sweep::register(app);
    }
}

fn pool(app: &mut Registry, cost: Cost) -> Pool {
    Pool::new(cost).unwrap_or_else(|wrong| {
        app.config_fault("identity.hash_memory_kib", wrong);
        let least = Cost { memory_kib: MEMORY_KIB_MIN, passes: PASSES_MIN, parallel: 1 };
        Pool::new(least).expect("the least cost is a valid one")
    })
}

/// Label of the key that signs access tokens.
const SIGNING: &str = "identity.access_tokens";

/// What the actions of this room share.
pub(crate) struct Identity {
    pub settings: IdentityConfig,
    pub pool: Pool,
    pub remembered: Remembered,
    pub proven: Proven,
    signer: OnceLock<Signer>,
}

impl Identity {
    pub fn of(core: &Core) -> Arc<Self> {
        core.parts.get()
    }

    /// The key of access tokens. It derives from the master key, which is known once the store is
    /// open.
    pub fn signer(&self, core: &Core) -> &Signer {
        self.signer.get_or_init(|| {
            let (cipher, why) = (core.store.cipher(), "any 32 bytes are an Ed25519 seed");
            let signer = Signer::new(&cipher.derive(SIGNING), tokens::issuer(&core.public_url)).expect(why);
            match cipher.derive_previous(SIGNING) {
                Some((seed, until)) => signer.believing(&seed, until).expect(why),
                None => signer,
            }
        })
    }
}
