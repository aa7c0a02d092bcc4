//! The settings of this room.

use host::{Environment, SecretRef};
use url::Url;

host::section! {
    /// Where mail goes, and from whom it comes. Either a mail server or an HTTP gateway takes it, not both.
    pub struct MailConfig("mail") {
        /// The mail server: `smtps://user:password@host:465`, or `smtp://host:587?tls=required`.
        /// Unset in development, letters go to the mailbox at `/dev/mail`.
        #[env("SMTP_URL")]
        smtp_url: Option<SecretRef> = None,
        /// The HTTP gateway that takes letters instead of a mail server, such as `https://mail.example.com/v1/letters`; docs/mail-gateway.md says what it gets.
        gateway_url: Option<String> = None,
        /// Sent to the gateway as `X-API-Key`.
        gateway_api_key: Option<SecretRef> = None,
        /// Signs what is sent to the gateway (`X-Signature`); both sides know it, nobody else does.
        gateway_secret: Option<SecretRef> = None,
        /// The sender: an address, or `Name <address>`.
        from: String = "Autorisen <no-reply@localhost>".to_owned(),
    }
}

/// What is wrong with a setting of this room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) key: &'static str,
    pub(crate) message: String,
    /// It would work, and must not where we run.
    pub(crate) is_unsafe: bool,
}

impl Wrong {
    pub(crate) fn fault(key: &'static str, message: &str) -> Self {
        Self { key, message: message.to_owned(), is_unsafe: false }
    }

    fn refusal(key: &'static str, message: &str) -> Self {
        Self { key, message: message.to_owned(), is_unsafe: true }
    }
}

/// A gateway with everything that it needs.
pub(crate) struct GatewayConfig {
    pub(crate) url: Url,
    pub(crate) api_key: SecretRef,
    pub(crate) secret: SecretRef,
}

impl MailConfig {
    /// The mail server, when one is set.
    pub(crate) fn smtp(&self, environment: Environment) -> Result<Option<&SecretRef>, Wrong> {
        let Some(url) = self.smtp_url.as_ref().filter(|url| !url.expose().is_empty()) else { return Ok(None) };
        if environment.is_production() && tells_its_password(url.expose()) {
            let message = "the password would travel unencrypted; write smtps://, or add ?tls=required";
            return Err(Wrong::refusal("mail.smtp_url", message));
        }
        Ok(Some(url))
    }

    /// The gateway, when one is set.
    pub(crate) fn gateway(&self, environment: Environment) -> Result<Option<GatewayConfig>, Wrong> {
        let Some(text) = self.gateway_url.as_deref().filter(|url| !url.is_empty()) else {
            if self.gateway_api_key.is_some() || self.gateway_secret.is_some() {
                return Err(Wrong::fault("mail.gateway_url", "is missing, and the gateway's key or secret is set"));
            }
            return Ok(None);
        };
        if self.smtp_url.is_some() {
            return Err(Wrong::fault("mail.gateway_url", "either this or mail.smtp_url takes the letters, not both; unset one of them"));
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        // What stands in the address is listed and logged; a secret belongs into its own setting.
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none() && url.query().is_none());
        let url = url.ok_or_else(|| Wrong::fault("mail.gateway_url", "expected an address such as https://mail.example.com/v1/letters"))?;
        if environment.is_production() && url.scheme() != "https" {
            return Err(Wrong::refusal("mail.gateway_url", "letters and their links would travel unencrypted; use https in production"));
        }
        let given = |key, secret: &Option<SecretRef>| {
            let secret = secret.clone().filter(|secret| !secret.expose().trim().is_empty());
            secret.ok_or_else(|| Wrong::fault(key, "is missing: the gateway has to know who writes; give a reference such as `env:NAME`"))
        };
        let api_key = given("mail.gateway_api_key", &self.gateway_api_key)?;
        let secret = given("mail.gateway_secret", &self.gateway_secret)?;
        if !api_key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Wrong::fault("mail.gateway_api_key", "expected a key without spaces, as the gateway shows it"));
        }
        Ok(Some(GatewayConfig { url, api_key, secret }))
    }
}

/// A password on its way to another machine without encryption.
fn tells_its_password(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_here = url.host_str().is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."));
    let is_encrypted = url.scheme() == "smtps" || url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
    url.password().is_some() && !is_here && !is_encrypted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(url: &str) -> MailConfig {
        let secret = |text: &str| Some(SecretRef::inline(text));
        MailConfig {
            gateway_url: Some(url.to_owned()),
            gateway_api_key: secret("key-of-the-gateway"),
            gateway_secret: secret("shared-with-the-gateway"),
            ..MailConfig::default()
        }
    }

    fn wrong(config: &MailConfig, environment: Environment) -> Option<(&'static str, bool)> {
        config.gateway(environment).err().map(|wrong| (wrong.key, wrong.is_unsafe))
    }

    #[test]
    fn a_gateway_needs_its_key_and_its_secret_and_no_mail_server_beside_it() {
        let whole = gateway("https://mail.test/letters");
        assert_eq!(wrong(&whole, Environment::Production), None);
        let without_key = MailConfig { gateway_api_key: None, ..whole.clone() };
        assert_eq!(wrong(&without_key, Environment::Test), Some(("mail.gateway_api_key", false)));
        let without_secret = MailConfig { gateway_secret: Some(SecretRef::inline(" ")), ..whole.clone() };
        assert_eq!(wrong(&without_secret, Environment::Test), Some(("mail.gateway_secret", false)));
        let without_address = MailConfig { gateway_url: None, ..whole.clone() };
        assert_eq!(wrong(&without_address, Environment::Test), Some(("mail.gateway_url", false)));
        let both = MailConfig { smtp_url: Some(SecretRef::inline("smtp://mail.test")), ..whole };
        assert_eq!(wrong(&both, Environment::Test), Some(("mail.gateway_url", false)));
        for url in ["mail.test", "ftp://mail.test", "https://a:b@mail.test", "https://mail.test?key=1"] {
            assert_eq!(wrong(&gateway(url), Environment::Test), Some(("mail.gateway_url", false)), "{url}");
        }
    }

    #[test]
    fn in_production_letters_and_passwords_travel_encrypted() {
        assert_eq!(wrong(&gateway("http://mail.test"), Environment::Production), Some(("mail.gateway_url", true)));
        assert_eq!(wrong(&gateway("http://mail.test"), Environment::Staging), None);
        let told = |url: &str| {
            let config = MailConfig { smtp_url: Some(SecretRef::inline(url)), ..MailConfig::default() };
            config.smtp(Environment::Production).is_err()
        };
        assert!(told("smtp://ann:hunter2@mail.test:587") && told("smtp://ann:hunter2@mail.test?tls=opportunistic"));
        for fine in
            ["smtps://ann:hunter2@mail.test", "smtp://ann:hunter2@mail.test?tls=required", "smtp://mail.test", "smtp://a:b@127.0.0.1:25"]
        {
            assert!(!told(fine), "{fine}");
        }
    }
}
