//! A world: a company with its keys and connections on a running server, the database under it, and
//! the journal of everything that its clients were promised.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kernel::{At, Clock};
use testkit::{PASSWORD, StoppablePostgres, TestEngine, Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::journal::Journal;
use crate::somebody::{send, until};
use crate::{Dice, Place, Server, Somebody};

/// Processes on one database share one master key.
pub const KEY: &str = "6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c";
/// What the company's provider signs with.
pub const WEBHOOK_SECRET: &str = "whsec_of_the_company";
/// Short leases, so that what a killed process had in hand is taken up while somebody watches.
const SETTINGS: &str = "flows:\n  lease_s: 2\n  poll_max_ms: 200\n  stop_grace_s: 1\n";
/// The promise: a process that was killed is ready again within this time.
pub const READY_MAX: Duration = Duration::from_secs(3);
/// A start that takes longer than this is given up, so that a series ends.
const START_MAX: Duration = Duration::from_secs(30);
/// People who hold refresh tokens.
const PEOPLE: usize = 2;
/// What the company's program may do.
const SCOPES: [&str; 7] =
    ["customers:read", "customers:write", "cases:read", "cases:write", "payments:read", "analytics:read", "events:write"];

/// Somebody with a refresh token, which changes with each use.
#[derive(Debug, Clone)]
pub struct Person {
    pub email: String,
    pub access: String,
    pub refresh: String,
    /// The one before, which must be dead.
    pub spent: Option<String>,
}

/// Whom the clients act as.
#[derive(Clone)]
pub struct Cast {
    /// The company's program, with an API key.
    pub clerk: Somebody,
    pub nobody: Somebody,
    pub sandbox: String,
    pub stripe: String,
    /// What the provider signs with now.
    pub webhook_secret: String,
    pub people: Vec<Arc<Mutex<Person>>>,
}

/// A company on a running server.
pub struct World {
    pub place: Place,
    pub server: Server,
    pub database: Option<StoppablePostgres>,
    pub cast: Cast,
    pub journal: Arc<Journal>,
    pub dice: Dice,
    /// How far the server's clock was moved.
    pub ahead: chrono::Duration,
    /// What signed the tokens of new accounts is gone, and their first tokens with it.
    pub is_rekeyed: bool,
}

impl World {
    /// A company on a fresh database. `name` is that of its journal.
    pub async fn begin(engine: TestEngine, folder: &Path, name: &str, seed: u64) -> Self {
        Self::with(engine, folder, name, seed, SETTINGS).await
    }

    /// As [`World::begin`], with other settings.
    pub async fn with(engine: TestEngine, folder: &Path, name: &str, seed: u64, settings: &str) -> Self {
        let place = Place::sqlite().var("AUTORISEN_MASTER_KEY", KEY);
        place.write("autorisen.yaml", settings);
        let database = match engine {
            TestEngine::Sqlite => None,
            TestEngine::Postgres => Some(StoppablePostgres::start().await.expect("a Postgres server can be started here")),
        };
        let place = match &database {
            Some(database) => place.var("DATABASE_URL", database.url()),
            None => place,
        };
        Self::within(place, database, folder, name, seed).await
    }

    /// A company in a place that was made ready.
    pub async fn within(place: Place, database: Option<StoppablePostgres>, folder: &Path, name: &str, seed: u64) -> Self {
        let server = place.serve().await;
        let cast = Cast::found(&server).await;
        let journal = Arc::new(Journal::begin(folder, name));
        Self { place, server, database, cast, journal, dice: Dice::new(seed), ahead: chrono::Duration::zero(), is_rekeyed: false }
    }

    /// The server's time.
    pub fn now(&self) -> At {
        Clock::system().now() + self.ahead
    }

    /// Starts the server again after it ended; how long it took to be ready.
    pub async fn restart(&mut self) -> Duration {
        let began = Instant::now();
        self.journal.note("start");
        self.server = self.place.serving(&[]);
        let took = self.ready(began).await;
        self.journal.note("ready");
        took
    }

    /// Waits until the server says that it is ready; how long that is after `began`.
    pub async fn ready(&self, began: Instant) -> Duration {
        let is_ready = async || send(self.cast.nobody.request(reqwest::Method::GET, "/readyz")).await.ok().filter(|it| it.status == 200);
        if until(START_MAX, is_ready).await.is_none() {
            self.journal.wrong(format!("not ready after {START_MAX:?}: {}", self.server.talk()));
        }
        began.elapsed()
    }

    /// Another replica on the same database, not started.
    pub fn beside(&self, settings: &str) -> Place {
        let place = Place::beside(&self.place);
        place.write("autorisen.yaml", settings);
        place
    }

    /// Moves the server's clock ahead and works off what fell due.
    pub async fn advance(&mut self, by: chrono::Duration) {
        self.ahead += by;
        let mut body = json!({"advance_seconds": by.num_seconds()});
        for _ in 0..40 {
            let moved = self.cast.nobody.post("/dev/clock", body).await;
            if moved.status == 200 && moved.body["data"]["work_left"].as_u64().unwrap_or_default() == 0 {
                return;
            }
            // Work in the hands of a process that was killed waits for the end of its lease.
            self.ahead += chrono::Duration::seconds(3);
            body = json!({"advance_seconds": 3});
        }
        self.journal.wrong("there is work that never ends".to_owned());
    }
}

impl Cast {
    /// From now on everybody talks to the replica at `base`.
    pub fn move_to(&mut self, base: &str) {
        self.clerk = self.clerk.toward(base);
        self.nobody = self.nobody.toward(base);
    }

    async fn found(server: &Server) -> Self {
        let nobody = server.somebody();
        let ada = nobody.sign_up("ada@northwind.test", "Northwind").await;
        let token = nobody.token_to("ada@northwind.test").await;
        nobody.post("/v1/auth/verify-email", json!({"token": token})).await.ok();
        let connect = async |body: Value| {
            let made = ada.post("/v1/payment-connections", body).await.expect(201);
            made["id"].as_str().expect("an id").to_owned()
        };
        let sandbox = connect(json!({"provider": "sandbox", "name": "Sandbox"})).await;
        let stripe = connect(json!({"provider": "stripe", "name": "Live", "webhook_secret": WEBHOOK_SECRET})).await;
        let made = ada.post("/v1/api-keys", json!({"name": "billing", "scopes": SCOPES})).await.expect(201);
        let clerk = nobody.holding(made["key"].as_str().expect("a key"));
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            let email = format!("person{number}@northwind.test");
            people.push(Arc::new(Mutex::new(Person::register(&nobody, &email).await)));
        }
        Self { clerk, nobody, sandbox, stripe, webhook_secret: WEBHOOK_SECRET.to_owned(), people }
    }
}

impl Person {
    /// Somebody new.
    pub async fn register(nobody: &Somebody, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD, "full_name": "Pia Person", "org_name": email});
        Self::of(email, &nobody.post("/v1/auth/register", body).await.expect(201))
    }

    /// Who holds these tokens.
    pub fn of(email: &str, tokens: &Value) -> Self {
        let text = |field: &str| tokens[field].as_str().unwrap_or_default().to_owned();
        Self { email: email.to_owned(), access: text("access_token"), refresh: text("refresh_token"), spent: None }
    }
}
