//! Rights before content: whoever may not do a thing is told so, and not how to write it down.
//!
//! A handler gets its body before it begins, so a wrong body would be refused before the right is
//! asked for. An operation therefore says in its description which right it needs (`x-permission`),
//! and a refusal of its body gives way to the refusal of its caller. This costs nothing while bodies
//! are right; [`Ctx::begin`](crate::Ctx::begin) stays the one that decides.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::extract::{FromRequestParts as _, MatchedPath};
use axum::http::request::Parts;
use host::Core;
use kernel::Failure;
use utoipa::openapi::OpenApi;

use crate::ctx::Ctx;

/// The name of the extension that says it.
pub(crate) const EXTENSION: &str = "x-permission";

/// Which right each operation needs, by method and route.
#[derive(Debug, Default)]
pub(crate) struct Needed(OnceLock<BTreeMap<(String, String), String>>);

impl Needed {
    /// Reads the finished document.
    pub(crate) fn read(&self, document: &OpenApi) {
        let mut found = BTreeMap::new();
        for (path, item) in &document.paths.paths {
            let operations =
                [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
            for (method, operation) in operations {
                let says = operation.as_ref().and_then(|operation| operation.extensions.as_ref()?.get(EXTENSION)?.as_str());
                found.extend(says.map(|code| ((method.to_owned(), path.clone()), code.to_owned())));
            }
        }
        // Assembled twice in a test; both times of the same document.
        let _ = self.0.set(found);
    }

    fn of(&self, method: &str, route: &str) -> Option<&str> {
        self.0.get()?.get(&(method.to_owned(), route.to_owned())).map(String::as_str)
    }
}

/// The refusal that comes first: that of the caller, or else that of the body.
pub(crate) async fn first(parts: &mut Parts, core: &Core, body: Failure) -> Failure {
    let needed = core.parts.get::<Needed>();
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let Some(code) = route.and_then(|route| needed.of(parts.method.as_str(), route.as_str())) else { return body };
    // Extraction of the context never fails behind the outermost layer.
    let Ok(ctx) = Ctx::from_request_parts(parts, core).await else { return body };
    ctx.may(code).await.err().unwrap_or(body)
}
