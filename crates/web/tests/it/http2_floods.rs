//! Frames that nobody honest sends, by the thousand: what is not allowed ends the connection, what is
//! allowed is bounded, and others are served all the while. The floods are those of CVE-2023-44487
//! (rapid reset), RUSTSEC-2024-0332 (CONTINUATION), RUSTSEC-2026-0258 (empty DATA), CVE-2019-9512
//! (PING) and CVE-2019-9515 (SETTINGS).

use testkit::TestApp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app;
use crate::http2::{EMPTY_SETTINGS, HEADERS, PREFACE, STATUS_200};
use crate::said::{PATIENCE, connect};

const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// The flag of an answer to a PING or to SETTINGS.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Bytes of a PING.
const PING_BYTES: usize = 17;
/// Frames of one flood: hundreds of times what a browser sends in a minute.
const FRAMES: u32 = 20_000;
/// Frames that come to whoever only greets: our settings, the nod to theirs, a window, and a goodbye.
const GREETING_FRAMES_MAX: usize = 8;
/// `:status: 431` as it is packed: the name by its index (RFC 7541, 6.2.1), the digits by Huffman's code.
const STATUS_431: &[u8] = &[0x48, 0x83, 0x69, 0x90, 0xff];
/// Bytes that are taken from somebody who reads no answers: what fits into the buffers of the system, in
/// both directions, and into ours.
const TAKEN_MAX: usize = 16 * 1024 * 1024;

/// One frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a GET of `/livez`.
fn head() -> Vec<u8> {
    [&[0x82, 0x86, 0x44, 6][..], b"/livez", &[0x41, 9], b"localhost"].concat()
}

/// A head that says that a body follows.
fn post() -> Vec<u8> {
    [&[0x83, 0x86, 0x44, 14][..], b"/v1/auth/login", &[0x41, 9], b"localhost"].concat()
}

/// A frame that came back.
#[derive(Debug)]
struct Back {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// The whole frames at the front of what came.
fn frames(mut bytes: &[u8]) -> Vec<Back> {
    let mut all = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        all.push(Back { kind: head[3], flags: head[4], stream, payload: payload.to_vec() });
        bytes = rest;
    }
    all
}

/// What came of a flood.
#[derive(Debug)]
struct Came {
    frames: Vec<Back>,
    closed: bool,
}

impl Came {
    /// The code of the first GOAWAY, if one came.
    fn goodbye(&self) -> Option<u32> {
        let code = |payload: &[u8]| payload.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
        self.frames.iter().find(|frame| frame.kind == GOAWAY).and_then(|frame| code(&frame.payload))
    }

    fn count(&self, which: impl Fn(&Back) -> bool) -> usize {
        self.frames.iter().filter(|frame| which(frame)).count()
    }

    /// What it was, without what may be thousands.
    fn brief(&self) -> String {
        format!(
            "closed: {}, goodbye: {:?}, {} frames, first {:?}",
            self.closed,
            self.goodbye(),
            self.frames.len(),
            self.frames.iter().take(8).collect::<Vec<_>>()
        )
    }
}

/// Sends a flood after the preface, reads what comes meanwhile, and looks whether others are served.
async fn flood(app: &TestApp, flooding: &[u8]) -> Came {
    let socket = connect(app).await;
    let (mut reads, mut writes) = socket.into_split();
    let sent = [PREFACE, EMPTY_SETTINGS, flooding].concat();
    let mut came = vec![];
    // A server that has had enough stops reading. Our side stays open until it has said all.
    let writing = tokio::time::timeout(PATIENCE / 2, writes.write_all(&sent));
    let reading = tokio::time::timeout(PATIENCE / 2, reads.read_to_end(&mut came));
    let (_, ended) = tokio::join!(writing, reading);
    assert_eq!(app.nobody().get("/livez").await.status, 200, "others are served");
    Came { frames: frames(&came), closed: ended.is_ok() }
}

/// `FRAMES` frames, each made of its number.
fn many(frame: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..FRAMES).flat_map(frame).collect()
}

/// Ends with an error of the protocol.
async fn is_ended(what: &str, frames: Vec<u8>) {
    let app = app().await;
    let came = flood(&app, &frames).await;
    assert!(came.closed && came.goodbye() != Some(0), "{what}: {}", came.brief());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_never_end_end_the_connection() {
    // RUSTSEC-2024-0332: a head in pieces, none of which is the last.
    let begin = frame(HEADERS, END_STREAM, 1, &head());
    let field = [&[0x40, 1][..], b"a", &[100], &[b'x'; 100]].concat();
    is_ended("CONTINUATION", [begin.clone(), many(|_| frame(CONTINUATION, 0, 1, &field))].concat()).await;
    is_ended("empty CONTINUATION", [begin, many(|_| frame(CONTINUATION, 0, 1, &[]))].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_taken_back_at_once_end_the_connection() {
    // CVE-2023-44487.
    let both = |number: u32| {
        let stream = 2 * number + 1;
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, &head()), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    is_ended("rapid reset", many(both)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_nothing_do_not_go_on_for_ever() {
    let app = app().await;
    let begin = frame(HEADERS, END_HEADERS, 1, &post());
    let came = flood(&app, &[begin, many(|_| frame(DATA, 0, 1, &[]))].concat()).await;
    let answers = came.count(|back| back.kind == HEADERS && back.stream == 1);
    assert!(answers <= 1 && (came.closed || answers == 1), "{}", came.brief());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_that_nobody_waits_for_are_bounded() {
    for (what, answered_by, flooding) in [
        ("PING", Some(PING), many(|number| frame(PING, 0, 0, &u64::from(number).to_be_bytes()))),
        ("SETTINGS", Some(SETTINGS), many(|_| frame(SETTINGS, 0, 0, &[]))),
        ("WINDOW_UPDATE", None, many(|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]))),
        ("PRIORITY", None, many(|number| frame(2, 0, 2 * number + 1, &[0, 0, 0, 0, 1]))),
        ("unknown frames", None, many(|_| frame(0xfa, 0, 0, &[0; 100]))),
    ] {
        let app = app().await;
        let came = flood(&app, &flooding).await;
        // Each question has one answer of its own kind, and to what is none nobody says anything.
        let is_answer = |back: &Back| answered_by == Some(back.kind) && back.flags & ACK == ACK;
        let (answers, others) = (came.count(is_answer), came.count(|back| !is_answer(back)));
        assert!(answers <= FRAMES as usize + 1 && others <= GREETING_FRAMES_MAX, "{what}: {others} others; {}", came.brief());
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_to_questions_are_not_kept_for_who_does_not_read() {
    let app = app().await;
    let mut socket: TcpStream = connect(&app).await;
    let pings = many(|number| frame(PING, 0, 0, &u64::from(number).to_be_bytes()));
    socket.write_all(&[PREFACE, EMPTY_SETTINGS].concat()).await.expect("it reads");
    let mut taken = 0;
    // Sooner or later nothing is taken any more, or the connection ends.
    while let Ok(Ok(more)) = tokio::time::timeout(PATIENCE / 5, socket.write(&pings[taken % PING_BYTES..])).await {
        taken += more;
        assert!(taken < TAKEN_MAX, "{taken} bytes of questions were taken from somebody who reads no answer");
    }
    assert_eq!(app.nobody().get("/livez").await.status, 200, "others are served");
    drop(socket);
    app.finish().await;
}

/// A head that names the same field of 4,000 bytes again and again, for a byte each (an "HPACK bomb").
fn bomb(times: usize) -> Vec<u8> {
    let field = [&[0x40, 1][..], b"b", &[0x7f, 0x81, 0x1e], &[b'y'; 3968]].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &[head(), field, vec![0xbe; times]].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_fills_the_memory_ends_the_connection() {
    is_ended("1.6 MB out of four thousand bytes", bomb(400)).await;
}

/// Half as much again as a head may have: no attack, perhaps, and so no reason to drop other requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_too_long_is_refused_and_its_connection_goes_on() {
    let app = app().await;
    let asked = [bomb(22), frame(HEADERS, END_STREAM | END_HEADERS, 3, &head())].concat();
    let mut socket = connect(&app).await;
    socket.write_all(&[PREFACE, EMPTY_SETTINGS, &asked].concat()).await.expect("it reads");
    let mut came = vec![];
    while !frames(&came).iter().any(|back| back.kind == HEADERS && back.stream == 3) {
        let read = tokio::time::timeout(PATIENCE, socket.read_buf(&mut came)).await.expect("an answer").expect("the connection goes on");
        assert!(read > 0, "it was closed after {:?}", frames(&came));
    }
    let back = frames(&came);
    let of = |stream: u32, kind: u8| back.iter().find(|back| back.stream == stream && back.kind == kind).map(|back| &back.payload[..]);
    let is_refused = of(1, HEADERS).is_some_and(|head| head.starts_with(STATUS_431)) || of(1, RST_STREAM).is_some();
    assert!(is_refused && of(1, DATA).is_none(), "{back:?}");
    assert_eq!(of(3, HEADERS).and_then(|head| head.first()), Some(&STATUS_200), "{back:?}");
    assert!(of(0, GOAWAY).is_none(), "{back:?}");
    drop(socket);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_none_end_the_connection() {
    for (what, wrong) in [
        ("a frame that is too long", frame(DATA, 0, 1, &vec![0; 20_000])),
        ("data on no stream", frame(DATA, 0, 0, b"x")),
        ("data on a stream that nobody opened", frame(DATA, 0, 1, b"x")),
        ("an even stream", frame(HEADERS, END_STREAM | END_HEADERS, 2, &head())),
        ("settings on a stream", frame(SETTINGS, 0, 1, &[])),
        ("half a setting", frame(SETTINGS, 0, 0, &[0, 4, 0])),
        ("a ping of seven bytes", frame(PING, 0, 0, &[0; 7])),
        ("a window of nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a piece of no head", frame(CONTINUATION, END_HEADERS, 1, &head())),
        ("a head that cannot be unpacked", frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 40])),
        ("settings inside a head", [frame(HEADERS, END_STREAM, 1, &head()), frame(SETTINGS, 0, 0, &[])].concat()),
    ] {
        is_ended(what, wrong).await;
    }
}

/// No frame at all, and a beginning that is almost the right one: HTTP/1 reads it, and refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_beginning_is_no_beginning() {
    let app = app().await;
    for wrong in [&b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"[..], b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", b"PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut socket = connect(&app).await;
        socket.write_all(wrong).await.expect("it reads");
        let mut came = vec![];
        let ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut came)).await;
        assert!(ended.is_ok() && !came.windows(7).any(|seen| seen == b"200 OK\r"), "{}", String::from_utf8_lossy(&came));
    }
    assert_eq!(app.nobody().get("/livez").await.status, 200);
    app.finish().await;
}
