//! What happens to people. Events carry ids only; whoever needs the address asks for it.

use kernel::{AccountId, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! account_event {
    ($(#[$meta:meta])* $name:ident = $text:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub struct $name {
            pub account: AccountId,
        }

        impl Event for $name {
            const NAME: &'static str = $text;
            fn subject(&self) -> Uuid {
                self.account.uuid()
            }
        }
    };
}

account_event!(
    /// Somebody registered.
    AccountRegistered = "identity.account_registered"
);
account_event!(
    /// Somebody showed that the address is theirs.
    AddressVerified = "identity.address_verified"
);
account_event!(
    /// A password was changed or reset; every older session has ended.
    PasswordChanged = "identity.password_changed"
);
account_event!(
    /// Somebody signed in.
    SignedIn = "identity.signed_in"
);
account_event!(
    /// An operator froze an account: every way in is shut.
    AccountFrozen = "identity.account_frozen"
);
account_event!(
    /// An operator let a frozen account in again.
    AccountThawed = "identity.account_thawed"
);
