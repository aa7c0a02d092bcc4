//! Ten thousand connections at once: others are served, and memory stays under its ceiling.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::memory::{MEMORY_MAX, peak};
use crate::judge::Findings;
use crate::probe::Probe;
use crate::series::Series;
use crate::world::World;

const CONNECTIONS: usize = 10_000;
/// Connections that are made at the same time, so that the kernel's queue is not the test.
const AT_ONCE: usize = 200;
/// Source addresses: one has some 28,000 ports, and those of the last round are not free yet.
const SOURCES: usize = 8;
/// They stay for so long after the last one came.
const STAY: Duration = Duration::from_secs(2);
/// A connection that is taken is answered within this time, though thousands come at once.
const ANSWERED_MAX: Duration = Duration::from_secs(30);
/// Others are served within this time, nineteen times out of twenty.
const OTHERS_MAX: Duration = Duration::from_secs(1);
/// Connections stay open between requests here for as long as the crowd stays.
const SETTINGS: &str = "flows:\n  lease_s: 2\nserver:\n  header_read_timeout_s: 60\n";

pub async fn run(series: &mut Series) {
    let mut world = series.world_with(SETTINGS).await;
    let (mut fewest, mut worst) = (CONNECTIONS, Duration::ZERO);
    for _ in 0..series.rounds {
        let found = round(&mut world, &mut fewest, &mut worst).await;
        let found = world.judge().await.and(found);
        series.round(&world, &found);
    }
    let peak = peak(world.server.pid()) / 1024 / 1024;
    series
        .tally
        .notes
        .push(format!("{fewest} connections at once, peak {peak} MB, 95 of 100 others waited at most {} ms", worst.as_millis()));
    series.close(world).await;
}

async fn round(world: &mut World, fewest: &mut usize, worst: &mut Duration) -> Findings {
    let probe = Probe::begin(&world.cast.clerk, "/v1/customers?limit=1");
    let address = world.server.base.trim_start_matches("http://").to_owned();
    let (mut crowd, mut coming, mut failed) = (Vec::new(), JoinSet::new(), 0);
    for number in 0..CONNECTIONS {
        if coming.len() >= AT_ONCE {
            keep(coming.join_next().await, &mut crowd, &mut failed);
        }
        coming.spawn(come(address.clone(), number));
    }
    while let Some(came) = coming.join_next().await {
        keep(Some(came), &mut crowd, &mut failed);
    }
    sleep(STAY).await;
    let waits = probe.end().await;
    let mut found = Findings { broken: waits.failed.clone(), ..Findings::default() };
    *fewest = (*fewest).min(crowd.len());
    *worst = (*worst).max(waits.of_hundred(95));
    if failed > 0 {
        found.broken.push(format!("{failed} of {CONNECTIONS} connections were not answered"));
    }
    if waits.of_hundred(95) > OTHERS_MAX {
        found.broken.push(format!("others waited {} ms", waits.of_hundred(95).as_millis()));
    }
    let peak = peak(world.server.pid());
    if peak > MEMORY_MAX {
        found.broken.push(format!("{} MB at its peak", peak / 1024 / 1024));
    }
    drop(crowd);
    found
}

fn keep(came: Option<Result<Option<TcpStream>, tokio::task::JoinError>>, crowd: &mut Vec<TcpStream>, failed: &mut usize) {
    match came {
        Some(Ok(Some(stream))) => crowd.push(stream),
        Some(_) => *failed += 1,
        None => {}
    }
}

/// Comes, asks one thing, hears the answer, and stays.
async fn come(address: String, number: usize) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(format!("127.0.0.{}:0", 2 + number % SOURCES).parse().ok()?).ok()?;
    timeout(ANSWERED_MAX, async {
        let mut stream = socket.connect(address.parse().ok()?).await.ok()?;
        stream.write_all(format!("GET /livez HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.ok()?;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.ok()?;
        (&first == b"HTTP/1.1 200").then_some(stream)
    })
    .await
    .ok()?
}
