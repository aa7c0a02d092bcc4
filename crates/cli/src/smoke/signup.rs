//! Somebody signs up for real: registers, gets the mail, follows its link, signs in. In both modes of
//! registration the link finishes it; in the one the account exists before, in the other it begins
//! with it and with the password that is chosen there.

use anyhow::{Context as _, Result, ensure};
use autorisen::kernel::{MailAddress, chance};
use serde_json::json;

use super::answer::Visitor;
use super::mailbox::Mailbox;
use super::report::Report;

const SIGN_UP: &str = "sign up";
const MAIL: &str = "mail";
const VERIFY: &str = "verify";
const SIGN_IN: &str = "sign in";
/// Refusals that say that nobody may register by themselves.
const NOT_OPEN: [&str; 2] = ["registration_closed", "registration_by_invitation"];

/// Who signs up this time.
struct Newcomer {
    email: String,
    password: String,
}

impl Newcomer {
    /// New each time: `smoke+<number>@example.com`.
    fn like(address: &MailAddress) -> Self {
        let number: String = chance::token().expose().chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let (name, domain) = address.as_str().rsplit_once('@').unwrap_or(("smoke", "example.com"));
        Self { email: format!("{name}+{}@{domain}", number.to_lowercase()), password: chance::token().expose().to_owned() }
    }
}

/// What registering led to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Registered {
    /// Registration is not open, which is as right as any other answer.
    NotOpen,
    /// The account is there.
    AtOnce,
    /// The link in the mail makes the account.
    ByMail,
}

pub(super) async fn check(visitor: &Visitor, mailbox: Option<Mailbox>, like: &MailAddress, report: &mut Report) {
    let who = Newcomer::like(like);
    let rest = |report: &mut Report, why: &str| [MAIL, VERIFY, SIGN_IN].iter().for_each(|name| report.skip(name, why));
    let registered = match report.run(SIGN_UP, register(visitor, &who)).await {
        Some(Registered::NotOpen) => return rest(report, "nobody may register here by themselves"),
        Some(registered) => registered,
        None => return rest(report, "nobody signed up"),
    };
    let Some(mailbox) = mailbox else { return rest(report, "stopped before the mail: give --mailbox URL to go on") };
    let Some(token) = report.run(MAIL, letter(&mailbox, &who)).await else {
        report.skip(VERIFY, "no letter came");
        return report.skip(SIGN_IN, "no letter came");
    };
    report.run(VERIFY, verify(visitor, &token, &who, registered)).await;
    report.run(SIGN_IN, sign_in(visitor, &who)).await;
}

async fn register(visitor: &Visitor, who: &Newcomer) -> Result<(Registered, String)> {
    let body = json!({"email": who.email, "password": who.password, "full_name": "Smoke Test", "org_name": "Smoke test"});
    let answer = visitor.post("/v1/auth/register", &body).await?;
    if answer.status == 403 && NOT_OPEN.contains(&answer.code().as_str()) {
        return Ok((Registered::NotOpen, "registration is not open here, and says so".to_owned()));
    }
    match answer.status {
        201 => {
            let token = answer.json()?["data"]["access_token"].as_str().map(str::to_owned).context("the answer has no token")?;
            visitor.get_as("/v1/auth/me", &token).await?.expect(200)?;
            Ok((Registered::AtOnce, format!("{} has an account at once", who.email)))
        }
        202 => Ok((Registered::ByMail, format!("the link in the mail to {} will finish it", who.email))),
        _ => answer.expect(202).map(|_| (Registered::ByMail, String::new())),
    }
}

async fn letter(mailbox: &Mailbox, who: &Newcomer) -> Result<(String, String)> {
    let letter = mailbox.wait_for(&who.email).await?;
    let token =
        letter.links.iter().find_map(|link| token_of(link)).with_context(|| format!("\"{}\" has no link with a token", letter.subject))?;
    Ok((token, format!("\"{}\" has a link", letter.subject)))
}

/// The single-purpose token of a link: `?token=…`.
fn token_of(link: &str) -> Option<String> {
    let url = reqwest::Url::parse(link).ok()?;
    url.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned())
}

async fn verify(visitor: &Visitor, token: &str, who: &Newcomer, registered: Registered) -> Result<((), String)> {
    let mut shown = json!({"token": token});
    if registered == Registered::ByMail {
        let bare = visitor.post("/v1/auth/verify-email", &shown).await?;
        ensure!(bare.status == 422, "the link makes an account without a password: {}", bare.status);
        shown["password"] = json!(who.password);
    }
    visitor.post("/v1/auth/verify-email", &shown).await?.expect(200)?;
    let again = visitor.post("/v1/auth/verify-email", &shown).await?;
    ensure!((400..500).contains(&again.status), "the link works a second time: {}", again.status);
    Ok(((), "the link works, once".to_owned()))
}

async fn sign_in(visitor: &Visitor, who: &Newcomer) -> Result<((), String)> {
    let wrong = visitor.post("/v1/auth/login", &json!({"email": who.email, "password": "not the password"})).await?;
    ensure!(wrong.status == 401, "a wrong password is answered with {}", wrong.status);
    let shown = json!({"email": who.email, "password": who.password});
    let tokens = visitor.post("/v1/auth/login", &shown).await?.expect(200)?.json()?;
    let token = tokens["data"]["access_token"].as_str().context("the answer has no token")?;
    let me = visitor.get_as("/v1/auth/me", token).await?.expect(200)?;
    ensure!(me.text.contains(&who.email), "whoever signed in is somebody else");
    Ok(((), "the password opens the account, and a wrong one does not".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_new() {
        let address: MailAddress = "ann@shop.test".parse().expect("valid");
        let (one, two) = (Newcomer::like(&address), Newcomer::like(&address));
        assert!(one.email.starts_with("ann+") && one.email.ends_with("@shop.test") && one.email != two.email, "{}", one.email);
        assert!(one.email.parse::<MailAddress>().is_ok());
    }

    #[test]
    fn the_token_is_read_off_the_link() {
        assert_eq!(token_of("https://x.io/verify?token=a%2Bb&next=1").as_deref(), Some("a+b"));
        assert_eq!(token_of("https://x.io/"), None);
    }
}
