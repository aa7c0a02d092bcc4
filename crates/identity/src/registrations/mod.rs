//! Registrations that wait for their mail.
//!
//! Where nobody is to learn whether an address has an account (the mode `mail_first`), registering
//! only writes down what was asked for. The same row and the same durable work are made for every
//! address; that work looks whose the address is and sends one of two mails: a link that makes the
//! account, or the news that there is one already. The password is chosen behind the link: whoever
//! types an address that is not theirs must not know the password of what begins with it. The token is
//! kept as its digest and signs nobody in.

mod actions;
mod registration;
mod store;

use host::Registry;

pub(crate) use actions::{ask, finish, waiting};

pub(crate) fn register(app: &mut Registry) {
    actions::register(app);
}
