//! Stories about settings: layers, mistakes, secrets.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::settings::{DatabaseConfig, ServerConfig};

#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    issuer: String,
    client_secret: SecretText,
    #[serde(default)]
    port: u16,
}

type SecretText = String;

crate::section! {
    /// Shelves, for these tests.
    struct Shelf("shelf") {
        /// How many books fit.
        books_max: u32 = 40,
        /// Words of | all kinds.
        labels: Vec<String> = vec!["new".to_owned()],
        /// Who lets people in.
        providers: BTreeMap<String, Provider> = BTreeMap::new(),
        /// Proof to the catalogue.
        #[env("CATALOGUE_KEY", "OLD_CATALOGUE_KEY")]
        catalogue_key: Option<SecretRef> = None,
    }
}

/// A folder with files, and the sources that read them.
struct Place {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Place {
    fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources { dir: folder.path().to_owned(), ..Sources::empty() };
        Self { folder, sources }.file("autorisen.yaml", yaml)
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).expect("written");
        self
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.sources = self.sources.var(name, value);
        self
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.sources = self.sources.set(key, value);
        self
    }

    fn read(&self) -> Result<(Config, ServerConfig, Shelf), ConfigError> {
        let mut config = Config::load(&self.sources, Vec::new())?;
        let (server, shelf) = (config.section(), config.section());
        config.section::<DatabaseConfig>();
        config.finish()?;
        Ok((config, server, shelf))
    }

    fn wrong(&self) -> String {
        self.read().map(|_| ()).expect_err("something is wrong").to_string()
    }
}

fn origin(config: &Config, key: &str) -> (String, String) {
    let setting = config.explain(key).expect("a known key");
    (setting.value, setting.origin)
}

fn told(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

#[test]
fn without_anything_the_defaults_are_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place { sources: Sources { dir: folder.path().to_owned(), ..Sources::empty() }, folder };
    let (config, server, shelf) = place.read().expect("fine");
    assert_eq!((server.port, shelf.books_max, shelf.labels.as_slice()), (8000, 40, ["new".to_owned()].as_slice()));
    assert_eq!(origin(&config, "server.port"), told("8000", "default"));
    assert_eq!(origin(&config, "shelf.labels"), told("[\"new\"]", "default"));
    assert_eq!(origin(&config, "database.url"), told("unset", "default"));
}

#[test]
fn each_layer_lies_over_the_ones_below() {
    let place = Place::new("server:\n  port: 1\nshelf:\n  books_max: 1\n  labels: [a, b]\n");
    let (config, server, _) = place.read().expect("fine");
    assert_eq!((server.port, origin(&config, "server.port")), (1, told("1", "autorisen.yaml:2")));

    let place = place.file("autorisen.development.yaml", "\nserver:\n  port: 2\n");
    let (config, _, shelf) = place.read().expect("fine");
    assert_eq!((shelf.books_max, origin(&config, "server.port")), (1, told("2", "autorisen.development.yaml:3")));

    let place = place.file(".env", "PORT=3\n").file(".env.dev", "PORT=4\n").file(".env.host", "# mine\nPORT=5\n");
    assert_eq!(origin(&place.read().expect("fine").0, "server.port"), told("5", ".env.host:2 (PORT)"));

    let place = place.var("PORT", "6");
    assert_eq!(origin(&place.read().expect("fine").0, "server.port"), told("6", "environment variable PORT"));

    let place = place.set("server.port", "7");
    let (config, server, _) = place.read().expect("fine");
    assert_eq!((server.port, origin(&config, "server.port")), (7, told("7", "command line")));
}

#[test]
fn env_files_count_in_development_only() {
    let place =
        Place::new("").file(".env", "PORT=3\n").file("autorisen.staging.yaml", "shelf: {books_max: 9}").var("AUTORISEN_ENV", "staging");
    let (config, server, shelf) = place.read().expect("fine");
    assert_eq!((server.port, shelf.books_max, config.environment()), (8000, 9, Environment::Staging));
    assert!(config.environment_is_set());
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    let place =
        Place::new("server:\n  # the port\n  prot: 80\nshelv: {}\nshelf:\n  zzz: 1\nserver.listen: ::1\n").set("shelf.boks_max", "3");
    assert_eq!(
        place.wrong(),
        "autorisen.yaml:3: server.prot: there is no such key\n  hint: did you mean `server.port`?\n\
         autorisen.yaml:4: shelv: there is no such key\n  hint: did you mean `shelf`?\n\
         autorisen.yaml:6: shelf.zzz: there is no such key\n  hint: `autorisen config list` shows every key\n\
         autorisen.yaml:7: server.listen: a key must not contain a dot\n  hint: write the part after the dot indented under the part before it\n\
         command line: shelf.boks_max: there is no such key\n  hint: did you mean `shelf.books_max`?"
    );
}

#[test]
fn a_wrong_type_is_named_with_its_place() {
    let place = Place::new("server:\n  port: eighty\n  body_max_bytes: -1\n  openapi: 3\n  listen: here\nshelf:\n  labels: one\n");
    assert_eq!(
        place.wrong(),
        "autorisen.yaml:2: server.port: expected a whole number from 0 to 65535, found string \"eighty\"\n\
         autorisen.yaml:3: server.body_max_bytes: expected a whole number, not negative, found integer -1\n\
         autorisen.yaml:4: server.openapi: expected true or false, found integer 3\n\
         autorisen.yaml:5: server.listen: expected an IP address such as 127.0.0.1\n\
         autorisen.yaml:7: shelf.labels: expected a list, found string \"one\""
    );
    assert_eq!(Place::new("server: 8000\n").wrong(), "autorisen.yaml:1: server: expected a section with keys under it");
    let place = Place::new("").var("PORT", "70000");
    assert!(
        place.wrong().starts_with("environment variable PORT: server.port: expected a whole number from 0 to 65535"),
        "{}",
        place.wrong()
    );
    assert_eq!(place.read().map(|_| ()).map_err(|error| error.exit_code()), Err(3));
}

#[test]
fn variables_are_filled_in_and_a_missing_one_is_named() {
    let yaml = "server:\n  port: ${APP_PORT:-8100}\n  public_url: https://${DOMAIN:-localhost}\nshelf:\n  books_max: ${BOOKS}\n";
    let (_, server, shelf) = Place::new(yaml).var("BOOKS", "12").var("DOMAIN", "x.io").read().expect("fine");
    assert_eq!((server.port, server.public_url.as_deref(), shelf.books_max), (8100, Some("https://x.io"), 12));
    let wrong = Place::new(yaml).wrong();
    assert!(wrong.starts_with("autorisen.yaml:5: ") && wrong.contains("BOOKS"), "{wrong}");
}

#[test]
fn maps_grow_over_the_layers_and_follow_their_secrets() {
    let yaml = "shelf:\n  providers:\n    google:\n      issuer: https://a.b\n      client_secret: env:GOOGLE\n";
    let place = Place::new(yaml).var("GOOGLE", "g-1").set("shelf.providers.google.port", "7");
    let (config, _, shelf) = place.read().expect("fine");
    assert_eq!(shelf.providers["google"], Provider { issuer: "https://a.b".into(), client_secret: "g-1".into(), port: 7 });
    assert_eq!(origin(&config, "shelf.providers").0, "{google: {client_secret: ***, issuer: https://a.b, port: 7}}");
    let wrong = Place::new(yaml).wrong();
    assert_eq!(wrong, "autorisen.yaml:5: shelf.providers.google.client_secret: the environment variable GOOGLE is not set");
}

#[test]
fn secrets_come_by_file_and_variable_and_are_never_shown() {
    let place = Place::new("shelf:\n  catalogue_key: file:key.txt\n").file("key.txt", "hunter2\n");
    let (config, _, shelf) = place.read().expect("fine");
    assert_eq!(shelf.catalogue_key.as_ref().map(SecretRef::expose), Some("hunter2"));
    assert!(config.list().iter().all(|setting| !setting.value.contains("hunter2")));
    assert_eq!(origin(&config, "shelf.catalogue_key"), told("***", "autorisen.yaml:2"));
    assert_eq!(format!("{shelf:?}").matches("hunter2").count(), 0);

    let place = place.var("OLD_CATALOGUE_KEY", "12345");
    let (config, _, shelf) = place.read().expect("fine");
    assert_eq!(shelf.catalogue_key.as_ref().map(SecretRef::expose), Some("12345"), "digits stay a text");
    assert_eq!(origin(&config, "shelf.catalogue_key"), told("***", "environment variable OLD_CATALOGUE_KEY"));
}

#[test]
fn a_wrong_secret_is_not_repeated() {
    let wrong = Place::new("shelf:\n  catalogue_key: 77123\n").wrong();
    assert_eq!(wrong, "autorisen.yaml:2: shelf.catalogue_key: expected a text, or a reference such as `env:NAME`");
    let wrong = Place::new("shelf:\n  catalogue_key: vault:apps/shop#key\n").wrong();
    assert_eq!(wrong, "autorisen.yaml:2: shelf.catalogue_key: no Vault is configured");
    let wrong = Place::new("shelf:\n  catalogue_key: \"hunter2\n").wrong();
    assert!(!wrong.contains("hunter2"), "{wrong}");
}

#[test]
fn production_refuses_secrets_that_are_written_out_or_known() {
    let inline = Place::new("shelf:\n  catalogue_key: kept-in-git-4711\n").var("AUTORISEN_ENV", "production");
    assert!(inline.wrong().starts_with("autorisen.yaml:2: shelf.catalogue_key: a secret must not be written out in production"));
    assert_eq!(inline.read().map(|_| ()).map_err(|error| error.exit_code()), Err(5));
    let known = Place::new("shelf:\n  catalogue_key: env:KEY\n").var("AUTORISEN_ENV", "production").var("KEY", "ChangeMe");
    assert!(known.wrong().contains("everybody knows"), "{}", known.wrong());
    let fine = Place::new("shelf:\n  catalogue_key: env:KEY\n").var("AUTORISEN_ENV", "production").var("KEY", "8f3a0c51d2e94b67");
    assert!(fine.read().is_ok());
    let short = Place::new("shelf:\n  catalogue_key: env:KEY\n").var("AUTORISEN_ENV", "production").var("KEY", "8f3a0c");
    assert!(short.wrong().contains("too short") && !short.wrong().contains("8f3a0c"), "{}", short.wrong());
    let variable = Place::new("").var("AUTORISEN_ENV", "production").var("CATALOGUE_KEY", "8f3a0c51d2e94b67");
    assert!(variable.read().is_ok());
    let password = Place::new("database:\n  url: postgres://a:hunter2@h/n\n").var("AUTORISEN_ENV", "production");
    assert!(!password.wrong().contains("hunter2"));
    assert!(Place::new("database:\n  url: sqlite:/var/x.db\n").var("AUTORISEN_ENV", "production").read().is_ok());
}

#[test]
fn another_scheme_of_secrets_joins_by_its_port() {
    struct Vault;
    impl SecretSource for Vault {
        fn scheme(&self) -> &'static str {
            "vault"
        }
        fn fetch(&self, reference: &str) -> Result<kernel::Secret, String> {
            Ok(kernel::Secret::new(format!("from {reference}")))
        }
    }
    let place = Place::new("shelf:\n  catalogue_key: vault:apps/shop#key\n");
    let mut config = Config::load(&place.sources, vec![Box::new(Vault)]).expect("fine");
    assert_eq!(config.section::<Shelf>().catalogue_key.as_ref().map(SecretRef::expose), Some("from apps/shop#key"));
}

#[test]
fn the_file_may_lie_elsewhere_and_must_then_be_there() {
    let place = Place::new("").file("other.yaml", "server: {port: 5}").file("other.test.yaml", "shelf: {books_max: 6}");
    let place = place.var("AUTORISEN_ENV", "test").var("AUTORISEN_CONFIG", "other.yaml");
    let (config, server, shelf) = place.read().expect("fine");
    assert_eq!((server.port, shelf.books_max), (5, 6));
    assert_eq!(origin(&config, "server.port"), told("5", "other.yaml:1"));
    let wrong = Place::new("").var("AUTORISEN_CONFIG", "nowhere.yaml").wrong();
    assert!(wrong.starts_with("the settings file nowhere.yaml can't be read"), "{wrong}");
    let wrong = Place::new("").var("AUTORISEN_ENV", "prod").wrong();
    assert_eq!(wrong, "environment variable AUTORISEN_ENV: expected development, demo, test, staging or production, found \"prod\"");
}

#[test]
fn an_address_is_listed_without_its_password() {
    let place = Place::new("").var("POSTGRES_HOST", "pg").var("POSTGRES_USER", "ann").var("POSTGRES_PASSWORD", "hunter2");
    let (config, ..) = place.read().expect("fine");
    assert_eq!(origin(&config, "database.url"), told("postgres://ann:***@pg:5432/ann", "environment variable POSTGRES_HOST"));
    assert!(config.explain("database.uri").is_err_and(|error| error.to_string().contains("did you mean `database.url`?")));
}

#[test]
fn the_reference_names_every_key_with_its_sentence() {
    let (config, ..) = Place::new("").read().expect("fine");
    let text = config.reference_markdown();
    assert!(text.contains("## shelf\n\nShelves, for these tests.\n"));
    assert!(text.contains("| `shelf.labels` | `[\"new\"]` |  | Words of \\| all kinds. |"));
    assert!(text.contains("| `shelf.catalogue_key` | `unset` | `CATALOGUE_KEY`, `OLD_CATALOGUE_KEY` | Proof to the catalogue. (secret) |"));
    assert!(config.keys().all(|key| key.doc.ends_with('.') && text.contains(&format!("| `{}` |", key.path))));
}

#[test]
fn a_module_may_find_fault_with_its_values() {
    let place = Place::new("shelf: {books_max: 0}");
    let mut config = Config::load(&place.sources, Vec::new()).expect("fine");
    config.section::<Shelf>();
    config.refuse("shelf.books_max", "no books, no shelf");
    let error = config.finish().expect_err("refused");
    assert_eq!((error.to_string().as_str(), error.exit_code()), ("autorisen.yaml:1: shelf.books_max: no books, no shelf", 5));
}
