//! Registrations that wait for their mail.
//!
//! Where nobody is to learn whether an address has an account (the mode `mail_first`), registering
//! only writes down what was asked for. The same row and the same durable work are made for every
//! address; that work looks whose the address is and sends one of two mails: a link that makes the
//! account, or the news that there is one already. The password is kept as its hash only, the token
//! as its digest, and the token signs nobody in.

mod actions;
mod registration;
mod store;

use host::Registry;

pub(crate) use actions::{ask, finish, founding};

pub(crate) fn register(app: &mut Registry) {
    actions::register(app);
}
