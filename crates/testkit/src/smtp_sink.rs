//! A mail server that answers as a story wants, and remembers what it took.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A mail server on loopback, ended on drop.
pub struct SmtpSink {
    /// As `mail.smtp_url` takes it.
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    server: AbortHandle,
}

#[derive(Default)]
struct Seen {
    /// Answers to the next recipients; afterwards all are welcome.
    answers: VecDeque<&'static str>,
    recipients: usize,
    messages: Vec<String>,
}

impl SmtpSink {
    /// `answers` are for the first recipients, such as `451 later`.
    pub async fn start(answers: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Seen { answers: answers.iter().copied().collect(), ..Seen::default() }));
        let shared = seen.clone();
        let mut tasks = tokio::task::JoinSet::new();
        let server = tasks.spawn(async move {
            // Clients keep their connections open, so several are talked to at a time.
            let mut talks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                talks.spawn(async move { talk(stream, &shared).await });
            }
        });
        tasks.detach_all();
        Self { url, seen, server }
    }

    /// The messages that were taken, as they came over the wire.
    pub fn messages(&self) -> Vec<String> {
        self.seen.lock().expect("no holder of this lock panics").messages.clone()
    }

    /// Recipients that were named, welcome or not.
    pub fn recipients(&self) -> usize {
        self.seen.lock().expect("no holder of this lock panics").recipients
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// RFC 5321 as far as a client needs it.
async fn talk(stream: TcpStream, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250 sink",
            "RCPT" => {
                let mut seen = seen.lock().expect("no holder of this lock panics");
                seen.recipients += 1;
                seen.answers.pop_front().unwrap_or("250 welcome")
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut message = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    message.push_str(&line);
                    message.push('\n');
                }
                seen.lock().expect("no holder of this lock panics").messages.push(message);
                "250 taken"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}
