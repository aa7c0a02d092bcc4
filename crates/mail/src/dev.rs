//! The development mailbox: letters that no mail server takes, to be read in the browser and by
//! tests. It exists in development, demo and test only.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use host::{Core, Registry};
use kernel::{At, Failure, General};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, SystemSql};
use uuid::Uuid;
use web::{Ctx, Done, Html, PageFault, Path, Query, Routes as _};

use crate::dev_links::links;
use crate::mail::{self, MailId, Queued};

/// Letters that are kept; older ones make room.
const KEPT_MAX: i64 = 2000;

/// Letters in one answer: a test looks at the newest, a person at a screenful.
const SHOWN_MAX: i64 = 100;

/// The mail's own styles are shown, and nothing in it runs or is fetched.
const LETTER_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox allow-popups";

/// A repeated delivery finds its letter there.
const PUT: SystemSql = SystemSql::both(
    "insert into dev_mailbox (id, created_at, updated_at, version, recipient, recipient_normal, subject, body_text, body_html) \
     values ($1, $2, $2, 1, $3, $4, $5, $6, $7) on conflict (id) do nothing",
);

const MAKE_ROOM: SystemSql = SystemSql::both(
    "delete from dev_mailbox where id in (select id from dev_mailbox order by created_at desc, id desc limit 1000 offset $1)",
);

const NEWEST: SystemSql = SystemSql::both(
    "select id, created_at, recipient, subject, body_text, body_html from dev_mailbox \
     where $1 = '' or recipient_normal = $1 order by created_at desc, id desc limit $2",
);

const ONE: SystemSql = SystemSql::both("select id, created_at, recipient, subject, body_text, body_html from dev_mailbox where id = $1");

#[derive(FromQueryResult)]
struct LetterRow {
    id: Uuid,
    created_at: At,
    recipient: String,
    subject: String,
    body_text: String,
    body_html: String,
}

/// A letter as tests and tools read it.
#[derive(Debug, Serialize)]
pub(crate) struct DevMessage {
    id: MailId,
    to: String,
    subject: String,
    text: String,
    html: String,
    /// Every web address in it.
    links: Vec<String>,
    created_at: At,
}

impl From<LetterRow> for DevMessage {
    fn from(row: LetterRow) -> Self {
        Self {
            links: links(&row.body_text, &row.body_html),
            id: MailId(row.id),
            to: row.recipient,
            subject: row.subject,
            text: row.body_text,
            html: row.body_html,
            created_at: row.created_at,
        }
    }
}

/// Keeps a letter and marks it as sent, both or neither. `false` when it was taken back meanwhile: it stays
/// away.
pub(crate) async fn put(store: &Store, id: MailId, queued: &Queued) -> Result<bool, StoreError> {
    let mut door = store.system("mail: put a letter into the development mailbox").await?;
    let now = door.now();
    if !mail::mark_sent(&mut door, id).await? {
        return Ok(false);
    }
    let put = PUT
        .bind(id.uuid())
        .bind(now)
        .bind(queued.to.as_str())
        .bind(queued.to.normal())
        .bind(queued.words.subject.as_str())
        .bind(queued.words.text.as_str())
        .bind(queued.words.html.as_str());
    door.sql(put).await?;
    door.sql(MAKE_ROOM.bind(KEPT_MAX)).await?;
    door.commit().await?;
    Ok(true)
}

pub(crate) fn register(app: &mut Registry) {
    let router = Router::new()
        .route("/dev/mail/messages", get(list_dev_messages))
        .route("/dev/mail", get(mailbox_page))
        .route("/dev/mail/{id}", get(letter_page))
        .route("/dev/mail/{id}/html", get(letter_html));
    app.raw_dev(router);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailboxQuery {
    /// Only letters to this address.
    #[serde(default)]
    to: String,
}

async fn newest(core: &Core, query: &MailboxQuery) -> Result<Vec<DevMessage>, Failure> {
    let mut door = core.store.system_read("mail: read the development mailbox").await?;
    let to = query.to.trim().to_lowercase();
    let rows: Vec<LetterRow> = door.sql_all(NEWEST.bind(to).bind(SHOWN_MAX)).await?;
    Ok(rows.into_iter().map(DevMessage::from).collect())
}

async fn one(core: &Core, id: MailId) -> Result<DevMessage, Failure> {
    let mut door = core.store.system_read("mail: read the development mailbox").await?;
    let row: Option<LetterRow> = door.sql_one(ONE.bind(id.uuid())).await?;
    Ok(row.map(DevMessage::from).ok_or(General::NotFound)?)
}

async fn list_dev_messages(ctx: Ctx, Query(query): Query<MailboxQuery>) -> Result<Done<Vec<DevMessage>>, PageFault> {
    Ok(ctx.answer(&newest(ctx.core(), &query).await?)?)
}

#[derive(askama::Template)]
#[template(path = "mailbox.html")]
struct MailboxPage {
    to: String,
    letters: Vec<DevMessage>,
}

async fn mailbox_page(ctx: Ctx, Query(query): Query<MailboxQuery>) -> Result<Html, PageFault> {
    let letters = newest(ctx.core(), &query).await?;
    Ok(ctx.plain_page("Development mailbox", &MailboxPage { to: query.to, letters })?)
}

#[derive(askama::Template)]
#[template(path = "letter.html")]
struct LetterPage {
    letter: DevMessage,
}

async fn letter_page(ctx: Ctx, Path(id): Path<MailId>) -> Result<Html, PageFault> {
    let letter = one(ctx.core(), id).await?;
    Ok(ctx.plain_page("Letter", &LetterPage { letter })?)
}

/// The letter as a mail program would show it, shut in by its own policy.
async fn letter_html(ctx: Ctx, Path(id): Path<MailId>) -> Result<Response, PageFault> {
    let letter = one(ctx.core(), id).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(LETTER_POLICY)),
    ];
    Ok((headers, letter.html).into_response())
}
