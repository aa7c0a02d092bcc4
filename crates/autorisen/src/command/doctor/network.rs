//! What is reached over the network: our own port, and where mail goes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use host::{Prepared, Problem};
use mail::Knock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::Finding;
use super::is_in_doubt;

const PORT: &str = "port";
const MAIL: &str = "mail";
const VALKEY: &str = "valkey";
/// A server on this machine answers at once, or is no server of ours.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// A mail server greets slowly on purpose, to annoy those who send spam.
const GREETING_MAX: Duration = Duration::from_secs(20);

/// The port is free, or held by a server of ours that runs already.
pub(super) async fn port(prepared: &Prepared, problems: &[Problem]) -> Finding {
    if is_in_doubt(problems, "server.listen") || is_in_doubt(problems, "server.port") {
        return Finding::skipped(PORT, "the settings of the server have to be mended first");
    }
    let server = &prepared.settings().server;
    let at = SocketAddr::new(server.listen, server.port);
    let Err(wrong) = TcpListener::bind(at) else { return Finding::ok(PORT, format!("{at} is free")) };
    if wrong.kind() != std::io::ErrorKind::AddrInUse {
        let hint = "choose another address with server.listen, or another port with server.port";
        return Finding::fault(PORT, format!("can't listen on {at}: {wrong}")).hint(hint);
    }
    if is_alive(at).await {
        return Finding::ok(PORT, format!("a server answers at {at} already"));
    }
    let holder = web::holder_of_port(server.port).map(|who| format!(" by {who}")).unwrap_or_default();
    Finding::fault(PORT, format!("{at} is taken{holder}")).hint("stop it, or choose another port with server.port or PORT")
}

/// Whether a server of ours answers there.
async fn is_alive(at: SocketAddr) -> bool {
    let here: IpAddr = if at.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let at = if at.ip().is_unspecified() { SocketAddr::new(here, at.port()) } else { at };
    let ask = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(format!("GET /livez HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(ANSWER_MAX, ask).await;
    matches!(answer, Ok(Ok(text)) if text.starts_with("HTTP/1.1 200") && text.ends_with("{\"status\":\"ok\"}"))
}

/// The server that processes share answers. Without it each counts for itself, so it is never a fault.
pub(super) async fn valkey(prepared: &Prepared, problems: &[Problem]) -> Option<Finding> {
    if is_in_doubt(problems, "valkey.") {
        return Some(Finding::skipped(VALKEY, "the settings of Valkey have to be mended first"));
    }
    let valkey = prepared.valkey()?;
    Some(match valkey.knock().await {
        Ok(()) => Finding::ok(VALKEY, "it answers in time"),
        Err(why) => Finding::warning(VALKEY, format!("it does not answer, and each process has its own counts: {why}"))
            .hint("autorisen config explain valkey.url; does it run? `valkey-cli ping` asks it"),
    })
}

/// Somebody takes letters.
pub(super) async fn mail(prepared: &Prepared, problems: &[Problem]) -> Finding {
    if is_in_doubt(problems, "mail.") {
        return Finding::skipped(MAIL, "the settings of mail have to be mended first");
    }
    let is_real = !prepared.environment().is_dev();
    match timeout(GREETING_MAX, mail::knock(prepared.registry())).await {
        Ok(Knock::Answers(who)) => Finding::ok(MAIL, format!("{who} answers")),
        Ok(Knock::DevMailbox) => Finding::ok(MAIL, "letters go to the mailbox at /dev/mail"),
        Ok(Knock::Nowhere) => Finding::warning(MAIL, "letters are kept and wait: nothing says where they go")
            .hint("set mail.smtp_url (SMTP_URL), or mail.gateway_url with its key and secret"),
        Ok(Knock::Away(why)) => away(is_real, why),
        Err(_) => away(is_real, "no answer in time".to_owned()),
    }
}

fn away(is_real: bool, why: String) -> Finding {
    let hint = "autorisen config explain mail.smtp_url; look for a firewall, a wrong port (587, 465) or a wrong password";
    Finding::serious_if(is_real, MAIL, why).hint(hint)
}
