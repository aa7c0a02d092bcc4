//! What development, demo and test have besides: the movable clock (`GET` and `POST /dev/clock`), and
//! the address that a server leaves for workers beside it.

use axum::Router;
use axum::routing::get;
use chrono::Duration;
use flows::Engine;
use host::{Boot, Core, Registry, Sources};
use kernel::{At, Failure, General};
use serde::{Deserialize, Serialize};
use web::{Answer, Ctx, Done, Json, Routes as _};

/// The key under which the offset is kept, in microseconds.
const OFFSET: &str = "dev.clock_offset_us";
/// The key under which a server says where it is reached.
const PUBLIC_URL: &str = "dev.public_url";
/// The farthest that the clock may stand from the machine's: ten years, so that a slip of the
/// finger doesn't make dates that no calendar prints.
const OFFSET_MAX: Duration = Duration::days(3653);
/// Steps of due work that one move of the clock works off before it says that more is left.
const STEPS_MAX: u64 = 20_000;

/// The module that moves time.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "dev"
    }

    fn register(&self, app: &mut Registry) {
        app.raw_dev(Router::new().route("/dev/clock", get(show_clock).post(move_clock)));
    }
}

/// Sets the clock as far ahead as it was when the process ended.
pub(crate) async fn restore_clock(core: &Core) -> Result<(), Failure> {
    let system = core.store.system_read("the offset of the movable clock").await?;
    let kept = system.state(OFFSET).await?;
    if let Some(offset) = kept.and_then(|text| text.parse().ok()) {
        core.clock.set_offset(Duration::microseconds(offset));
    }
    Ok(())
}

/// Says for workers on the same database where this server is reached: the links in their mails begin
/// with it. Without it a worker still works, so a failure is only told.
pub(crate) async fn keep_public_url(core: &Core) {
    let kept = async {
        let mut system = core.store.system("where the development server is reached").await?;
        system.set_state(PUBLIC_URL, &core.public_url).await?;
        system.commit().await
    };
    if let Err(error) = kept.await {
        tracing::debug!(event = "dev.public_url_not_kept", %error, "a worker beside this server won't know where it is reached");
    }
}

/// Where the last development server on this database was reached; `None` when the settings say it,
/// when there was none, and where nothing may be guessed.
pub(crate) async fn kept_public_url(sources: &Sources) -> Option<String> {
    let prepared = Boot::new("worker", vec![]).sources(sources.clone()).examine().prepared?;
    if !prepared.environment().is_dev() || prepared.is_embedded() || prepared.settings().server.public_url.is_some() {
        return None;
    }
    // What is wrong with the database is told by whoever opens it in earnest.
    let core = prepared.open().await.ok()?;
    let kept = async { core.store.system_read("where the development server is reached").await?.state(PUBLIC_URL).await };
    let url = kept.await.ok().flatten();
    core.store.close().await;
    url
}

/// What the clock shows.
#[derive(Debug, Serialize)]
struct ClockView {
    now: At,
    /// Due work that was not finished within this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    work_left: Option<u64>,
}

/// Where the clock goes: one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveClock {
    advance_seconds: Option<i64>,
    now: Option<At>,
}

async fn show_clock(ctx: Ctx) -> Answer<ClockView, General> {
    Ok(ctx.answer(&ClockView { now: ctx.now(), work_left: None })?)
}

async fn move_clock(ctx: Ctx, Json(wanted): Json<MoveClock>) -> Answer<ClockView, General> {
    moved(&ctx, &wanted).await.map_err(Into::into)
}

async fn moved(ctx: &Ctx, wanted: &MoveClock) -> Result<Done<ClockView>, Failure> {
    let core = ctx.core();
    let target = target(core, wanted)?;
    // Kept before the clock moves: if the process ends on the way, time goes on from the target and
    // never back to where it was.
    keep_offset(core, core.clock.offset() + (target - core.clock.now())).await?;
    // Whatever falls due on the way happens at its own time.
    let left = core.parts.get::<Engine>().run_until(core, target, STEPS_MAX).await?;
    ctx.answer(&ClockView { now: core.clock.now(), work_left: (left.due > 0).then_some(left.due) })
}

async fn keep_offset(core: &Core, offset: Duration) -> Result<(), Failure> {
    let mut system = core.store.system("the offset of the movable clock").await?;
    system.set_state(OFFSET, &offset.num_microseconds().unwrap_or_default().to_string()).await?;
    Ok(system.commit().await?)
}

fn target(core: &Core, wanted: &MoveClock) -> Result<At, Failure> {
    let by = match (wanted.advance_seconds, wanted.now) {
        (Some(seconds), None) => Duration::try_seconds(seconds).ok_or_else(|| Failure::field("advance_seconds", "is too large"))?,
        (None, Some(to)) => to - core.clock.now(),
        _ => return Err(Failure::field("advance_seconds", "give either `advance_seconds` or `now`")),
    };
    if (core.clock.offset() + by).abs() > OFFSET_MAX {
        return Err(Failure::field("advance_seconds", "would take the clock more than ten years away"));
    }
    Ok(core.clock.now() + by)
}
