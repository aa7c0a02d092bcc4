//! Wrong input, for every operation: what is not JSON, not known, not of its kind, too large; and for
//! no operation: what is not there. Each refusal has the envelope, and problem+json for who asks.

use reqwest::Method;
use testkit::{Answer, Client, TestEngine, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bodies::body;
use crate::operations::{Operation, document, operations};
use crate::world::World;

/// Above the largest body that is accepted.
const TOO_LARGE: usize = 3 * 1024 * 1024;

struct Walk {
    world: World,
}

impl Walk {
    /// Whoever may do all; public operations don't mind.
    fn who(&self) -> &Client {
        &self.world.alice
    }

    fn path(&self, operation: &Operation) -> String {
        operation.path_parameters().iter().fold(operation.path.clone(), |path, it| {
            let id = self.world.samples.get(it.prefix.as_deref().unwrap_or_default()).unwrap_or(&self.world.reference);
            path.replace(&format!("{{{}}}", it.name), id)
        })
    }

    async fn send(&self, operation: &Operation, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.who().request(operation.method.clone(), &self.path(operation));
        self.who().send(request.header("content-type", kind).body(body)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_body_is_refused_alike() {
    let walk = Walk { world: World::new(TestEngine::Sqlite).await };
    let before = walk.world.app.rows_of(walk.world.acme).await;
    for operation in operations(&document(&walk.world.app).await).iter().filter(|it| it.body().is_some()) {
        let good = body(operation, "input").expect("what takes a body has one here");
        malformed(&walk, operation, &good).await;
        fields(&walk, operation, &good).await;
        // This one reads its body, if there is any, whatever it is called.
        if operation.id != "logout" {
            kinds(&walk, operation, &good).await;
        }
    }
    walk.world.is_unchanged(&before, "a refused body").await;
    walk.world.app.finish().await;
}

#[track_caller]
fn refused(operation: &Operation, what: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{operation}: {what}: {}", answer.text);
    assert_eq!(answer.body["success"], false, "{operation}: {what}: {}", answer.text);
    assert_eq!(answer.body["data"], Value::Null, "{operation}: {what}");
    assert!(
        answer.body["meta"]["request_id"].is_string() && answer.header("content-type").starts_with("application/json"),
        "{operation}: {what}"
    );
}

async fn malformed(walk: &Walk, operation: &Operation, good: &Value) {
    for wrong in ["{", "{,}", "NaN", "\u{feff}{}"] {
        let answer = walk.send(operation, "application/json", wrong.to_owned()).await;
        refused(operation, wrong.get(..10).unwrap_or(wrong), &answer, 400, "malformed_request");
    }
    let twice = walk.send(operation, "application/json", format!("{good} {good}")).await;
    refused(operation, "two documents", &twice, 400, "malformed_request");
    // serde would read a struct from a list, too; our bodies are objects.
    let list: Vec<_> = good.as_object().into_iter().flatten().map(|(_, value)| value.clone()).collect();
    let listed = walk.send(operation, "application/json", json!(list).to_string()).await;
    assert!(matches!(listed.status, 400 | 422), "{operation} takes a list: {} {}", listed.status, listed.text);
    assert_eq!(announced(walk, operation, TOO_LARGE).await, 413, "{operation}: a body of {TOO_LARGE} bytes");
}

/// The answer to a body that is announced and not sent: whoever is too large is told before.
async fn announced(walk: &Walk, operation: &Operation, bytes: usize) -> u16 {
    let address = walk.world.app.base.trim_start_matches("http://");
    let token = walk.who().token.as_deref().expect("somebody is signed in");
    let head = format!(
        "{} {} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {bytes}\r\nconnection: close\r\n\r\n",
        operation.method,
        walk.path(operation),
    );
    let mut socket = TcpStream::connect(address).await.expect("the application listens");
    socket.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.expect("it answers");
    String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

async fn kinds(walk: &Walk, operation: &Operation, good: &Value) {
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=utf-16"] {
        let answer = walk.send(operation, kind, good.to_string()).await;
        refused(operation, kind, &answer, 415, "unsupported_media_type");
    }
}

/// Unknown, missing, of another kind: 422, and the field is named.
async fn fields(walk: &Walk, operation: &Operation, good: &Value) {
    let post = async |body: &Value| walk.send(operation, "application/json", body.to_string()).await;
    let mut unknown = good.clone();
    unknown["no_such_field"] = 1.into();
    named(operation, "no_such_field", &post(&unknown).await);
    let schema = operation.body().expect("asked for");
    for (field, says) in schema["properties"].as_object().into_iter().flatten() {
        let mut wrong = good.clone();
        wrong[field] = of_another_kind(says);
        named(operation, field, &post(&wrong).await);
    }
    for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut missing = good.clone();
        missing.as_object_mut().expect("an object").remove(field);
        named(operation, field, &post(&missing).await);
    }
}

/// A value that no reading takes for the right one.
fn of_another_kind(says: &Value) -> Value {
    let text = says.to_string();
    if text.contains("\"boolean\"") {
        json!("perhaps")
    } else if text.contains("\"array\"") {
        json!({"a": "b"})
    } else {
        json!([[true]])
    }
}

#[track_caller]
fn named(operation: &Operation, field: &str, answer: &Answer) {
    // Whoever may not sign out without a body may not with a strange one either.
    if operation.id == "logout" {
        assert_eq!(answer.status, 400, "{operation}: {field}: {}", answer.text);
        return;
    }
    refused(operation, field, answer, 422, "validation_failed");
    let fields = answer.body["error"]["fields"].as_object().into_iter().flatten();
    let about = fields
        .filter(|(name, _)| name.as_str() == field || name.starts_with(&format!("{field}.")) || name.starts_with(&format!("{field}[")))
        .count();
    assert!(about > 0, "{operation}: `{field}` is not named: {}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_address_is_refused_alike() {
    let walk = Walk { world: World::new(TestEngine::Sqlite).await };
    let all = operations(&document(&walk.world.app).await);
    for operation in &all {
        unknown_parameters(&walk, operation).await;
        unknown_ids(&walk, operation).await;
    }
    wrong_methods(&walk, &all).await;
    let answer = walk.who().get("/v1/no-such-thing").await;
    answer.refused(404, "not_found");
    for (path, kind) in [("/no-such-page", "text/html"), ("/v1/no-such-thing", "application/problem+json")] {
        let client = walk.world.app.nobody().with_header("accept", kind);
        let answer = client.get(path).await;
        assert!(answer.status == 404 && answer.header("content-type").starts_with(kind), "{path}: {}", answer.text);
    }
    walk.world.app.finish().await;
}

/// A misspelt parameter must not be taken for none.
async fn unknown_parameters(walk: &Walk, operation: &Operation) {
    if operation.parameters().any(|parameter| parameter["in"] == "query") {
        let request = walk.who().request(operation.method.clone(), &walk.path(operation)).query(&[("no_such_parameter", "1")]);
        named(operation, "no_such_parameter", &walk.who().send(request).await);
        for parameter in
            operation.parameters().filter(|parameter| parameter["in"] == "query" && parameter["schema"].to_string().contains("\"integer\""))
        {
            let name = parameter["name"].as_str().unwrap_or_default();
            for wrong in ["many", "-1", "1000000"] {
                let request = walk.who().request(operation.method.clone(), &walk.path(operation)).query(&[(name, wrong)]);
                named(operation, name, &walk.who().send(request).await);
            }
        }
    }
}

/// Well formed and of nobody, of another kind, or no id at all: there is no such thing.
async fn unknown_ids(walk: &Walk, operation: &Operation) {
    for parameter in operation.path_parameters() {
        let Some(prefix) = parameter.prefix else { continue };
        for wrong in
            [format!("{prefix}_00000000000000000000000000"), "1".to_owned(), walk.world.samples.get("usr").expect("a sample").to_owned()]
        {
            let path = operation.path.replace(&format!("{{{}}}", parameter.name), &wrong);
            let request = walk.who().request(operation.method.clone(), &path);
            let request = match body(operation, "input") {
                Some(body) => request.json(&body),
                None => request,
            };
            let answer = walk.who().send(request).await;
            assert_eq!((answer.status, &answer.body["success"]), (404, &json!(false)), "{operation} with {wrong}: {}", answer.text);
        }
    }
}

async fn wrong_methods(walk: &Walk, all: &[Operation]) {
    for operation in all {
        let offered: Vec<_> = all.iter().filter(|other| other.path == operation.path).map(|other| other.method.as_str()).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|method| !offered.contains(method)) {
            let request = walk.who().request(method.parse::<Method>().expect("a method"), &walk.path(operation));
            walk.who().send(request).await.refused(405, "method_not_allowed");
        }
    }
}

/// The same facts in the words of RFC 9457, from the same table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_problem_json_gets_it() {
    let world = World::new(TestEngine::Sqlite).await;
    for (who, status, code) in [(world.app.nobody(), 401, "not_authenticated"), (world.vera.clone(), 403, "permission_denied")] {
        let who = who.with_header("accept", "application/problem+json");
        for operation in operations(&document(&world.app).await).iter().filter(|it| it.id == "create_customer" || it.id == "change_org") {
            let answer = operation.call(&who, |_| String::new(), body(operation, "problem").as_ref()).await;
            assert_eq!(answer.status, status, "{operation}: {}", answer.text);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!((&answer.body["status"], &answer.body["code"]), (&json!(status), &json!(code)), "{}", answer.text);
            assert!(answer.body["title"].is_string() && answer.body["type"].is_string() && answer.body["success"].is_null());
        }
    }
    world.app.finish().await;
}
