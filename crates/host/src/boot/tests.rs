//! Stories about the boot: what it puts together and what it refuses.

use kernel::permission::BuiltinRole;
use kernel::{FaultCode as _, General, Permission};

use super::*;
use crate::Environment;

const READ: Permission = Permission::new("books:read", BuiltinRole::Viewer, "Reads books.");

crate::section! {
    /// Books, for these tests.
    struct Books("books") {
        /// How many may be lent at once.
        lent_max: u32 = 3,
    }
}

#[derive(Default)]
struct Verbs(Vec<&'static str>);

struct Lending;

impl Module for Lending {
    fn name(&self) -> &'static str {
        "lending"
    }

    fn register(&self, app: &mut Registry) {
        let books: Books = app.config();
        app.slot::<Verbs>().0.push("lend");
        app.permissions(&[READ]);
        app.provide(books.lent_max);
        if books.lent_max > 100 {
            app.config_refusal("books.lent_max", "the shelf would be empty");
        }
    }
}

/// A boot in a folder of its own.
fn boot(sources: impl FnOnce(Sources) -> Sources) -> (tempfile::TempDir, Result<Prepared, ConfigError>) {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = Sources { dir: folder.path().to_owned(), ..Sources::empty() };
    let prepared = Boot::new("bookshop", vec![Box::new(Lending)]).sources(sources(plain)).prepare();
    (folder, prepared)
}

fn refused(sources: impl FnOnce(Sources) -> Sources) -> (String, u8) {
    let error = boot(sources).1.err().expect("refused");
    (error.to_string(), error.exit_code())
}

fn production(sources: Sources) -> Sources {
    sources
        .var("AUTORISEN_ENV", "production")
        .var("AUTORISEN_PUBLIC_URL", "https://app.example.com/")
        .var("AUTORISEN_MASTER_KEY", "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c")
}

#[test]
fn modules_bring_what_they_register() {
    let (folder, prepared) = boot(|sources| sources.set("books.lent_max", "7"));
    let prepared = prepared.expect("ready");
    let registry = prepared.registry();
    assert_eq!(registry.get_slot::<Verbs>().map(|verbs| verbs.0.clone()), Some(vec!["lend"]));
    assert_eq!((registry.part::<u32>().as_deref(), registry.all_permissions()), (Some(&7), [READ].as_slice()));
    assert!(registry.all_faults().iter().any(|row| row.code == General::NotFound.code()));
    assert_eq!((prepared.environment(), registry.public_url()), (Environment::Development, "http://127.0.0.1:8000"));
    assert_eq!(prepared.data_dir(), folder.path().join("data"));
    assert!(!prepared.data_dir().exists(), "preparing touches nothing");
}

#[test]
fn a_public_address_needs_a_decision_about_where_we_run() {
    let (told, code) = refused(|sources| sources.set("server.listen", "0.0.0.0"));
    assert_eq!(code, 5);
    assert!(told.starts_with("command line: server.listen: 0.0.0.0 can be reached by others"), "{told}");
    assert!(boot(|sources| sources.set("server.listen", "0.0.0.0").var("AUTORISEN_ENV", "development")).1.is_ok());
    assert!(boot(|sources| sources.set("server.listen", "::1")).1.is_ok());
}

#[test]
fn a_boot_that_may_not_go_on_is_examined_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let sources = Sources { dir: folder.path().to_owned(), ..Sources::empty() }.set("server.port", "eighty").set("log.level", "debug");
    let found = Boot::new("shop", vec![]).sources(sources).examine();
    assert_eq!(found.problems.iter().map(|problem| problem.key.as_deref()).collect::<Vec<_>>(), [Some("server.port")]);
    let prepared = found.prepared.expect("the rest is known");
    assert_eq!((prepared.settings().server.port, prepared.settings().log.level.as_str()), (8000, "debug"));
}

#[test]
fn any_free_port_is_one_that_links_can_name() {
    let chosen = Sources::empty().set("server.port", "0").with_a_port();
    assert_ne!(chosen.overrides["server.port"], "0");
    assert!(!Sources::empty().with_a_port().overrides.contains_key("server.port"), "a port that was chosen stays");
}

#[test]
fn figures_and_proxies_are_for_the_own_network() {
    for address in ["0.0.0.0", "::", "203.0.113.7", "2001:db8::7"] {
        let (told, code) = refused(|sources| production(sources).set("metrics.listen", address));
        assert!(code == 5 && told.contains("metrics.listen"), "{told}");
    }
    for address in ["127.0.0.1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "::1", "fd00::1"] {
        assert!(boot(|sources| production(sources).set("metrics.listen", address)).1.is_ok(), "{address}");
    }
    let (told, code) = refused(|sources| production(sources).set("server.trusted_proxies", "[10.0.0.0/8, 0.0.0.0/0]"));
    assert!(code == 5 && told.contains("server.trusted_proxies") && told.contains("0.0.0.0/0"), "{told}");
}

#[test]
fn production_boots_from_safe_settings_only() {
    let (_folder, prepared) = boot(production);
    assert_eq!(prepared.expect("ready").registry().public_url(), "https://app.example.com");

    let (told, code) = refused(|sources| sources.var("AUTORISEN_ENV", "production"));
    assert_eq!((told.matches('\n').count(), code), (1, 5), "{told}");
    assert!(told.contains("server.public_url: production has to know") && told.contains("security.master_key: production needs a key"));

    let (told, code) = refused(|sources| production(sources).var("AUTORISEN_PUBLIC_URL", "http://app.example.com"));
    assert!(code == 5 && told.contains("by https only"), "{told}");
    let (told, code) = refused(|sources| production(sources).var("AUTORISEN_MASTER_KEY", "hunter2"));
    assert!(code == 5 && told.contains("too short") && !told.contains("hunter2"), "{told}");
    let (told, code) = refused(|sources| production(sources).var("AUTORISEN_MASTER_KEY", "no hex, and nothing that was drawn"));
    assert!(code == 5 && told.contains("expected 32 bytes in hex or base 64"), "{told}");
    let (told, code) = refused(|sources| production(sources).var("AUTORISEN_MASTER_KEY", "0123456789abcdef".repeat(4)));
    assert!(code == 5 && told.contains("typed, not drawn"), "{told}");
}

#[test]
fn what_makes_no_sense_is_refused_anywhere() {
    for (key, value) in [
        ("server.public_url", "app.example.com"),
        ("server.public_url", "https://app.example.com/app"),
        ("server.request_timeout_s", "0"),
        ("database.connections_max", "1"),
        ("database.url", "mysql://h/n"),
        ("log.level", "loud"),
    ] {
        let (told, code) = refused(|sources| sources.set(key, value));
        assert!(code == 3 && told.starts_with(&format!("command line: {key}: ")), "{told}");
    }
}

#[test]
fn a_module_may_refuse_to_boot() {
    let (told, code) = refused(|sources| sources.set("books.lent_max", "101"));
    assert_eq!((told.as_str(), code), ("command line: books.lent_max: the shelf would be empty", 5));
}
