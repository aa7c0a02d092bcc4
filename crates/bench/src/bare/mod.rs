//! The server that the product is compared with: axum and sqlx with nothing around them. It answers
//! the same from the same database, by the same statements in a transaction that is pinned to one
//! organization, and knows no callers, rights, limits, log lines, figures, views or triggers.

mod customer;
mod postgres;
mod sqlite;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use chrono::Utc;
use serde::Serialize;
use uuid::Uuid;

use customer::{Customer, NewCustomer};

/// What the parent process tells the server.
#[derive(Debug, clap::Args)]
pub struct Settings {
    /// The database, as the product's `DATABASE_URL`.
    #[arg(long)]
    pub url: String,
    /// The organization whose rows are served.
    #[arg(long)]
    pub org: Uuid,
    /// A file with the bytes that `me` answers.
    #[arg(long)]
    pub me: PathBuf,
    #[arg(long)]
    pub port: u16,
}

/// Connections of the pool: the product's default.
const CONNECTIONS: u32 = 16;
/// The rows that a list shows, and one more to see whether there is a next page.
const ROWS: i64 = 21;

struct Bare {
    me: Vec<u8>,
    org: Uuid,
    rows: Rows,
}

enum Rows {
    Sqlite(sqlite::Rows),
    Postgres(postgres::Rows),
}

/// Serves until it is killed.
pub async fn serve(settings: Settings) -> Result<()> {
    let rows = match settings.url.strip_prefix("sqlite:") {
        Some(path) => Rows::Sqlite(sqlite::Rows::open(path)),
        None => Rows::Postgres(postgres::Rows::open(&settings.url)?),
    };
    let bare = Bare { me: std::fs::read(&settings.me).context("the bytes of `me`")?, org: settings.org, rows };
    let router = Router::new()
        .route("/readyz", get(|| async { "ready" }))
        .route("/v1/auth/me", get(me))
        .route("/v1/customers", get(list).post(create))
        .with_state(Arc::new(bare));
    let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
    Ok(axum::serve(socket, router).await?)
}

#[derive(Serialize)]
struct Envelope<T> {
    success: bool,
    data: T,
    error: Option<()>,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    timestamp: chrono::DateTime<Utc>,
    request_id: autorisen::kernel::RequestId,
}

fn answer<T: Serialize>(status: StatusCode, data: T) -> Result<impl IntoResponse, StatusCode> {
    let now = now();
    let full =
        Envelope { success: true, data, error: None, meta: Meta { timestamp: now, request_id: autorisen::kernel::RequestId::new(now) } };
    let body = serde_json::to_string(&full).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok((status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body))
}

#[expect(clippy::disallowed_methods, reason = "the comparison has no clock that could be moved")]
fn now() -> chrono::DateTime<Utc> {
    autorisen::kernel::clock::to_micros(Utc::now())
}

async fn me(State(bare): State<Arc<Bare>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], bare.me.clone())
}

async fn list(State(bare): State<Arc<Bare>>) -> Result<impl IntoResponse, StatusCode> {
    let found = match &bare.rows {
        Rows::Sqlite(rows) => rows.list(bare.org).await,
        Rows::Postgres(rows) => rows.list(bare.org).await,
    };
    let mut found: Vec<Customer> = found.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    found.truncate(20);
    answer(StatusCode::OK, found)
}

#[expect(clippy::disallowed_types, reason = "the comparison is axum as it comes")]
async fn create(State(bare): State<Arc<Bare>>, axum::Json(new): axum::Json<NewCustomer>) -> Result<impl IntoResponse, StatusCode> {
    let row = Customer::new(new, now());
    let kept = match &bare.rows {
        Rows::Sqlite(rows) => rows.create(bare.org, &row).await,
        Rows::Postgres(rows) => rows.create(bare.org, &row).await,
    };
    kept.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    answer(StatusCode::CREATED, row)
}
