//! The mails of this room. Every link begins with the configured public address, never with what a
//! request claims the host to be.

use host::Core;
use kernel::{At, Failure, MailAddress, Secret, SessionId, chance};
use mail::{Letter, Note};

use crate::accounts::Model;
use crate::client::Client;
use crate::proofs::Purpose;

/// "Confirm your address", with its link.
pub(crate) fn verify(core: &Core, account: &Model, token: &Secret) -> Result<Letter, Failure> {
    let note = Note::new("Confirm your mail address")
        .line(greeting(&account.full_name))
        .line("Please confirm that this address is yours. Until then you can look around, but not invite people or connect a payment provider.")
        .action("Confirm this address", link(core, "/verify", token))
        .after("The link works once, for 24 hours. If you did not sign up, ignore this mail: nothing will happen.");
    proof(core, account, &note, token, Purpose::Verify)
}

/// "Choose a new password", with its link.
pub(crate) fn reset(core: &Core, account: &Model, token: &Secret) -> Result<Letter, Failure> {
    let note = Note::new("Choose a new password")
        .line(greeting(&account.full_name))
        .line("Somebody asked to reset the password of your account. If it was you, choose a new one here:")
        .action("Choose a new password", link(core, "/reset", token))
        .after("The link works once, for 30 minutes, and signs you out everywhere. If it was not you, ignore this mail: your password stays as it is.");
    proof(core, account, &note, token, Purpose::Reset)
}

/// "Your password was changed", after the fact.
pub(crate) fn password_changed(core: &Core, account: &Model, at: At) -> Result<Letter, Failure> {
    let note = Note::new("Your password was changed")
        .line(greeting(&account.full_name))
        .line(format!("The password of your account was changed on {}, and every session was signed out.", moment(at)))
        .action("This was not me", format!("{}/forgot", core.public_url))
        .after("If it was you, there is nothing to do.");
    letter(account, &note, format!("identity.password_changed/{}/{}", account.id, at.timestamp_micros()))
}

/// "A new device signed in", after the fact.
pub(crate) fn new_device(core: &Core, account: &Model, client: &Client, at: At, session: SessionId) -> Result<Letter, Failure> {
    let device = client.user_agent.as_deref().and_then(mail::without_link).unwrap_or("a client that does not say what it is");
    let note = Note::new("A new device signed in to your account")
        .line(greeting(&account.full_name))
        .line(format!("On {}, somebody signed in from {} with {device}.", moment(at), client.address))
        .action("Look at my sessions", format!("{}/account", core.public_url))
        .after("If it was you, there is nothing to do. If not, end that session and change your password.");
    letter(account, &note, format!("identity.new_device/{session}"))
}

/// What the mail says that finishes a registration.
pub(crate) struct Finishing<'a> {
    pub name: &'a str,
    pub organization: &'a str,
    pub until: At,
}

/// "Finish signing up", with the link that makes the account.
pub(crate) fn finish_registration(core: &Core, to: MailAddress, about: &Finishing<'_>, token: &Secret) -> Result<Letter, Failure> {
    let organization = mail::shown(about.organization).map_or_else(String::new, |name| format!(" for {name}"));
    let note = Note::new("Finish signing up")
        .line(greeting(about.name))
        .line(format!("Somebody signed up with this address{organization}. If it was you, choose a password, and there is an account."))
        .action("Choose a password", link(core, "/verify", token))
        .after(
            "The link works once, for 24 hours. If you did not sign up, ignore this mail: without a password of yours there is no account.",
        );
    let dedupe = format!("identity.finish/{}", chance::digest(token.expose()));
    Ok(Letter::from_template(&note, to, dedupe)?.expiring(about.until))
}

/// "You have an account already", to somebody who signed up with an address that has one.
pub(crate) fn registered_already(core: &Core, account: &Model, registration: uuid::Uuid) -> Result<Letter, Failure> {
    let note = Note::new("You have an account already")
        .line(greeting(&account.full_name))
        .line("Somebody signed up with this address, and there is an account with it already. Nothing was changed.")
        .action("Sign in", format!("{}/signin", core.public_url))
        .after(format!("If you do not remember the password, choose a new one: {}/forgot", core.public_url))
        .after("If it was not you who signed up, there is nothing to do.");
    letter(account, &note, format!("identity.registered_already/{registration}"))
}

fn proof(core: &Core, account: &Model, note: &Note, token: &Secret, purpose: Purpose) -> Result<Letter, Failure> {
    let letter = letter(account, note, format!("identity.{}/{}", purpose.name(), chance::digest(token.expose())))?;
    Ok(letter.expiring(core.clock.now_secure() + purpose.lifetime()))
}

fn letter(account: &Model, note: &Note, dedupe: String) -> Result<Letter, Failure> {
    let to: MailAddress = account.address()?;
    Letter::from_template(note, to, dedupe)
}

/// Without the name where it is one that no letter repeats.
fn greeting(name: &str) -> String {
    mail::shown(name).map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"))
}

fn link(core: &Core, path: &str, token: &Secret) -> String {
    format!("{}{path}?token={}", core.public_url, token.expose())
}

fn moment(at: At) -> String {
    at.format("%-d %B %Y at %H:%M UTC").to_string()
}
