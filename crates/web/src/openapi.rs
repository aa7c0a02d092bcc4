//! The OpenAPI document: made of the same handlers that serve, so that it can't drift.
//!
//! `utoipa` asks each handler's return type for its responses. Ours answer from the fault tables;
//! the schemas of views are kept aside while the routes are collected and merged in at the end,
//! because that hook has no way to register them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kernel::{FaultCode, General};
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response as ApiResponse;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Info, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{IntoResponses, ToSchema};

use crate::answer::{Done, NoContent, Once, Refusal, Refused, Soon};

const JSON: &str = "application/json";

type Responses = BTreeMap<String, RefOr<ApiResponse>>;
type Schemas = BTreeMap<String, RefOr<Schema>>;

static SCHEMAS: Mutex<Schemas> = Mutex::new(BTreeMap::new());
static CLASHES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn put(name: String, schema: RefOr<Schema>) {
    let mut all = SCHEMAS.lock().expect("no holder of this lock panics");
    match all.get(&name) {
        Some(known) if *known != schema => CLASHES.lock().expect("no holder of this lock panics").push(name),
        _ => {
            all.insert(name, schema);
        }
    }
}

/// `crm::CustomerView` → `CustomerView`, `Vec<crm::CustomerView>` → `Vec_CustomerView`.
fn named<T>() -> String {
    let parts = std::any::type_name::<T>().split(['<', '>', ',', ' ']).filter(|part| !part.is_empty());
    parts.map(|part| part.rsplit("::").next().unwrap_or(part)).collect::<Vec<_>>().join("_")
}

/// Keeps the envelope around `T` and all schemas it mentions; answers its name.
fn keep_envelope<T: ToSchema>() -> String {
    let mut found = vec![];
    T::schemas(&mut found);
    crate::answer::Envelope::<T>::schemas(&mut found);
    for (name, schema) in found {
        put(name, schema);
    }
    let name = format!("Answer_{}", named::<T>());
    put(name.clone(), <crate::answer::Envelope<T> as utoipa::PartialSchema>::schema());
    name
}

fn good<T: ToSchema>(description: &str) -> RefOr<ApiResponse> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(keep_envelope::<T>()))).build();
    RefOr::T(ResponseBuilder::new().description(description).content(JSON, content).build())
}

impl<T: ToSchema, const STATUS: u16> IntoResponses for Done<T, STATUS> {
    fn responses() -> Responses {
        let description = match STATUS {
            201 => "Made.",
            202 => "Accepted; it is not done yet.",
            _ => "Done.",
        };
        Responses::from([(STATUS.to_string(), good::<T>(description))])
    }
}

impl<T: ToSchema> IntoResponses for Once<T> {
    fn responses() -> Responses {
        Responses::from([("201".into(), good::<T>("Made.")), ("200".into(), good::<T>("Known already."))])
    }
}

impl<T: ToSchema, L: ToSchema> IntoResponses for Soon<T, L> {
    fn responses() -> Responses {
        <Done<T, 201> as IntoResponses>::responses().into_iter().chain(<Done<L, 202> as IntoResponses>::responses()).collect()
    }
}

impl IntoResponses for NoContent {
    fn responses() -> Responses {
        Responses::from([("204".into(), RefOr::T(ResponseBuilder::new().description("Done.").build()))])
    }
}

impl<F: FaultCode> IntoResponses for Refusal<F> {
    fn responses() -> Responses {
        let mut found = vec![];
        Refused::schemas(&mut found);
        found.push((Refused::name().into_owned(), <Refused as utoipa::PartialSchema>::schema()));
        for (name, schema) in found {
            put(name, schema);
        }
        refusals(F::all().iter().map(|fault| (fault.status(), fault.code(), fault.message())))
    }
}

/// Refusals grouped by status, with one example per code.
fn refusals(faults: impl Iterator<Item = (u16, &'static str, &'static str)>) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for (status, code, message) in faults {
        by_status.entry(status).or_default().push((code, message));
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), refusal(&codes))).collect()
}

fn refusal(codes: &[(&str, &str)]) -> RefOr<ApiResponse> {
    let examples = codes.iter().map(|(code, message)| {
        let value = serde_json::json!({"success": false, "data": null, "error": {"code": code, "message": message}});
        ((*code).to_string(), utoipa::openapi::example::ExampleBuilder::new().value(Some(value)).build())
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Refused::name()))).examples_from_iter(examples);
    let description = codes.iter().map(|(code, _)| *code).collect::<Vec<_>>().join(", ");
    RefOr::T(ResponseBuilder::new().description(description).content(JSON, content.build()).build())
}

/// The document before any route: title, version, and the ways to prove who one is.
pub(crate) fn frame() -> OpenApi {
    let mut info = Info::new("Autorisen", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Accounts and organizations, customers, payments and failed-payment recovery. Every answer under /v1 has the same envelope; \
         every error code is in docs/ERRORS.md."
            .into(),
    );
    let mut document = OpenApiBuilder::new().info(info).build();
    let parts = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An access token, or an API key `ak_…`.")).build();
    parts.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = ApiKeyValue::with_description("autorisen_session", "A browser's session; unsafe methods need X-CSRF-Token as well.");
    parts.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    document
}

/// Operations that anybody may call say so with an empty list.
pub(crate) fn mark_public(document: &mut OpenApi) {
    for operation in operations(document) {
        operation.security = Some(vec![]);
    }
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|item| {
        [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().filter_map(Option::as_mut)
    })
}

/// Merges the kept schemas, adds to each operation what any route may answer, and tells which
/// names two rooms claim.
pub(crate) fn finish(document: &mut OpenApi) -> Vec<String> {
    let mut clashes = CLASHES.lock().expect("no holder of this lock panics").clone();
    let schemas = SCHEMAS.lock().expect("no holder of this lock panics").clone();
    let known = &mut document.components.get_or_insert_default().schemas;
    for (name, schema) in schemas {
        match known.get(&name) {
            Some(other) if *other != schema => clashes.push(name),
            _ => {
                known.insert(name, schema);
            }
        }
    }
    let everyone = [SecurityRequirement::new("bearer", Vec::<String>::new()), SecurityRequirement::new("session", Vec::<String>::new())];
    let mut ids = BTreeMap::<String, u32>::new();
    for operation in operations(document) {
        *ids.entry(operation.operation_id.clone().unwrap_or_default()).or_default() += 1;
        let public = operation.security.as_ref().is_some_and(Vec::is_empty);
        if !public {
            operation.security = Some(everyone.to_vec());
        }
        add_general(operation, public);
    }
    clashes.extend(ids.into_iter().filter(|(_, count)| *count > 1).map(|(id, _)| format!("operation {id}")));
    clashes
}

fn add_general(operation: &mut Operation, public: bool) {
    let takes = |kind: &str| {
        let wanted = utoipa::openapi::path::ParameterIn::Path;
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(parameter) => (parameter.parameter_in == wanted) == (kind == "path"),
            RefOr::Ref(_) => false,
        })
    };
    let (path, query, body) = (takes("path"), takes("query"), operation.request_body.is_some());
    let mut general = vec![General::RateLimited, General::Internal, General::DependencyUnavailable, General::TimedOut];
    if !public {
        general.extend([General::NotAuthenticated, General::PermissionDenied, General::CsrfFailed]);
    }
    if path {
        general.push(General::NotFound);
    }
    if query || body {
        general.push(General::ValidationFailed);
    }
    if body {
        general.extend([
            General::MalformedRequest,
            General::PayloadTooLarge,
            General::UnsupportedMediaType,
            General::Conflict,
            General::IdempotencyKeyInUse,
            General::IdempotencyKeyReused,
        ]);
    }
    for (status, response) in refusals(general.iter().map(|fault| (fault.status(), fault.code(), fault.message()))) {
        merge(operation, status, response);
    }
}

/// Adds a status, or the codes of one that the route documents itself.
fn merge(operation: &mut Operation, status: String, added: RefOr<ApiResponse>) {
    let (Some(RefOr::T(own)), RefOr::T(added)) = (operation.responses.responses.get_mut(&status), &added) else {
        operation.responses.responses.entry(status).or_insert(added);
        return;
    };
    own.description = format!("{}, {}", own.description, added.description);
    if let (Some(RefOr::T(own)), Some(RefOr::T(added))) = (own.content.get_mut(JSON), added.content.get(JSON)) {
        own.examples.extend(added.examples.clone());
    }
}
