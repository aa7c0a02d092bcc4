//! Checking and sealing what a new or changed connection brings.

use host::Environment;
use kernel::{Check, ConnectionId, Failed, Failure, Secret, chance};
use sea_orm::ActiveValue::Set;
use store::{Cipher, Tx};

use super::ConnectionFault;
use super::connection::{ActiveModel, Mode, NewConnection};
use crate::provider::{NoProvider, ProviderName};

/// Names are for lists.
const NAME_LEN_MAX: usize = 100;
/// Providers' keys and secrets are shorter.
const SECRET_LEN_MAX: usize = 255;
/// Below it a signing secret can be guessed offline; Stripe's own have 38 characters.
const WEBHOOK_SECRET_LEN_MIN: usize = 16;
/// Longer addresses are not addresses of providers.
const URL_LEN_MAX: usize = 500;

/// Labels under which the secrets are sealed.
pub(super) const API_KEY: &str = "billing.connection.api_key";
pub(super) const WEBHOOK_SECRET: &str = "billing.connection.webhook_secret";

/// The provider, if it may be used where we run.
pub(super) fn provider(environment: Environment, name: &str) -> Result<ProviderName, Failed<ConnectionFault>> {
    match name.parse() {
        Ok(ProviderName::Sandbox) if !environment.is_dev() => Err(ConnectionFault::SandboxRefused.into()),
        Ok(provider) => Ok(provider),
        Err(NoProvider::NotConfigured) => Err(ConnectionFault::ProviderNotConfigured.into()),
        Err(NoProvider::Unknown) => Err(Failure::new(ConnectionFault::ProviderUnknown).with_field("provider", "is not known").into()),
    }
}

/// The row of a new connection. The sandbox gets a key and a secret of its own where none is given.
pub(super) fn row(tx: &Tx, environment: Environment, new: NewConnection) -> Result<ActiveModel, Failed<ConnectionFault>> {
    let provider = provider(environment, &new.provider)?;
    let is_sandbox = provider == ProviderName::Sandbox;
    let made = |prefix: &str| is_sandbox.then(|| Secret::new(format!("{prefix}{}", chance::token().expose())));
    let api_key = new.api_key.or_else(|| made("sk_test_"));
    let webhook_secret = new.webhook_secret.or_else(|| made("whsec_"));
    let mut check = Check::new();
    check.text_if("name", new.name.as_deref(), 1..=NAME_LEN_MAX);
    check_key(&mut check, api_key.as_ref());
    check_secret(&mut check, webhook_secret.as_ref().map_or("", Secret::expose));
    let mode = mode(&mut check, api_key.as_ref(), new.mode, if is_sandbox { Mode::Test } else { Mode::Live });
    check.that(!(is_sandbox && mode == Mode::Live), "mode", "the sandbox has no live mode");
    check_url(&mut check, new.base_url.as_deref());
    check.done()?;
    refuse_base_url(environment, new.base_url.as_deref())?;
    let cipher = tx.cipher();
    Ok(ActiveModel {
        id: Set(ConnectionId::new(tx.now()).uuid()),
        provider: Set(provider.as_str().to_owned()),
        name: Set(new.name.map_or_else(|| default_name(provider), |name| name.trim().to_owned())),
        mode: Set(mode.name().to_owned()),
        api_key_hash: Set(api_key.as_ref().map(|key| chance::digest(key.expose()))),
        api_key: Set(api_key.map(|key| sealed(cipher, API_KEY, &key))),
        webhook_secret: Set(sealed(cipher, WEBHOOK_SECRET, &webhook_secret.unwrap_or_default())),
        webhook_secret_before: Set(None),
        webhook_secret_before_until: Set(None),
        base_url: Set(new.base_url),
        is_active: Set(true),
        removed_at: Set(None),
        ..Default::default()
    })
}

fn default_name(provider: ProviderName) -> String {
    match provider {
        ProviderName::Stripe => "Stripe".to_owned(),
        ProviderName::Sandbox => "Sandbox".to_owned(),
    }
}

pub(super) fn sealed(cipher: &Cipher, label: &str, secret: &Secret) -> String {
    cipher.seal(label, secret.expose())
}

pub(super) fn check_name(check: &mut Check, name: Option<&str>) {
    check.text_if("name", name, 1..=NAME_LEN_MAX);
}

pub(super) fn check_key(check: &mut Check, key: Option<&Secret>) {
    if let Some(key) = key {
        // It becomes a header: printable ASCII, without spaces.
        let fine = (1..=SECRET_LEN_MAX).contains(&key.expose().len()) && key.expose().bytes().all(|byte| byte.is_ascii_graphic());
        check.that(fine, "api_key", "must be the key as the provider shows it");
    }
}

/// An empty secret would let anybody sign, and a short one can be guessed from one signed event.
pub(super) fn check_secret(check: &mut Check, secret: &str) {
    let fine = (WEBHOOK_SECRET_LEN_MIN..=SECRET_LEN_MAX).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic());
    let must = format!("must be the signing secret as the provider shows it, at least {WEBHOOK_SECRET_LEN_MIN} characters");
    check.that(fine, "webhook_secret", must);
}

pub(super) fn check_url(check: &mut Check, base_url: Option<&str>) {
    let Some(text) = base_url else { return };
    let parsed = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let plain = parsed.is_some_and(|url| url.username().is_empty() && url.password().is_none() && url.query().is_none());
    check.that(plain && text.len() <= URL_LEN_MAX, "base_url", "must be an address such as `https://api.example.com`");
}

/// Whether a connection may name the address of its provider, and is followed there. Whoever may name
/// one lets this server call it, also inside its own network: that is for a double on a developer's
/// machine, and for nobody who only has an account.
pub(crate) const fn may_name_address(environment: Environment) -> bool {
    matches!(environment, Environment::Development | Environment::Test)
}

pub(super) fn refuse_base_url(environment: Environment, base_url: Option<&str>) -> Result<(), Failed<ConnectionFault>> {
    if base_url.is_some() && !may_name_address(environment) { Err(ConnectionFault::BaseUrlRefused.into()) } else { Ok(()) }
}

/// The mode that was asked for, else what the key says, else the default. A key of the other mode is
/// a mistake that would only show when money is missing.
pub(super) fn mode(check: &mut Check, key: Option<&Secret>, asked: Option<Mode>, default: Mode) -> Mode {
    let said = key.and_then(|key| Mode::of_key(key.expose()));
    if let (Some(asked), Some(said)) = (asked, said) {
        check.that(asked == said, "mode", format!("the key is a {} key", said.name()));
    }
    asked.or(said).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_for_places_without_money() {
        assert!(provider(Environment::Development, "sandbox").is_ok());
        for environment in [Environment::Staging, Environment::Production] {
            let refused = provider(environment, "sandbox").expect_err("refused");
            assert_eq!(refused.failure().code, "sandbox_not_allowed");
        }
        assert_eq!(provider(Environment::Test, "razorpay").expect_err("later").failure().status, 503);
        assert_eq!(provider(Environment::Test, "acme").expect_err("unknown").failure().status, 422);
    }

    #[test]
    fn an_address_of_ones_own_is_for_developers() {
        let refused = |environment| refuse_base_url(environment, Some("http://169.254.169.254")).is_err();
        let places: Vec<_> = Environment::ALL.into_iter().filter(|environment| refused(*environment)).collect();
        assert_eq!(places, [Environment::Demo, Environment::Staging, Environment::Production]);
        assert!(Environment::ALL.into_iter().all(|environment| refuse_base_url(environment, None).is_ok()));
    }

    #[test]
    fn the_mode_follows_the_key_and_never_contradicts_it() {
        let key = Secret::new("sk_test_1");
        let with = |asked| {
            let mut check = Check::new();
            let mode = mode(&mut check, Some(&key), asked, Mode::Live);
            (mode, check.done().is_ok())
        };
        assert_eq!(with(None), (Mode::Test, true));
        assert_eq!(with(Some(Mode::Live)), (Mode::Live, false));
    }

    #[test]
    fn an_empty_secret_is_no_secret() {
        for wrong in ["", " ", "whsec_fifteen__", "whsec with spaces", "whsec_of_l\u{f6}sungen"] {
            let mut check = Check::new();
            check_secret(&mut check, wrong);
            assert!(check.done().is_err(), "{wrong:?}");
        }
    }
}
