//! The reference page at `/docs` and the document at `/openapi.json`. The page is rendered here,
//! from the document, so that it needs neither a network nor a script.

use askama::Template;
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::get;
use host::Core;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::ctx::Ctx;
use crate::page::{Html, PageFault};

#[derive(Template)]
#[template(path = "reference.html")]
struct Reference<'a> {
    groups: &'a [Group],
}

/// The operations of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    operations: Vec<Shown>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    id: String,
    method: String,
    path: String,
    summary: String,
    public: bool,
    /// Name, place and whether it must be given.
    parameters: Vec<(String, String, bool)>,
    body: Vec<Field>,
    answers: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    kind: String,
    required: bool,
    about: String,
}

pub(crate) fn routes(document: &OpenApi, with_page: bool) -> Router<Core> {
    let value = serde_json::to_value(document).unwrap_or_default();
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    let router = Router::new()
        .route("/openapi.json", get(move || async move { ([(header::CONTENT_TYPE, "application/json")], text).into_response() }));
    if !with_page {
        return router;
    }
    let groups = groups(&value);
    router.route("/docs", get(move |ctx: Ctx| async move { page(&ctx, &groups) }))
}

fn page(ctx: &Ctx, groups: &[Group]) -> Result<Html, PageFault> {
    Ok(ctx.page("/docs", "API reference", &Reference { groups })?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn groups(document: &Value) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let name = text(&operation["tags"][0]);
            let shown = shown(document, path, method, operation);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(shown),
                None => groups.push(Group { name, operations: vec![shown] }),
            }
        }
    }
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups
}

fn shown(document: &Value, path: &str, method: &str, operation: &Value) -> Shown {
    let parameter = |p: &Value| (text(&p["name"]), text(&p["in"]), p["required"].as_bool().unwrap_or(false));
    let answer = |(status, answer): (&String, &Value)| (status.clone(), text(&answer["description"]));
    Shown {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        public: operation["security"].as_array().is_some_and(Vec::is_empty),
        parameters: operation["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        body: fields(document, &operation["requestBody"]["content"]["application/json"]["schema"]),
        answers: operation["responses"].as_object().into_iter().flatten().map(answer).collect(),
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(schema),
        None => schema,
    }
}

fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let schema = resolve(document, schema);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| Field {
            name: name.clone(),
            kind: kind(property),
            required: required.contains(&name.as_str()),
            about: text(&property["description"]),
        })
        .collect()
}

fn kind(property: &Value) -> String {
    if let Some(variants) = property["oneOf"].as_array() {
        return variants.iter().map(kind).filter(|kind| kind != "null").collect::<Vec<_>>().join(" or ");
    }
    if let Some(name) = property["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or(name).to_owned();
    }
    match &property["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect::<Vec<_>>().join(" or "),
        _ => "any".into(),
    }
}
