//! A process with mail and what it stands on, on a file of its own, under a clock that stands.

use chrono::Duration;
use flows::Engine;
use host::{Boot, Core, Module, Sources};
use http_body_util::BodyExt as _;
use kernel::{Actor, At, Clock, Failure, OrgId};
use mail::{Letter, MailId, Note};
use sea_orm::FromQueryResult;
use store::{SystemSql, Tx};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub struct World {
    pub core: Core,
    pub org: OrgId,
    _folder: TempDir,
}

/// The row of a letter.
#[derive(Debug, FromQueryResult)]
pub struct MailRow {
    pub state: String,
    pub sealed: Option<String>,
    pub reason: Option<String>,
}

pub fn start_of_story() -> At {
    "2026-03-01T12:00:00Z".parse().expect("a valid instant")
}

/// The mail that every story sends.
pub fn greeting(to: &str, dedupe: &str) -> Letter {
    let note = Note::new("Confirm your address")
        .line("Thank you for signing up.")
        .action("Confirm", "https://shop.test/verify?token=abc&next=1")
        .after("The link works for a day.");
    Letter::from_template(&note, to.parse().expect("a valid address"), dedupe).expect("it renders")
}

impl World {
    /// Development without a mail server.
    pub async fn new() -> Self {
        Self::with(|sources| sources).await
    }

    pub async fn with(settings: impl FnOnce(Sources) -> Sources) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the story");
        let clock = Clock::standing(start_of_story());
        let modules: Vec<Box<dyn Module>> = vec![Box::new(flows::Module), Box::new(web::Module), Box::new(mail::Module)];
        let sources = settings(testkit::on_this_engine(Sources { data_dir: Some(folder.path().to_owned()), ..Sources::empty() }));
        let prepared = Boot::new("story", modules).sources(sources).clock(clock).prepare().expect("good settings");
        let core = prepared.open().await.expect("a store");
        prepared.plan().up(&core.store).await.expect("a schema");
        Self { org: OrgId::new(core.clock.now()), core, _folder: folder }
    }

    pub async fn send(&self, letter: Letter) -> Result<MailId, Failure> {
        self.send_from(self.org, letter).await
    }

    pub async fn send_from(&self, org: OrgId, letter: Letter) -> Result<MailId, Failure> {
        let mut tx = Tx::for_org(&self.core.store, org, Actor::System("story")).await?;
        let id = mail::send(&mut tx, letter).await?;
        tx.commit().await?;
        Ok(id)
    }

    pub async fn work(&self) {
        let left = self.core.parts.get::<Engine>().work_off(&self.core, 1000).await.expect("the work is done");
        testkit::nothing_left(&self.core, left).await;
    }

    pub async fn later(&self, by: Duration) {
        self.core.clock.advance(by);
        self.work().await;
    }

    pub async fn row(&self, id: MailId) -> MailRow {
        const ROW: SystemSql = SystemSql::both("select state, sealed, reason from mails where id = $1");
        let mut door = self.core.store.system_read("story").await.expect("the system door");
        door.sql_one(ROW.bind(id.uuid())).await.expect("reads").expect("the letter is there")
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let host = self.core.public_url.split("//").last().expect("what follows the scheme");
        let request = axum::http::Request::get(path).header("host", host).body(axum::body::Body::empty()).expect("a request");
        let response = web::assemble(&self.core).router.oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    /// What the mailbox shows for an address.
    pub async fn messages(&self, to: &str) -> Vec<serde_json::Value> {
        let (status, body) = self.get(&format!("/dev/mail/messages?to={to}")).await;
        assert_eq!(status, 200, "{body}");
        let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        answer["data"].as_array().expect("a list").clone()
    }
}
