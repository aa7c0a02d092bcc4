//! Mail: from a template to a mailbox.
//!
//! A feature makes a [`Letter`] from a [`MailTemplate`] and hands it over inside its own
//! transaction ([`send`]); the letter then leaves if and only if that transaction commits. Delivery
//! is durable work: it is retried with growing pauses while the mail server is away, it gives up
//! when the letter has expired, and it forgets the words once they are delivered.
//!
//! Without a mail server, development has a mailbox in the browser at `/dev/mail`.

mod config;
mod deliver;
mod dev;
mod dev_links;
mod layout;
mod letter;
mod mail;
mod message;
mod migration;
mod note;
mod postman;
mod send;
mod sweep;

use host::{Core, Registry};

pub use config::MailConfig;
pub use letter::{Letter, MailTemplate};
pub use mail::MailId;
pub use migration::migrations;
pub use note::{Action, Note};
pub use send::{send, send_system, withdraw};

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
            Err((key, message)) => app.config_fault(key, message),
        }
        app.migrations(migrations());
        deliver::register(app);
        dev::register(app);
        sweep::register(app);
        app.check("mail", can_leave);
    }
}

/// The letters can leave: to a mail server, or into the development mailbox.
async fn can_leave(core: Core) -> Result<(), String> {
    let has_way = core.parts.find::<Postman>().is_some_and(|postman| postman.has_way());
    if has_way { Ok(()) } else { Err("`mail.smtp_url` is not set: letters are kept and wait".to_owned()) }
}
