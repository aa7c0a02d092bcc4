//! HTTP/2 with prior knowledge, in frames written by hand.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::app;
use crate::said::{PATIENCE, connect};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// No byte of a body may be sent on any stream until its reader says so (SETTINGS_INITIAL_WINDOW_SIZE).
const WINDOWS_SHUT: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
/// The type of a frame with headers.
pub(crate) const HEADERS: u8 = 1;
/// `:status: 200` in the static table of HPACK (RFC 7541, appendix A), with the bit of an index.
pub(crate) const STATUS_200: u8 = 0x80 | 8;

/// A request for this path on the first stream.
fn asks(path: &str) -> Vec<u8> {
    // :method GET, :scheme http, :path, :authority; END_STREAM and END_HEADERS.
    let length = u8::try_from(path.len()).expect("short");
    let block = [&[0x82, 0x86, 0x44, length][..], path.as_bytes(), &[0x41, 9], b"localhost"].concat();
    [&[0, 0, u8::try_from(block.len()).expect("short"), HEADERS, 0x05, 0, 0, 0, 1][..], &block].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_served() {
    let app = app().await;
    let mut socket = connect(&app).await;
    let frame = asks("/livez");
    // The preface in two parts: what it is shows only at its end.
    socket.write_all(&PREFACE[..10]).await.expect("it reads");
    socket.write_all(&[&PREFACE[10..], EMPTY_SETTINGS, &frame].concat()).await.expect("it reads");
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.expect("a frame");
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        socket.read_exact(&mut payload).await.expect("its payload");
        if head[3] == HEADERS {
            assert_eq!(payload[0], STATUS_200, "{payload:?}");
            break;
        }
    }
    drop(socket);
    app.finish().await;
}

/// A short answer and a long one, of which nothing is ever taken while the connection itself is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_whose_window_stays_shut_is_not_kept() {
    let app = app().await;
    for path in ["/livez", "/openapi.json"] {
        let mut socket = connect(&app).await;
        socket.write_all(&[PREFACE, WINDOWS_SHUT, &asks(path)].concat()).await.expect("it reads");
        let mut came = vec![];
        let ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut came)).await;
        ended.expect("the connection ends").ok();
        assert!(came.len() < 2_000, "only heads were sent, not {} bytes", came.len());
    }
    app.finish().await;
}
