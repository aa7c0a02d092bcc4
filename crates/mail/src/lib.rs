//! Mail: from a template to a mailbox.
//!
//! A feature makes a [`Letter`] from a [`MailTemplate`] and hands it over inside its own
//! transaction ([`send`]); the letter then leaves if and only if that transaction commits. Delivery
//! is durable work: it is retried with growing pauses while the mail server is away, it gives up
//! when the letter has expired, and it forgets the words once they are delivered.
//!
//! Letters leave by SMTP or over a signed HTTP gateway. Without either, development has a mailbox in the browser at `/dev/mail`.

mod config;
mod deliver;
mod dev;
mod dev_links;
mod gateway;
mod layout;
mod letter;
mod mail;
mod message;
mod migration;
mod naming;
mod note;
mod postman;
mod send;
mod sweep;

use host::{Core, Registry};

pub use config::MailConfig;
pub use letter::{Letter, MailTemplate};
pub use mail::MailId;
pub use migration::migrations;
pub use naming::{shown, without_link};
pub use note::{Action, Note};
pub use postman::Knock;
pub use send::{Withdrawn, send, send_system, withdraw};

use postman::Postman;

/// The room itself.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn register(&self, app: &mut Registry) {
        let config = app.config::<MailConfig>();
        match Postman::new(&config, app.environment(), app.public_url()) {
            Ok(postman) => drop(app.provide(postman)),
            Err(wrong) if wrong.is_unsafe => app.config_refusal(wrong.key, wrong.message),
            Err(wrong) => app.config_fault(wrong.key, wrong.message),
        }
        app.migrations(migrations());
        deliver::register(app);
        dev::register(app);
        sweep::register(app);
        // Letters wait for their server: no request has to be refused for want of one.
        app.check_beside("mail", can_leave);
        if app.part::<Postman>().is_some_and(|postman| !postman.has_way()) {
            app.warn("mail.smtp_url", NO_WAY);
        }
    }
}

/// What is missing where letters can't leave.
const NO_WAY: &str = "neither this nor mail.gateway_url is set: letters are kept and wait, at most three days";

/// The letters can leave: to a mail server or a gateway, or into the development mailbox.
async fn can_leave(core: Core) -> Result<(), String> {
    let has_way = core.parts.find::<Postman>().is_some_and(|postman| postman.has_way());
    if has_way { Ok(()) } else { Err("neither `mail.smtp_url` nor `mail.gateway_url` is set: letters are kept and wait".to_owned()) }
}

/// Asks whether somebody takes letters, as a delivery would, and sends none.
pub async fn knock(registry: &Registry) -> Knock {
    match registry.part::<Postman>() {
        Some(postman) => postman.knock().await,
        None => Knock::Nowhere,
    }
}

/// The sender's address, `None` when the settings hold no valid one.
pub fn sender(registry: &Registry) -> Option<String> {
    registry.part::<Postman>().map(|postman| postman.from().email.to_string())
}
