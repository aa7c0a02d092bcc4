//! The settings of this room.

use host::SecretRef;

host::section! {
    /// Where mail goes, and from whom it comes.
    pub struct MailConfig("mail") {
        /// The mail server: `smtps://user:password@host:465`, or `smtp://host:587?tls=required`.
        /// Unset in development, letters go to the mailbox at `/dev/mail`.
        #[env("SMTP_URL")]
        smtp_url: Option<SecretRef> = None,
        /// The sender: an address, or `Name <address>`.
        from: String = "Autorisen <no-reply@localhost>".to_owned(),
    }
}
