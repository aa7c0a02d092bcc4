//! Every setting with which production does not start: one line each that says what is wrong and how to
//! mend it, exit code 5, and nothing left behind.

use std::collections::BTreeMap;

use crate::Place;

/// 32 bytes that nobody uses.
const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";
/// What an operator wrote in the place of a secret, and what must never be repeated.
const CANARY: &str = "canary-0b7d41f29c8e";

/// A production that is as it should be, but for some settings.
struct Row {
    what: &'static str,
    /// Dotted keys with their values; an empty one takes the key out.
    keys: &'static [(&'static str, &'static str)],
    /// Variables; an empty one is unset.
    vars: &'static [(&'static str, &'static str)],
    /// What the complaint names: the key first.
    told: &'static [&'static str],
}

const GATEWAY: [(&str, &str); 4] = [
    ("mail.smtp_url", ""),
    ("mail.gateway_url", "https://mail.test/letters"),
    ("mail.gateway_api_key", "env:GATEWAY_KEY"),
    ("mail.gateway_secret", "env:GATEWAY_SECRET"),
];

const fn row(what: &'static str, keys: &'static [(&'static str, &'static str)], told: &'static [&'static str]) -> Row {
    Row { what, keys, vars: &[], told }
}

const ROWS: &[Row] = &[
    row("no master key", &[("security.master_key", "")], &["security.master_key", "openssl rand -hex 32"]),
    row("a master key that is written out", &[("security.master_key", KEY)], &["security.master_key", "file:/run/secrets/"]),
    row(
        "a master key that everybody knows",
        &[("security.master_key", "file:known.key")],
        &["security.master_key", "everybody knows", "openssl"],
    ),
    row("a master key that is too short", &[("security.master_key", "file:short.key")], &["security.master_key", "too short", "openssl"]),
    row("a master key of zeros", &[("security.master_key", "file:zeros.key")], &["security.master_key", "no randomness", "openssl"]),
    row("a master key that was typed", &[("security.master_key", "file:typed.key")], &["security.master_key", "typed", "openssl"]),
    row("a master key of 31 bytes", &[("security.master_key", "file:bytes31.key")], &["security.master_key", "32 bytes", "openssl"]),
    row("no public address", &[("server.public_url", "")], &["server.public_url", "links in mails"]),
    row("a public address without TLS", &[("server.public_url", "http://app.example.com")], &["server.public_url", "https"]),
    row("figures for everybody", &[("metrics.listen", "0.0.0.0")], &["metrics.listen", "127.0.0.1"]),
    row("figures on an address of the internet", &[("metrics.listen", "203.0.113.7")], &["metrics.listen", "private network"]),
    row("every client a trusted proxy", &[("server.trusted_proxies", "[\"0.0.0.0/0\"]")], &["server.trusted_proxies", "name the proxies"]),
    row(
        "every client a trusted proxy, by IPv6",
        &[("server.trusted_proxies", "[\"::/0\"]")],
        &["server.trusted_proxies", "name the proxies"],
    ),
    row("keys of the provider in the clear", &[("stripe.api_base", "http://proxy.test")], &["stripe.api_base", "https"]),
    row(
        "a database password that is written out",
        &[("database.url", "postgres://ann:canary-0b7d41f29c8e@db.test/shop")],
        &["database.url", "env:NAME"],
    ),
    row("a database password that everybody knows", &[("database.url", "file:known.url")], &["database.url", "everybody knows"]),
    row("a database password that is too short", &[("database.url", "file:short.url")], &["database.url", "too short"]),
    row(
        "an owner's password that is written out",
        &[("database.owner_url", "postgres://ann:canary-0b7d41f29c8e@db.test/shop")],
        &["database.owner_url"],
    ),
    row("an app role's password that everybody knows", &[("database.app_url", "file:known.url")], &["database.app_url", "everybody knows"]),
    row("a system role's password that is too short", &[("database.system_url", "file:short.url")], &["database.system_url", "too short"]),
    row(
        "a mail password that is written out",
        &[("mail.smtp_url", "smtps://ann:canary-0b7d41f29c8e@mail.test")],
        &["mail.smtp_url", "env:NAME"],
    ),
    row("a mail password in the clear", &[("mail.smtp_url", "file:plain.smtp")], &["mail.smtp_url", "smtps://"]),
    Row {
        what: "a mail gateway without TLS",
        keys: &[GATEWAY[0], ("mail.gateway_url", "http://mail.test"), GATEWAY[2], GATEWAY[3]],
        vars: &[],
        told: &["mail.gateway_url", "https"],
    },
    Row {
        what: "a gateway secret that is too short",
        keys: &GATEWAY,
        vars: &[("GATEWAY_SECRET", "0b7d41f2")],
        told: &["mail.gateway_secret", "too short"],
    },
    Row {
        what: "a gateway key that everybody knows",
        keys: &GATEWAY,
        vars: &[("GATEWAY_KEY", "please-change-me-now")],
        told: &["mail.gateway_api_key", "everybody knows"],
    },
    Row {
        what: "a public address without a said environment",
        keys: &[("server.listen", "0.0.0.0")],
        vars: &[("AUTORISEN_ENV", "")],
        told: &["server.listen", "AUTORISEN_ENV"],
    },
];

/// The settings that are as they should be.
fn good() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("server.public_url", "https://app.example.com"),
        ("security.master_key", "file:master.key"),
        ("mail.smtp_url", "smtps://mail.test"),
        ("identity.registration", "closed"),
    ])
}

/// A place with these settings, and with the files that rows name.
fn place(keys: &[(&'static str, &'static str)], vars: &[(&str, &str)]) -> Place {
    let mut place = Place::untouched().var("AUTORISEN_ENV", "production").var("GATEWAY_KEY", CANARY).var("GATEWAY_SECRET", CANARY);
    for (name, value) in vars {
        place = place.var(name, *value);
    }
    for (name, text) in [
        ("master.key", KEY.to_owned()),
        ("known.key", "changeme".to_owned()),
        ("short.key", "0b7d41f2".to_owned()),
        ("zeros.key", "00".repeat(32)),
        ("typed.key", "0123456789abcdef".repeat(4)),
        ("bytes31.key", KEY[2..].to_owned()),
        ("known.url", "postgres://postgres:postgres@db.test/shop".to_owned()),
        ("short.url", "postgres://ann:0b7d41f@db.test/shop".to_owned()),
        ("plain.smtp", format!("smtp://ann:{CANARY}@mail.test:587")),
    ] {
        place.write(name, &format!("{text}\n"));
    }
    let mut all = good();
    all.extend(keys.iter().copied());
    place.write("autorisen.yaml", &yaml(&all));
    place
}

fn yaml(keys: &BTreeMap<&str, &str>) -> String {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for (key, value) in keys.iter().filter(|(_, value)| !value.is_empty()) {
        let (section, field) = key.split_once('.').expect("a dotted key");
        sections.entry(section).or_default().push_str(&format!("  {field}: {value}\n"));
    }
    sections.iter().map(|(section, fields)| format!("{section}:\n{fields}")).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn production_refuses_each_insecure_setting_in_one_line_and_starts_without_them() {
    for Row { what, keys, vars, told } in ROWS {
        let place = place(keys, vars);
        let ended = place.run(&["serve"]).await;
        assert_eq!(ended.code, 5, "{what}: {}{}", ended.out, ended.err);
        let lines: Vec<_> = ended.err.lines().filter(|line| line.contains(told[0])).collect();
        assert!(!lines.is_empty() && told.iter().all(|word| ended.err.contains(word)), "{what}: {}", ended.err);
        assert!(!ended.err.contains(CANARY) && !ended.out.contains(CANARY), "{what}: the secret is told: {}", ended.err);
        assert!(!place.folder().join("data").exists(), "{what}: a refusal leaves nothing behind");
    }
    let place = place(&[], &[]);
    place.run(&["config", "check"]).await.fine();
    place.run(&["migrate", "up"]).await.fine();
    place.serve().await.stop().await;
}

/// Every secret of every section, also of those that nobody thought of when this was written.
#[tokio::test]
async fn production_refuses_every_secret_that_is_written_out_known_or_short() {
    let listed = Place::untouched().run(&["config", "list", "--json"]).await.fine().json();
    let secrets: Vec<_> = listed.as_array().expect("a list").iter().filter(|setting| setting["secret"] == true).collect();
    assert!(secrets.len() >= 7, "{secrets:?}");
    for key in secrets.iter().filter_map(|setting| setting["key"].as_str()) {
        // Only a key that leads nowhere else can be set without its neighbours.
        let is_address = key.ends_with("url") || key.ends_with("dsn");
        let wrapped = |secret: &str| if is_address { format!("postgres://ann:{secret}@db.test/shop") } else { secret.to_owned() };
        let canary = wrapped(CANARY);
        for (value, secret, told) in [
            (canary.as_str(), "", "must not be written out"),
            ("env:WEAK", "changeme", "everybody knows"),
            ("env:WEAK", "0b7d41f", "too short"),
        ] {
            let place = Place::untouched().var("AUTORISEN_ENV", "production").var("WEAK", wrapped(secret));
            place.write("autorisen.yaml", &yaml(&BTreeMap::from([(key, value)])));
            let ended = place.run(&["config", "check"]).await;
            let line = ended.err.lines().find(|line| line.contains(key) && line.contains(told));
            assert!(ended.code != 0 && line.is_some(), "{key} = {value}: {}", ended.err);
            assert!(!ended.err.contains(CANARY), "{key}: the secret is told: {}", ended.err);
        }
    }
}

/// `config list` shows no secret of any key, in whatever way it is written.
#[tokio::test]
async fn no_secret_of_any_key_is_listed() {
    let listed = Place::sqlite().run(&["config", "list", "--json"]).await.fine().json();
    for setting in listed.as_array().expect("a list").iter().filter(|setting| setting["secret"] == true) {
        let key = setting["key"].as_str().expect("a key");
        for written in [CANARY.to_owned(), format!("postgres://ann:{CANARY}@h/n"), format!("https://hooks.test/{CANARY}")] {
            let place = Place::sqlite();
            place.write("autorisen.yaml", &yaml(&BTreeMap::from([(key, written.as_str())])));
            for asked in [&["config", "list"][..], &["config", "list", "--json"], &["config", "explain", key], &["config", "check"]] {
                let ended = place.run(asked).await;
                assert!(!ended.out.contains(CANARY) && !ended.err.contains(CANARY), "{key} = {written}: {asked:?} tells it");
            }
        }
    }
}

#[tokio::test]
async fn production_without_mail_starts_says_so_and_takes_requests() {
    let place = place(&[("mail.smtp_url", "")], &[]);
    place.run(&["migrate", "up"]).await.fine();
    let mut server = place.serve().await;
    let warned = server.log().into_iter().find(|line| line["event"] == "host.setting_is_weak").expect("a warning");
    assert!(warned.to_string().contains("mail.gateway_url"), "{warned}");
    let nobody = server.somebody();
    let ready = nobody.get("/readyz").await;
    assert_eq!((ready.status, ready.body["checks"]["mail"].as_str()), (200, None), "{}", ready.text);
    let health = nobody.get("/health").await;
    assert_eq!((health.status, health.body["status"].as_str()), (200, Some("degraded")), "{}", health.text);
    assert!(health.body["checks"]["mail"].as_str().is_some_and(|why| why.contains("smtp_url")), "{}", health.text);
    assert_eq!(nobody.get("/health/mail").await.status, 503);
    server.stop().await;
}

#[tokio::test]
async fn in_production_and_staging_nothing_of_development_is_there() {
    for environment in ["production", "staging"] {
        let place = place(&[], &[("AUTORISEN_ENV", environment)]);
        place.run(&["migrate", "up"]).await.fine();
        let mut server = place.serve().await;
        let nobody = server.somebody();
        for path in ["/dev/mail", "/dev/mail/messages", "/dev/clock", "/dev/sandbox/charges", "/dev/sandbox/script", "/dev/sandbox/faults"]
        {
            assert_eq!(nobody.get(path).await.status, 404, "{environment}: {path}");
            assert_eq!(nobody.post(path, testkit::json!({})).await.status, 404, "{environment}: {path}");
        }
        server.stop().await;
    }
}
