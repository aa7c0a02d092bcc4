//! The operations of the OpenAPI document, as walks need them.

use reqwest::Method;
use testkit::{Client, TestApp, Value};

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    pub method: Method,
    pub path: String,
    /// What the document says of it.
    pub says: Value,
}

/// A parameter in a path.
#[derive(Debug, Clone)]
pub struct PathParameter {
    pub name: String,
    /// The prefix of the ids that it takes, when it takes an id.
    pub prefix: Option<String>,
}

/// The document, as anybody gets it.
pub async fn document(app: &TestApp) -> Value {
    app.nobody().get("/openapi.json").await.body
}

/// Every operation, by path.
pub fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("the document has paths") {
        for (method, says) in item.as_object().expect("a path has operations").iter().filter(|(method, _)| *method != "parameters") {
            let method = method.to_uppercase().parse().expect("a method");
            let id = says["operationId"].as_str().unwrap_or_default().to_owned();
            found.push(Operation { id, method, path: path.clone(), says: resolved(document, says, 0) });
        }
    }
    assert!(found.len() > 30, "only {} operations were found", found.len());
    found
}

/// How deep references are followed: deeper than any body, and an end for those that go round.
const DEPTH_MAX: u8 = 12;

/// The same with every `$ref` replaced by what it names.
fn resolved(document: &Value, value: &Value, depth: u8) -> Value {
    match value {
        Value::Object(fields) => match fields.get("$ref").and_then(Value::as_str) {
            Some(reference) if depth < DEPTH_MAX => {
                let named = document.pointer(reference.trim_start_matches('#'));
                resolved(document, named.unwrap_or_else(|| panic!("{reference} names nothing")), depth + 1)
            }
            _ => fields
                .iter()
                .map(|(name, value)| (name.clone(), resolved(document, value, depth)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(document, item, depth)).collect(),
        plain => plain.clone(),
    }
}

impl Operation {
    /// Anybody may call it.
    pub fn is_public(&self) -> bool {
        self.says["security"].as_array().is_some_and(Vec::is_empty)
    }

    pub fn is_write(&self) -> bool {
        !self.method.is_safe()
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Value> {
        self.says["parameters"].as_array().into_iter().flatten()
    }

    pub fn path_parameters(&self) -> Vec<PathParameter> {
        let in_path = self.parameters().filter(|parameter| parameter["in"] == "path");
        in_path.map(|parameter| PathParameter { name: text(&parameter["name"]), prefix: prefix_of(&parameter["schema"]) }).collect()
    }

    /// The schema of the JSON body, if it takes one.
    pub fn body(&self) -> Option<&Value> {
        self.says.pointer("/requestBody/content/application~1json/schema")
    }

    /// Every documented status.
    pub fn statuses(&self) -> Vec<u16> {
        let responses = self.says["responses"].as_object().into_iter().flatten();
        responses.filter_map(|(status, _)| status.parse().ok()).collect()
    }

    /// Sends it; `fill` gives the value of each parameter in the path.
    pub async fn call(&self, who: &Client, fill: impl Fn(&PathParameter) -> String, body: Option<&Value>) -> testkit::Answer {
        let path = self.path_parameters().iter().fold(self.path.clone(), |path, it| path.replace(&format!("{{{}}}", it.name), &fill(it)));
        let request = who.request(self.method.clone(), &path);
        who.send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({})", self.method, self.path, self.id)
    }
}

/// The prefix in `^cus_[0-7]…`, wherever it stands in a schema that may also be null.
pub fn prefix_of(schema: &Value) -> Option<String> {
    let mut either = ["oneOf", "anyOf", "allOf"].iter().flat_map(|kind| schema[*kind].as_array().into_iter().flatten());
    let own =
        schema["pattern"].as_str().and_then(|pattern| pattern.strip_prefix('^')?.split_once('_')).map(|(prefix, _)| prefix.to_owned());
    own.or_else(|| either.find_map(prefix_of))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
