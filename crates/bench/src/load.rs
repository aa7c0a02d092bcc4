//! The client: keep-alive connections that each send a request, read its answer to the end, and send
//! the next. It speaks only as much HTTP/1.1 as our answers need, so that little of the machine goes
//! into it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer that takes longer means that the row has failed.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a server answers that has too much to do.
const BUSY: u16 = 503;
/// Bytes that a connection reads at once: a page of customers fits.
const BUFFER_BYTES: usize = 16 * 1024;

/// Writes the request with this number; every number is asked for once.
pub type Write<'a> = &'a dyn Fn(u64) -> Vec<u8>;

/// What came of a span of load.
#[derive(Debug, Default, Clone)]
pub struct Outcome {
    pub wall: Duration,
    /// Sorted.
    pub latencies: Vec<Duration>,
    pub statuses: BTreeMap<u16, u64>,
    /// The first refusal, for whoever looks for the reason.
    pub refusal: Option<String>,
}

impl Outcome {
    pub fn requests(&self) -> usize {
        self.latencies.len()
    }

    pub fn per_second(&self) -> f64 {
        self.requests() as f64 / self.wall.as_secs_f64()
    }

    /// The share of the requests that were turned away because there was too much to do.
    pub fn turned_away(&self) -> f64 {
        self.statuses.get(&BUSY).copied().unwrap_or(0) as f64 / self.requests().max(1) as f64
    }

    /// The latency that this share of the requests stayed within, in milliseconds.
    pub fn within_ms(&self, share: f64) -> f64 {
        let place = ((self.requests() as f64 * share).ceil() as usize).clamp(1, self.requests().max(1)) - 1;
        self.latencies.get(place).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
    }

    /// Fails when any answer was not the expected one, or that of a server with too much to do: another
    /// refusal costs little and says nothing.
    pub fn all(self, status: u16) -> Result<Self> {
        ensure!(
            self.statuses.keys().all(|seen| [status, BUSY].contains(seen)),
            "expected only {status}, got {:?}: {:?}",
            self.statuses,
            self.refusal
        );
        Ok(self)
    }
}

/// When a connection stops sending.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this long, counted from when all are connected.
    Passed(Duration),
    /// After this many requests of its own.
    Count(u64),
}

/// Drives `connections` until each of them is done. Request numbers begin at `first`.
pub async fn drive(at: SocketAddr, connections: u64, until: Until, first: u64, write: Write<'_>) -> Result<Outcome> {
    let mut lines = Vec::new();
    for _ in 0..connections {
        lines.push(Line::open(at).await?);
    }
    let began = Instant::now();
    let talks = lines.into_iter().zip(0..).map(|(line, place)| line.converse(until, first + place, connections, write));
    let talks = try_join_all(talks).await?;
    let mut outcome = Outcome { wall: began.elapsed(), ..Outcome::default() };
    for talk in talks {
        for (latency, status) in talk.samples {
            outcome.latencies.push(latency);
            *outcome.statuses.entry(status).or_default() += 1;
        }
        outcome.refusal = outcome.refusal.or(talk.refusal);
    }
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

/// What one connection saw.
#[derive(Default)]
struct Talk {
    samples: Vec<(Duration, u16)>,
    refusal: Option<String>,
}

/// One connection.
pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub async fn open(at: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(at).await.with_context(|| format!("nobody listens at {at}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    async fn converse(mut self, until: Until, first: u64, step: u64, write: Write<'_>) -> Result<Talk> {
        self.buffer.reserve(BUFFER_BYTES);
        let mut talk = Talk::default();
        let (mut number, started) = (first, Instant::now());
        loop {
            match until {
                Until::Passed(span) if started.elapsed() >= span => break,
                Until::Count(count) if talk.samples.len() as u64 >= count => break,
                _ => {}
            }
            let request = write(number);
            number += step;
            let began = Instant::now();
            let (status, body) = self.ask(&request).await?;
            talk.samples.push((began.elapsed(), status));
            if status >= 400 && talk.refusal.is_none() {
                talk.refusal = Some(String::from_utf8_lossy(body).into_owned());
            }
        }
        Ok(talk)
    }

    /// Sends a request and reads its answer: the status, and where the body stands in the buffer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        let body = tokio::time::timeout(PATIENCE, self.exchange(request)).await.context("no answer in time")??;
        let status = std::str::from_utf8(self.buffer.get(9..12).context("an answer without a status")?)?.parse()?;
        Ok((status, &self.buffer[body]))
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<std::ops::Range<usize>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut head: Option<(usize, usize)> = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if head.is_none() {
                head = head_of(&self.buffer)?;
            }
            if let Some((begin, bytes)) = head
                && self.buffer.len() >= begin + bytes
            {
                return Ok(begin..begin + bytes);
            }
        }
    }
}

/// Where the body begins and how long it is, once the head is there.
fn head_of(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    Ok(Some((end + 4, length.context("an answer without a length")?)))
}

/// A request with a token and without a body.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\naccept: application/json\r\n\r\n").into_bytes()
}

/// A request with a JSON body.
pub fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    let proof = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{proof}accept: application/json\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_begins_after_the_head_and_has_the_length_it_says() {
        assert_eq!(head_of(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        assert_eq!(head_of(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap(), Some((38, 2)));
        assert!(head_of(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn a_share_is_read_off_the_sorted_latencies() {
        let latencies = (1..=100).map(Duration::from_millis).collect();
        let outcome = Outcome { latencies, ..Outcome::default() };
        assert_eq!((outcome.within_ms(0.5), outcome.within_ms(0.99), outcome.within_ms(1.0)), (50.0, 99.0, 100.0));
    }
}
