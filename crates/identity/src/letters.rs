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
        .line(greeting(account))
        .line("Please confirm that this address is yours. Until then you can look around, but not invite people or connect a payment provider.")
        .action("Confirm this address", link(core, "/verify", token))
        .after("The link works once, for 24 hours. If you did not sign up, ignore this mail: nothing will happen.");
    proof(core, account, &note, token, Purpose::Verify)
}

/// "Choose a new password", with its link.
pub(crate) fn reset(core: &Core, account: &Model, token: &Secret) -> Result<Letter, Failure> {
    let note = Note::new("Choose a new password")
        .line(greeting(account))
        .line("Somebody asked to reset the password of your account. If it was you, choose a new one here:")
        .action("Choose a new password", link(core, "/reset", token))
        .after("The link works once, for 30 minutes, and signs you out everywhere. If it was not you, ignore this mail: your password stays as it is.");
    proof(core, account, &note, token, Purpose::Reset)
}

/// "Your password was changed", after the fact.
pub(crate) fn password_changed(core: &Core, account: &Model, at: At) -> Result<Letter, Failure> {
    let note = Note::new("Your password was changed")
        .line(greeting(account))
        .line(format!("The password of your account was changed on {}, and every session was signed out.", moment(at)))
        .action("This was not me", format!("{}/forgot", core.public_url))
        .after("If it was you, there is nothing to do.");
    letter(account, &note, format!("identity.password_changed/{}/{}", account.id, at.timestamp_micros()))
}

/// "A new device signed in", after the fact.
pub(crate) fn new_device(core: &Core, account: &Model, client: &Client, at: At, session: SessionId) -> Result<Letter, Failure> {
    let device = client.user_agent.as_deref().unwrap_or("a client that does not say what it is");
    let note = Note::new("A new device signed in to your account")
        .line(greeting(account))
        .line(format!("On {}, somebody signed in from {} with {device}.", moment(at), client.address))
        .action("Look at my sessions", format!("{}/account", core.public_url))
        .after("If it was you, there is nothing to do. If not, end that session and change your password.");
    letter(account, &note, format!("identity.new_device/{session}"))
}

fn proof(core: &Core, account: &Model, note: &Note, token: &Secret, purpose: Purpose) -> Result<Letter, Failure> {
    let letter = letter(account, note, format!("identity.{}/{}", purpose.name(), chance::digest(token.expose())))?;
    Ok(letter.expiring(core.clock.now_secure() + purpose.lifetime()))
}

fn letter(account: &Model, note: &Note, dedupe: String) -> Result<Letter, Failure> {
    let to: MailAddress = account.address()?;
    Letter::from_template(note, to, dedupe)
}

/// Strangers choose their name and any address to sign up with: a name that a mail program would
/// turn into a link is not repeated to whoever reads that mailbox.
fn greeting(account: &Model) -> String {
    if could_be_a_link(&account.full_name) { "Hello,".to_owned() } else { format!("Hello {},", account.full_name) }
}

fn could_be_a_link(name: &str) -> bool {
    name.split_whitespace().any(|word| word.contains(['/', '@', ':']) || word.trim_end_matches('.').contains('.'))
}

fn link(core: &Core, path: &str, token: &Secret) -> String {
    format!("{}{path}?token={}", core.public_url, token.expose())
}

fn moment(at: At) -> String {
    at.format("%-d %B %Y at %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_link_is_not_repeated() {
        for link in ["https://evil.example", "Win at evil.example now", "a/b", "ann@x.io"] {
            assert!(could_be_a_link(link), "{link}");
        }
        for name in ["Ann Keller", "J. R. Smith", "Ó Briain", "Sammy Davis Jr."] {
            assert!(!could_be_a_link(name), "{name}");
        }
    }
}
