//! The mail that carries an invitation: the only place where its token ever stands in the clear.

use kernel::{Failure, MailAddress, Secret};
use mail::{Letter, Note};
use store::Tx;
use web::Ctx;

use super::invitation::Model;

/// The page behind the link. It is the same for everybody who is invited.
pub const PAGE: &str = "/invitations/accept";

/// Who invites, where to, and where our pages are. The address of our pages comes from the
/// settings, never from a header of the request.
pub struct Sender {
    pub person: String,
    pub organization: String,
    pub public_url: String,
}

impl Sender {
    /// The person who calls.
    pub fn of(ctx: &Ctx) -> Result<Self, Failure> {
        let caller = ctx.caller()?;
        let public_url = ctx.core().public_url.to_string();
        Ok(Self { person: caller.name.clone(), organization: caller.org_name.clone(), public_url })
    }
}

/// Puts the letter into the same transaction as the invitation; it leaves after the commit, and not
/// any more once the link has expired.
pub(super) async fn send(tx: &mut Tx, invitation: &Model, to: &MailAddress, token: &Secret, sender: &Sender) -> Result<(), Failure> {
    let note = note(invitation, token, sender);
    let dedupe = format!("tenancy.invitation/{}", invitation.id);
    let letter = Letter::from_template(&note, to.clone(), dedupe)?.expiring(invitation.expires_at);
    mail::send(tx, letter).await.map(drop)
}

fn note(invitation: &Model, token: &Secret, sender: &Sender) -> Note {
    // A name that no letter repeats is left out: the page behind the link shows both.
    let person = mail::shown(&sender.person).unwrap_or_else(|| "Somebody".to_owned());
    let organization = mail::shown(&sender.organization).unwrap_or_else(|| "their organization".to_owned());
    let link = format!("{}{}?token={}", sender.public_url, PAGE, token.expose());
    let until = invitation.expires_at.format("%-d %B %Y, %H:%M UTC");
    Note::new(format!("{person} invites you to {organization}"))
        .line(format!("{person} invites you to join {organization} with the role “{}”.", invitation.role))
        .line("Open the link, and sign in with the address that this mail was sent to. If you have no account yet, choose a name and a password there.")
        .action("See the invitation", link)
        .after(format!("The link holds until {until} and works once."))
        .after("If you did not expect this mail, you can ignore it; nothing happens.")
}
