use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn telemetry() -> Telemetry {
    Telemetry {
        app: "bookshop",
        environment: Environment::Test,
        level: "info".into(),
        format: LogFormat::Json,
        stream: Stream::Stdout,
        colour: false,
        clock: Clock::standing("2026-03-01T12:00:00Z".parse().expect("an instant")),
    }
}

fn logged(json: bool, work: impl FnOnce()) -> String {
    let kept = Kept::default();
    let layer = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).with_writer(kept.clone());
    let layer: Box<dyn Layer<Registry> + Send + Sync> = if json {
        layer.event_format(JsonLines::new(&telemetry())).boxed()
    } else {
        layer.event_format(TextLines::new(&telemetry(), true)).boxed()
    };
    tracing::subscriber::with_default(Registry::default().with(layer), work);
    String::from_utf8(kept.0.lock().expect("not poisoned").clone()).expect("UTF-8")
}

fn one_request() {
    let span = tracing::info_span!("http", request_id = "req_1", route = "hidden");
    let _entered = span.enter();
    let user: Option<&str> = None;
    tracing::info!(
        target: "http", event = "http.request", method = "GET", path = "/v1/customers/{id}", status_code = 200, duration_ms = 3.5,
        user_id = user, org_id = "org_1", surplus = true, "ended"
    );
}

#[test]
fn a_requests_line_has_exactly_its_fields() {
    let expected = concat!(
        r#"{"event":"http.request","timestamp":"2026-03-01T12:00:00.000000Z","level":"info","logger":"http","request_id":"req_1","#,
        r#""method":"GET","path":"/v1/customers/{id}","status_code":200,"duration_ms":3.5,"user_id":null,"org_id":"org_1","#,
        r#""app":"bookshop","environment":"test"}"#,
        "\n"
    );
    assert_eq!(logged(true, one_request), expected);
}

#[test]
fn any_other_line_keeps_its_message_and_its_fields() {
    let line = logged(true, || {
        let span = tracing::info_span!("http", request_id = "req_1");
        let _entered = span.enter();
        tracing::warn!(event = "mail.refused", attempts = 2, app = "forged", "the server said\r\n\u{1b}[31mno");
    });
    assert_eq!(line.lines().count(), 1);
    let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(read["event"], "mail.refused");
    assert_eq!(read["message"], "the server said\r\n\u{1b}[31mno");
    assert_eq!((&read["attempts"], &read["request_id"]), (&2.into(), &"req_1".into()));
    assert_eq!(read["app"], "bookshop");
    let plain: serde_json::Value = serde_json::from_str(&logged(true, || tracing::info!("ready"))).expect("JSON");
    assert_eq!((&plain["event"], &plain["message"]), (&"ready".into(), &serde_json::Value::Null));
}

#[test]
fn text_is_one_line_without_control_characters() {
    assert_eq!(logged(false, one_request), "12:00:00.000 INFO  200 GET /v1/customers/{id} 3.5 ms\n");
    let line = logged(false, || tracing::warn!(event = "mail.refused", to = "x\ny", "no\u{1b}[31m"));
    assert_eq!(line, "12:00:00.000 WARN  mail.refused: no\\u{1b}[31m to=x\\ny\n");
}

#[test]
fn a_level_that_is_none_is_refused() {
    assert!(filter("info,recovery=debug").is_ok());
    assert!(filter("lots").is_err_and(|why| why.starts_with("expected error, warn")));
}
