//! `openapi`: the document, without starting anything.

use host::telemetry::Stream;

use super::{Shared, log_to, say};
use crate::App;
use crate::start::Ended;

pub(super) async fn print(app: App, shared: &Shared) -> Result<(), Ended> {
    let prepared = app.prepare(shared.sources())?;
    log_to(&prepared, Stream::Stderr);
    let document = web::document(prepared.registry());
    say(&serde_json::to_string_pretty(&document).map_err(|error| Ended::failed(error.to_string()))?);
    Ok(())
}
