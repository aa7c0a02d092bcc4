//! The product as a process, with the settings of a server that faces people: durable writes, a JSON
//! line for every request, limits and policies on.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::database::Database;
use crate::load::{self, Line};
use crate::process::{self, Memory, Owned};

/// How long a start may take before the row fails.
const START_MAX: Duration = Duration::from_mins(1);
/// Between two looks whether it is ready: short against the figure, which is tens of milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// The person of every measurement.
const EMAIL: &str = "ada@bench.example";
/// A key of nobody's.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Registration is closed (accounts are made on the command line), letters go nowhere, and the limits
/// that one caller would run into are counted as always, but as far away as they can be.
const SETTINGS: &str = "\
identity:
  registration: closed
mail:
  smtp_url: \"smtp://127.0.0.1:9\"
limits:
  request:
    per_network:
      limit: 1000000
    per_account:
      limit: 1000000
    per_organization:
      limit: 1000000
  intake:
    per_account:
      limit: 1000000
    per_organization:
      limit: 1000000
";

/// How the product is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Migrates itself.
    Development,
    /// Everything as in production but the public address, which need not be https.
    Staging,
}

impl Environment {
    const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
        }
    }
}

/// Where the program and its files are.
pub struct Site<'s> {
    pub program: PathBuf,
    pub folder: PathBuf,
    pub database: Database<'s>,
}

impl Site<'_> {
    fn command(&self, environment: Environment) -> Result<Command> {
        fs::write(self.folder.join("autorisen.yaml"), SETTINGS)?;
        let program = fs::canonicalize(&self.program).with_context(|| format!("{}", self.program.display()))?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs([("AUTORISEN_ENV", environment.name()), ("METRICS_PORT", "0"), ("LOG_FORMAT", "json")])
            .envs([("AUTORISEN_MASTER_KEY", MASTER_KEY), ("DATABASE_URL", &self.database.url())])
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs a command of the product to its end and gives what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command(Environment::Staging)?.args(words).output()?;
        ensure!(output.status.success(), "`{}` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Makes the schema and the person; gives the password.
    pub fn prepare(&self) -> Result<String> {
        self.run(&["migrate", "up"])?;
        Ok(self.run(&["users", "add", EMAIL, "--name", "Ada Bench", "--org", "Bench"])?.trim().to_owned())
    }

    /// Starts the server; gives it once it is ready, with the time that took.
    pub async fn serve(&self, environment: Environment) -> Result<(Product, Duration)> {
        let port = free_port()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = File::create(self.folder.join("server.log"))?;
        let mut command = self.command(environment)?;
        command.args(["serve", "--port", &port.to_string()]).stdout(log.try_clone()?).stderr(log);
        let began = Instant::now();
        let product = Product { process: Owned(command.spawn()?), address, folder: self.folder.clone() };
        loop {
            if product.is_ready().await {
                return Ok((product, began.elapsed()));
            }
            ensure!(began.elapsed() < START_MAX, "not ready in time; its log:\n{}", product.log()?);
            sleep(LOOK_EVERY).await;
        }
    }
}

/// A running server.
pub struct Product {
    process: Owned,
    pub address: SocketAddr,
    folder: PathBuf,
}

impl Product {
    async fn is_ready(&self) -> bool {
        let asked = async { anyhow::Ok(Line::open(self.address).await?.ask(&load::get("/readyz", "")).await?.0) };
        asked.await.is_ok_and(|status| status == 200)
    }

    /// The end of what it said.
    fn log(&self) -> Result<String> {
        let log = fs::read_to_string(self.folder.join("server.log"))?;
        Ok(log.lines().rev().take(5).collect::<Vec<_>>().join("\n"))
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn memory(&self) -> Result<Memory> {
        process::memory(self.id())
    }

    /// Sends one request and gives the body of its answer, which must be a success.
    pub async fn ask(&self, request: &[u8]) -> Result<Vec<u8>> {
        let mut line = Line::open(self.address).await?;
        let (status, body) = line.ask(request).await?;
        ensure!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(body));
        Ok(body.to_vec())
    }

    /// Signs the person in.
    pub async fn sign_in(&self, password: &str) -> Result<Person> {
        let answer: Value = serde_json::from_slice(&self.ask(&sign_in_request(password)).await?)?;
        let text = |path: &str| answer.pointer(path).and_then(Value::as_str).map(str::to_owned).context("a token answer");
        Ok(Person { token: text("/data/access_token")?, org: text("/data/organization/id")? })
    }
}

/// Somebody with a token.
#[derive(Debug, Clone)]
pub struct Person {
    pub token: String,
    /// As on the wire.
    pub org: String,
}

/// The request with which the person signs in.
pub fn sign_in_request(password: &str) -> Vec<u8> {
    load::post("/v1/auth/login", "", &json!({ "email": EMAIL, "password": password }).to_string())
}

/// A port that nobody uses.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Where a program of this workspace's target folder was found, for the report.
pub fn size_mb(program: &Path) -> Result<f64> {
    Ok(fs::metadata(program)?.len() as f64 / 1e6)
}
