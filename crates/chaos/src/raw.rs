//! A client without any library between it and the wire: it tells an answer that was cut off from one
//! that never came, and both from a server that does not listen.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than the server takes for anything.
const ANSWER_MAX: Duration = Duration::from_secs(35);

/// What came of one request on a connection of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nobody listened: nothing was promised.
    Refused,
    /// A whole answer with this status.
    Answered(u16, String),
    /// The connection was taken, and no whole answer came.
    Broken(String),
}

/// Sends a request on a fresh connection and reads the whole answer.
pub async fn ask(address: &str, request: &str) -> Heard {
    let Ok(stream) = TcpStream::connect(address).await else { return Heard::Refused };
    match timeout(ANSWER_MAX, exchange(stream, request)).await {
        Ok(heard) => heard,
        Err(_) => Heard::Broken("no answer in time".to_owned()),
    }
}

async fn exchange(mut stream: TcpStream, request: &str) -> Heard {
    if let Err(error) = stream.write_all(request.as_bytes()).await {
        return Heard::Broken(format!("while writing: {error}"));
    }
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer).await {
        return Heard::Broken(format!("after {} bytes: {error}", answer.len()));
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    whole(&answer).unwrap_or_else(|| Heard::Broken(format!("cut off after {} bytes", answer.len())))
}

/// The status of an answer whose body is as long as its head says.
fn whole(answer: &str) -> Option<Heard> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let is_whole = length.is_none_or(|length| body.len() == length);
    is_whole.then(|| Heard::Answered(status, body.to_owned()))
}

/// The words of a request that closes its connection.
pub fn request(method: &str, address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is_as_long_as_it_says() {
        assert_eq!(whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Some(Heard::Answered(200, "ok".into())));
        assert_eq!(whole("HTTP/1.1 204 No Content\r\n\r\n"), Some(Heard::Answered(204, String::new())));
        for torn in ["", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"] {
            assert_eq!(whole(torn), None, "{torn:?}");
        }
    }
}
