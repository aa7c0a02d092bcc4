//! Clients that drip: a header byte by byte, a body byte by byte, an answer that nobody reads. Others
//! keep their latency, and the drips end.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::judge::Findings;
use crate::probe::Probe;
use crate::series::Series;
use crate::world::World;

/// Slow clients of each kind.
const EACH: usize = 60;
/// Short limits, so that a round is short; what is shown is that they hold.
const SETTINGS: &str = "flows:\n  lease_s: 2\nserver:\n  header_read_timeout_s: 1\n  request_timeout_s: 2\n";
const HEADER_MAX: Duration = Duration::from_secs(1);
const REQUEST_MAX: Duration = Duration::from_secs(2);
/// What a busy machine may add.
const LATE_MAX: Duration = Duration::from_secs(2);
/// One byte each.
const DRIP: Duration = Duration::from_millis(100);
/// Others are served within this time, ninety-nine times out of a hundred.
const OTHERS_MAX: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
enum Kind {
    Header,
    Body,
    Reader,
}

pub async fn run(series: &mut Series) {
    let mut world = series.world_with(SETTINGS).await;
    let (mut alone, mut beside) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..series.rounds {
        let found = round(&mut world, &mut alone, &mut beside).await;
        let found = world.judge().await.and(found);
        series.round(&world, &found);
    }
    series.tally.notes.push(format!(
        "others waited {} ms alone and {} ms beside {} slow ones (99 of 100)",
        alone.as_millis(),
        beside.as_millis(),
        3 * EACH
    ));
    series.close(world).await;
}

async fn round(world: &mut World, alone: &mut Duration, beside: &mut Duration) -> Findings {
    let quiet = Probe::begin(&world.cast.clerk, "/v1/customers?limit=1");
    sleep(Duration::from_millis(500)).await;
    *alone = (*alone).max(quiet.end().await.of_hundred(99));
    let probe = Probe::begin(&world.cast.clerk, "/v1/customers?limit=1");
    let mut drips = JoinSet::new();
    for _ in 0..EACH {
        for kind in [Kind::Header, Kind::Body, Kind::Reader] {
            drips.spawn(drip(world.server.base.trim_start_matches("http://").to_owned(), kind));
        }
    }
    let mut found = Findings::default();
    while let Some(ended) = drips.join_next().await {
        found.broken.extend(ended.expect("no client panics"));
    }
    let waits = probe.end().await;
    found.broken.extend(waits.failed.clone());
    *beside = (*beside).max(waits.of_hundred(99));
    if waits.of_hundred(99) > OTHERS_MAX {
        found.broken.push(format!("others waited {} ms", waits.of_hundred(99).as_millis()));
    }
    found
}

/// Drips until the server has had enough; says so when it never has.
async fn drip(address: String, kind: Kind) -> Option<String> {
    let mut stream = TcpStream::connect(&address).await.ok()?;
    let began = Instant::now();
    let (name, limit) = match kind {
        Kind::Header => ("header", HEADER_MAX),
        Kind::Body => ("body", REQUEST_MAX),
        // Nobody reads what was asked for; it is cut off when the client goes.
        Kind::Reader => {
            let asked = format!("GET /openapi.json HTTP/1.1\r\nhost: {address}\r\n\r\n");
            for _ in 0..20 {
                timeout(DRIP, stream.write_all(asked.as_bytes())).await.ok()?.ok()?;
            }
            sleep(REQUEST_MAX).await;
            return None;
        }
    };
    let body = "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n";
    if matches!(kind, Kind::Body) {
        stream.write_all(body.as_bytes()).await.ok()?;
    }
    let mut heard = [0; 256];
    while began.elapsed() < limit + LATE_MAX {
        let byte: &[u8] = if matches!(kind, Kind::Header) { b"G" } else { b" " };
        if stream.write_all(byte).await.is_err() {
            return None;
        }
        match timeout(DRIP, stream.read(&mut heard)).await {
            // Cut off, or told why; either is an end.
            Ok(Ok(0) | Err(_)) => return None,
            Ok(Ok(_)) => return None,
            Err(_) => {}
        }
    }
    Some(format!("a {name} that drips was still listened to after {:?}", began.elapsed()))
}
