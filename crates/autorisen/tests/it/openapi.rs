//! The OpenAPI document says what is, in full.

use testkit::{TestApp, TestEngine, Value};

use crate::code::files;
use crate::operations::{Operation, document, operations};
use crate::world::modules;

/// Whoever adds a route that anybody may call, says so here.
const PUBLIC: [&str; 8] = [
    "forgot_password",
    "login",
    "refresh_session",
    "register",
    "register_invited",
    "resend_verification",
    "reset_password",
    "verify_email",
];

#[track_caller]
fn every(rule: &str, all: &[Operation], holds: impl Fn(&Operation) -> bool) {
    let broken: Vec<_> = all.iter().filter(|operation| !holds(operation)).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_says_what_is() {
    let app = TestApp::start(TestEngine::Sqlite, modules()).await;
    let document = document(&app).await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    assert_eq!(web::assemble(&app.core).clashes, [""; 0], "two rooms claim a name");
    let mut dangling = Vec::new();
    references(&document, &document, &mut dangling);
    assert_eq!(dangling, [""; 0], "references that name nothing");
    let all = operations(&document);
    names(&all);
    statuses(&all);
    parameters(&all);
    bodies(&all);
    app.finish().await;
}

fn references(document: &Value, part: &Value, dangling: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            let named = fields.get("$ref").and_then(Value::as_str);
            dangling.extend(named.filter(|path| document.pointer(path.trim_start_matches('#')).is_none()).map(str::to_owned));
            fields.values().for_each(|value| references(document, value, dangling));
        }
        Value::Array(items) => items.iter().for_each(|item| references(document, item, dangling)),
        _ => {}
    }
}

fn names(all: &[Operation]) {
    let snake = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    every("an operation has an id in snake case", all, |it| !it.id.is_empty() && snake(&it.id));
    every("an operation has a summary of one line without a full stop", all, |it| {
        it.says["summary"].as_str().is_some_and(|summary| summary.len() > 5 && !summary.contains('\n') && !summary.ends_with('.'))
    });
    every("an operation has a tag", all, |it| it.says["tags"].as_array().is_some_and(|tags| tags.len() == 1));
    every("a path begins with /v1/", all, |it| it.path.starts_with("/v1/"));
    let mut public: Vec<_> = all.iter().filter(|it| it.is_public()).map(|it| it.id.as_str()).collect();
    public.sort_unstable();
    assert_eq!(public, PUBLIC, "operations that anybody may call");
    every("what is not public names how to prove oneself", all, |it| {
        it.is_public() || it.says["security"].as_array().is_some_and(|ways| ways.len() == 2 && ways.iter().all(|way| way != &Value::Null))
    });
}

fn statuses(all: &[Operation]) {
    let lists = |it: &Operation, wanted: &[u16]| wanted.iter().all(|status| it.statuses().contains(status));
    every("one good answer at least", all, |it| it.statuses().iter().any(|status| (200..300).contains(status)));
    every("what any route may answer", all, |it| lists(it, &[429, 500, 503]));
    every("401 and 403 where a caller is needed", all, |it| it.is_public() || lists(it, &[401, 403]));
    every("404 where the path names something", all, |it| it.path_parameters().is_empty() || lists(it, &[404]));
    every("what a body may be refused with", all, |it| it.body().is_none() || lists(it, &[400, 413, 415, 422]));
    every("a refusal has the envelope", all, |it| {
        let refusals = it.says["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with(['4', '5']));
        refusals
            .map(|(_, says)| &says["content"]["application/json"]["schema"]["properties"])
            .all(|parts| parts["error"].is_object() && parts["meta"].is_object())
    });
    every("a good answer has the envelope, or none at all", all, |it| {
        let good = it.says["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2') && *status != "204");
        good.map(|(_, says)| &says["content"]["application/json"]["schema"]["properties"])
            .all(|parts| parts["data"] != Value::Null && parts["meta"].is_object())
    });
}

fn parameters(all: &[Operation]) {
    let braces = |it: &Operation| it.path.matches('{').count();
    every("each part of the path is described", all, |it| it.path_parameters().len() == braces(it));
    every("an id in a path says which kind it is", all, |it| {
        it.path_parameters().iter().all(|parameter| parameter.prefix.is_some() || parameter.name != "id")
    });
    every("a parameter of the query is described", all, |it| {
        let mut in_query = it.parameters().filter(|parameter| parameter["in"] == "query");
        in_query.all(|parameter| parameter["description"].as_str().is_some_and(|text| text.len() > 5))
    });
    every("a list takes limit and cursor", all, |it| {
        let listed = it.method == "GET" && it.id.starts_with("list_") && it.id != "list_sessions";
        let takes = |name: &str| it.parameters().any(|parameter| parameter["name"] == name);
        !listed || (takes("limit") && takes("cursor"))
    });
}

/// A query that a handler reads and its attribute doesn't name would be missing in the document.
#[test]
fn every_query_that_is_read_is_documented() {
    let mut queries = 0;
    for file in files() {
        for handler in file.text.split("#[utoipa::path(").skip(1).filter_map(|rest| rest.split("\n}").next()) {
            let Some(read) = handler.split("Query<").nth(1).and_then(|rest| rest.split('>').next()) else { continue };
            let named = handler.split("async fn").next().is_some_and(|attribute| attribute.contains("params(") && attribute.contains(read));
            assert!(named, "{}: a handler reads {read} and doesn't name it in params()", file.path);
            queries += 1;
        }
    }
    assert!(queries >= 8, "only {queries} queries were found");
}

fn bodies(all: &[Operation]) {
    every("only POST, PATCH and PUT have a body", all, |it| it.body().is_none() || matches!(it.method.as_str(), "POST" | "PATCH" | "PUT"));
    every("a body is an object that is described", all, |it| {
        let described = |schema: &Value| schema["properties"].is_object() || schema["oneOf"].is_array();
        it.body().is_none_or(described)
    });
}
