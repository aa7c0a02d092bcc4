//! A whole application on a throw-away database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use flows::Engine;
use host::{Boot, Core, Module, Roles, Running, Sources};
use kernel::{At, Clock};
use serde_json::Value;
use store::Guards;
use tempfile::TempDir;

use crate::client::Client;
use crate::engine::{self, TestEngine};
use crate::left::nothing_left;

/// When every test begins: a Monday morning, far from any change of the clocks.
const BEGIN: &str = "2026-03-02T09:00:00Z";
/// Turns of due work that one move of the clock may take before the test is taken for stuck.
const TURNS_MAX: u64 = 5_000;

/// The rooms that the testkit knows, in the order in which they register.
pub fn rooms() -> Vec<Box<dyn Module>> {
    vec![
        Box::new(web::Module),
        Box::new(flows::Module),
        Box::new(console::Module),
        Box::new(mail::Module),
        Box::new(tenancy::Module),
        Box::new(identity::Module),
    ]
}

/// What a test may choose besides the engine.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Layers of isolation that are switched off.
    pub guards: Guards,
    /// Dotted settings.
    pub settings: Vec<(String, String)>,
    /// The settings file, for what is not one word: lists and maps.
    pub file: Option<&'static str>,
    /// Durable work is done when the test asks for it, and never by itself: for what may happen before it.
    pub by_hand: bool,
}

/// A running application. Finish it with [`TestApp::finish`], which fails when durable work or
/// mail is left that the test didn't ask for.
pub struct TestApp {
    pub core: Core,
    pub base: String,
    pub engine: TestEngine,
    roles: Roles,
    running: Running,
    http: reqwest::Client,
    read: Mutex<BTreeSet<String>>,
    shown: Mutex<BTreeSet<String>>,
    stage: Mutex<BTreeMap<String, Value>>,
    dead_expected: AtomicBool,
    mail_expected: AtomicBool,
    /// What a second application on the same database has to be told.
    sources: Sources,
    folder: TempDir,
}

/// What an application is started with.
struct Launch {
    sources: Sources,
    folder: TempDir,
    clock: Clock,
    guards: Guards,
    roles: Roles,
}

/// What an application does that leaves durable work to others.
const SERVES: Roles = Roles { web: true, worker: false };

impl TestApp {
    /// Starts on a fresh database.
    pub async fn start(engine: TestEngine, modules: Vec<Box<dyn Module>>) -> Self {
        Self::start_with(engine, modules, Options::default()).await
    }

    /// Starts on a fresh database with options.
    pub async fn start_with(engine: TestEngine, modules: Vec<Box<dyn Module>>, options: Options) -> Self {
        // Only the first call in a process installs it; later ones find it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let mut sources = Sources { data_dir: Some(folder.path().to_owned()), dir: folder.path().to_owned(), ..Sources::empty() }
            .var("AUTORISEN_ENV", "test")
            .set("server.port", port.to_string());
        if engine == TestEngine::Postgres {
            let server = engine::postgres().expect("stories ask whether it is there before they begin");
            sources = sources.var("DATABASE_URL", server.database().await.expect("a fresh database"));
        }
        if let Some(text) = options.file {
            std::fs::write(folder.path().join("autorisen.yaml"), text).expect("the folder is ours");
        }
        for (key, value) in options.settings {
            sources = sources.set(&key, value);
        }
        let clock = Clock::standing(BEGIN.parse().expect("a valid instant"));
        let roles = if options.by_hand { SERVES } else { Roles::ALL };
        Self::launch(engine, modules, Launch { sources, folder, clock, guards: options.guards, roles }).await
    }

    /// Another application on the same database, with the same keys, the same clock and the same public
    /// address: a second replica, or the program after a restart. What it remembers is its own. It
    /// serves; durable work stays with the first one, whose mails it sends.
    pub async fn replica(&self, modules: Vec<Box<dyn Module>>, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sources = self.sources.clone().set("server.port", free_port().to_string()).set("server.public_url", self.base.clone());
        let sources = settings.iter().fold(sources, |sources, (key, value)| sources.set(key, *value));
        let launch = Launch { sources, folder, clock: self.core.clock.clone(), guards: Guards::default(), roles: SERVES };
        Self::launch(self.engine, modules, launch).await
    }

    async fn launch(engine: TestEngine, modules: Vec<Box<dyn Module>>, with: Launch) -> Self {
        let Launch { sources, folder, clock, guards, roles } = with;
        let prepared =
            Boot::new("autorisen", modules).sources(sources.clone()).clock(clock).guards(guards).prepare().expect("valid settings");
        let core = prepared.open().await.expect("the store opens");
        prepared.plan().up(&core.store).await.expect("the schema is made");
        let address = web::listen(&core).expect("a free port");
        let running = prepared.start(core.clone(), roles);
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let (read, shown, stage, dead_expected, mail_expected) = Default::default();
        let base = format!("http://{address}");
        Self { core, base, engine, roles, running, http, read, shown, stage, dead_expected, mail_expected, sources, folder }
    }

    /// Somebody without any proof.
    pub fn nobody(&self) -> Client {
        Client { http: self.http.clone(), base: self.base.clone(), token: None, headers: vec![], profile: Value::Null }
    }

    /// Now, by the application's clock.
    pub fn now(&self) -> At {
        self.core.clock.now()
    }

    /// Moves the clock and works off what falls due on the way, each thing at its own time.
    pub async fn advance(&self, by: chrono::Duration) {
        let target = self.now() + by;
        let left = self.core.parts.get::<Engine>().run_until(&self.core, target, TURNS_MAX).await.expect("the engine runs");
        nothing_left(&self.core, left).await;
    }

    /// Takes one turn of what is due now, the longest due first.
    pub async fn turn(&self) {
        self.core.parts.get::<Engine>().work_off(&self.core, 1).await.expect("the engine runs");
    }

    /// Works off what is due now.
    pub async fn settle(&self) {
        let left = self.core.parts.get::<Engine>().work_off(&self.core, TURNS_MAX).await.expect("the engine runs");
        nothing_left(&self.core, left).await;
    }

    /// The mails to an address, newest first, after what is due was worked off.
    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        self.settle().await;
        self.read.lock().expect("no holder of this lock panics").insert(address.to_lowercase());
        let data = self.nobody().get(&format!("/dev/mail/messages?to={}", address.replace('+', "%2B"))).await.ok();
        data.as_array().cloned().unwrap_or_default()
    }

    /// The newest mail to an address, which must be there. Of several that came at the same instant
    /// (the clock stands still), one that was not looked at yet.
    pub async fn mail_to(&self, address: &str) -> Value {
        self.newest(address, |_| true).await
    }

    /// The single-use token in the newest mail to an address.
    pub async fn token_to(&self, address: &str) -> String {
        token_in(&self.newest(address, |mail| link_in(mail).is_some()).await)
    }

    /// The single-use token in the newest mail to an address that leads to this page of ours.
    pub async fn token_for(&self, address: &str, page: &str) -> String {
        let page = format!("{}{page}", self.base);
        token_in(&self.newest(address, |mail| link_in(mail).is_some_and(|link| link.starts_with(&page))).await)
    }

    async fn newest(&self, address: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mails: Vec<Value> = self.mails_to(address).await.into_iter().filter(wanted).collect();
        let mut shown = self.shown.lock().expect("no holder of this lock panics");
        let newest = mails.first().unwrap_or_else(|| panic!("no such mail to {address}"));
        let is_new = |mail: &&Value| mail["created_at"] == newest["created_at"] && !shown.contains(&mail["id"].to_string());
        let chosen = mails.iter().find(is_new).unwrap_or(newest).clone();
        shown.insert(chosen["id"].to_string());
        chosen
    }

    /// Says that this test leaves dead letters on purpose.
    pub fn expect_dead_letters(&self) {
        self.dead_expected.store(true, Ordering::SeqCst);
    }

    /// Says that this test sends mails that it doesn't read.
    pub fn expect_mail(&self) {
        self.mail_expected.store(true, Ordering::SeqCst);
    }

    /// Remembers that the person behind an address has an account here, and in which organization
    /// they act.
    pub(crate) fn on_stage(&self, email: &str, org: &Value) {
        self.stage.lock().expect("no holder of this lock panics").insert(email.to_owned(), org.clone());
    }

    /// The organization that somebody who has an account here acts in.
    pub(crate) fn stage_of(&self, email: &str) -> Option<Value> {
        self.stage.lock().expect("no holder of this lock panics").get(email).cloned()
    }

    /// The folder of this application's files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Ends the application; fails when dead letters or unread mail are left.
    pub async fn finish(self) {
        if self.roles.worker {
            self.refuse_leftovers().await;
        }
        let ended = tokio::time::timeout(Duration::from_secs(30), self.running.stop()).await;
        assert!(ended.is_ok(), "the application does not stop");
    }

    async fn refuse_leftovers(&self) {
        self.settle().await;
        let dead = self.core.parts.get::<Engine>().dead_letters(&self.core).await.expect("the engine answers");
        assert!(dead.is_empty() || self.dead_expected.load(Ordering::SeqCst), "dead letters are left: {dead:?}");
        self.refuse_unread_mail().await;
    }

    async fn refuse_unread_mail(&self) {
        if self.mail_expected.load(Ordering::SeqCst) {
            return;
        }
        let all = self.nobody().get("/dev/mail/messages").await.ok();
        let read = self.read.lock().expect("no holder of this lock panics").clone();
        let is_read = |mail: &&Value| read.contains(&mail["to"].as_str().unwrap_or_default().to_lowercase());
        let unread: Vec<_> = all.as_array().into_iter().flatten().filter(|mail| !is_read(mail)).collect();
        assert!(unread.is_empty(), "mails that the test did not ask for: {unread:?}");
    }
}

/// The link in a mail that carries a token: as a `token` parameter, or as the last segment of `/pay/…`.
fn link_in(mail: &Value) -> Option<&str> {
    let links = mail["links"].as_array().into_iter().flatten().filter_map(Value::as_str);
    links.into_iter().find(|link| link.contains("token=") || link.contains("/pay/"))
}

fn token_in(mail: &Value) -> String {
    let link = link_in(mail).unwrap_or_else(|| panic!("no link with a token in {mail}"));
    let tail = link.split_once("token=").map_or_else(|| link.rsplit('/').next().unwrap_or_default(), |(_, token)| token);
    tail.split(['&', '#']).next().unwrap_or_default().to_owned()
}

/// A port that nobody listens on, below those that the system gives to outgoing connections: one
/// of those could be taken between the look and the use.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin at different places.
    let begin = u16::try_from(std::process::id() * 97 % 20_000).expect("below 20,000");
    let candidates = std::iter::repeat_with(|| 10_000 + (begin + NEXT.fetch_add(1, Ordering::SeqCst) % 2_000));
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    candidates.take(2_000).find(is_free).expect("a free port among two thousand")
}
