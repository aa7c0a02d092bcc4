//! The fields that several forms of this room share.

use console::{Complaint, Field, wrong};
use kernel::{Failure, MailAddress};

/// The address that somebody signs in with.
pub(super) fn email<'a>(value: &'a str, complaint: Option<&'a Complaint>) -> Field<'a> {
    let error = wrong(complaint, "email");
    Field {
        label: "Mail address",
        name: "email",
        kind: "email",
        value,
        autocomplete: "username",
        error,
        required: true,
        ..Field::default()
    }
}

/// What a person is called.
pub(super) fn full_name<'a>(value: &'a str, complaint: Option<&'a Complaint>) -> Field<'a> {
    let error = wrong(complaint, "full_name");
    Field { label: "Your name", name: "full_name", value, autocomplete: "name", error, required: true, ..Field::default() }
}

/// A password that exists already.
pub(super) fn known_password<'a>(label: &'a str, name: &'a str, complaint: Option<&'a Complaint>) -> Field<'a> {
    let error = wrong(complaint, name);
    Field { label, name, kind: "password", autocomplete: "current-password", error, required: true, ..Field::default() }
}

/// A password that shall be, with what it has to be like.
pub(super) fn new_password<'a>(label: &'a str, name: &'a str, hint: &'a str, complaint: Option<&'a Complaint>) -> Field<'a> {
    let error = wrong(complaint, name);
    Field { label, name, kind: "password", hint, autocomplete: "new-password", error, required: true, ..Field::default() }
}

/// The address that was typed, or what is wrong with it.
pub(super) fn address(typed: &str) -> Result<MailAddress, Failure> {
    typed.parse().map_err(|wrong: kernel::mail_address::NotAnAddress| Failure::field("email", wrong.to_string()))
}
