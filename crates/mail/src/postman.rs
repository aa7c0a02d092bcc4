//! The postman: hands a letter to the mail server or the gateway, or puts it into the development
//! mailbox.

use std::str::FromStr as _;
use std::time::Duration;

use host::{Core, Environment, SecretRef};
use lettre::message::Mailbox;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport as _, Tokio1Executor};
use store::StoreError;
use tokio::sync::OnceCell;

use crate::config::{MailConfig, Wrong};
use crate::dev;
use crate::gateway::Gateway;
use crate::mail::{MailId, Queued};
use crate::message;

/// One command of the conversation with the mail server.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(30);

/// Refusals that are about our own account with the server (RFC 4954, 6): an operator mends them,
/// and then the letter can go.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

/// The part that delivers; one per process, so that connections are kept.
pub(crate) struct Postman {
    from: Mailbox,
    /// The right side of every Message-ID.
    domain: String,
    way: Way,
}

enum Way {
    Smtp { url: SecretRef, transport: OnceCell<Smtp> },
    Gateway(Box<Gateway>),
    DevMailbox,
    None,
}

/// Where a letter is after a delivery.
pub(crate) enum Delivered {
    /// With somebody else's program, which is still to be written down.
    Away,
    /// In the development mailbox, and marked as sent.
    Kept,
    /// Nowhere: it was taken back meanwhile.
    TakenBack,
}

/// Why a letter did not go. The texts name no person: they are stored and logged.
pub(crate) enum NotDelivered {
    Unconfigured,
    Refused(String),
    /// Nobody took it.
    Away(String),
    /// It was on its way when the conversation ended: somebody may have taken it.
    Unsure(String),
    Store(StoreError),
}

/// Who answers where letters go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knock {
    /// Nothing is configured, and letters wait.
    Nowhere,
    /// Letters go to the mailbox in the browser.
    DevMailbox,
    /// Somebody takes letters: who.
    Answers(&'static str),
    /// Nobody takes letters now: why.
    Away(String),
}

impl NotDelivered {
    fn reason(self) -> String {
        match self {
            Self::Refused(reason) | Self::Away(reason) | Self::Unsure(reason) => reason,
            Self::Unconfigured => "no mail server is configured".to_owned(),
            Self::Store(_) => "the database is not available".to_owned(),
        }
    }
}

impl Postman {
    /// The error names the setting that is wrong.
    pub(crate) fn new(config: &MailConfig, environment: Environment, public_url: &str) -> Result<Self, Wrong> {
        let from = Mailbox::from_str(&config.from).map_err(|_| Wrong::fault("mail.from", "expected an address, or `Name <address>`"))?;
        let way = way(config, environment)?;
        let host = url::Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        Ok(Self { domain: host.unwrap_or_else(|| from.email.domain().to_owned()), from, way })
    }

    /// Whether letters can leave at all.
    pub(crate) fn has_way(&self) -> bool {
        !matches!(self.way, Way::None)
    }

    /// Whether a letter goes to somebody else's program, so that nobody can know for certain how far it came.
    pub(crate) fn leaves_the_house(&self) -> bool {
        matches!(self.way, Way::Smtp { .. } | Way::Gateway(_))
    }

    /// Whether somebody takes letters: greets the mail server as a delivery does, or asks at the
    /// gateway's door. Sends none.
    pub(crate) async fn knock(&self) -> Knock {
        match &self.way {
            Way::None => Knock::Nowhere,
            Way::DevMailbox => Knock::DevMailbox,
            Way::Gateway(gateway) => gateway.knock().await.map_or_else(Knock::Away, |()| Knock::Answers("the mail gateway")),
            Way::Smtp { url, transport } => match transport.get_or_try_init(|| connect(url)).await {
                Ok(smtp) => match smtp.test_connection().await {
                    Ok(true) => Knock::Answers("the mail server"),
                    Ok(false) => Knock::Away("the mail server doesn't answer as one".to_owned()),
                    Err(error) => Knock::Away(judged(&error).reason()),
                },
                Err(why) => Knock::Away(why.reason()),
            },
        }
    }

    /// The sender's address.
    pub(crate) fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Delivers once. Called again with the same id it sends the same Message-ID, by which mail
    /// services recognize a repetition.
    pub(crate) async fn deliver(&self, core: &Core, id: MailId, queued: &Queued) -> Result<Delivered, NotDelivered> {
        match &self.way {
            Way::None => Err(NotDelivered::Unconfigured),
            Way::DevMailbox => match dev::put(&core.store, id, queued).await {
                Ok(true) => Ok(Delivered::Kept),
                Ok(false) => Ok(Delivered::TakenBack),
                Err(error) => Err(NotDelivered::Store(error)),
            },
            Way::Gateway(gateway) => gateway.deliver(&self.from, id, queued, core.clock.now()).await.map(|()| Delivered::Away),
            Way::Smtp { url, transport } => {
                let smtp = transport.get_or_try_init(|| connect(url)).await?;
                let built = message::build(&self.from, &self.domain, id, queued, core.clock.now());
                let message = built.map_err(|wrong| NotDelivered::Refused(format!("the letter makes no message: {wrong}")))?;
                smtp.send(message).await.map(|_| Delivered::Away).map_err(|error| judged(&error))
            }
        }
    }
}

/// Where letters go by these settings.
fn way(config: &MailConfig, environment: Environment) -> Result<Way, Wrong> {
    if let Some(gateway) = config.gateway(environment)? {
        let gateway = Gateway::new(gateway).map_err(|why| Wrong::fault("mail.gateway_url", &why))?;
        return Ok(Way::Gateway(Box::new(gateway)));
    }
    match config.smtp(environment)? {
        Some(url) => {
            Smtp::from_url(url.expose()).map_err(|_| Wrong::fault("mail.smtp_url", "expected smtps://user:password@host:465"))?;
            Ok(Way::Smtp { url: url.clone(), transport: OnceCell::new() })
        }
        None if environment.is_dev() => Ok(Way::DevMailbox),
        None => Ok(Way::None),
    }
}

/// The pool of connections needs a running runtime, so it is made with the first letter.
async fn connect(url: &SecretRef) -> Result<Smtp, NotDelivered> {
    let builder = Smtp::from_url(url.expose()).map_err(|_| NotDelivered::Unconfigured)?;
    Ok(builder.timeout(Some(COMMAND_TIME_MAX)).build())
}

/// Says what an error of the mail server means for the letter. Its own words are left out: they
/// often repeat the address.
fn judged(error: &SmtpError) -> NotDelivered {
    let code = error.status().map(u16::from);
    match code {
        Some(code) if error.is_permanent() && !ABOUT_US.contains(&code) => {
            NotDelivered::Refused(format!("the mail server answered {code}"))
        }
        Some(code) => NotDelivered::Away(format!("the mail server answered {code}")),
        None if error.is_tls() => NotDelivered::Away("no secure connection to the mail server".to_owned()),
        None if is_nobody_there(error) => NotDelivered::Away("the mail server can't be reached".to_owned()),
        None if error.is_timeout() => NotDelivered::Unsure("the mail server did not answer in time".to_owned()),
        None => NotDelivered::Unsure("the conversation with the mail server broke off".to_owned()),
    }
}

/// Whether there was no conversation in which the letter could have been taken: no address under the name, no
/// connection, no handshake. The library tells this kind by its words alone; were they others, a letter
/// would be taken for one that may have left.
fn is_nobody_there(error: &SmtpError) -> bool {
    error.to_string().starts_with("Connection error")
}
