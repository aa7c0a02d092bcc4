//! Reading the trail.

use ::store::Tx;
use ::store::audit::line::Model;
use kernel::{After, Failure, Limit, Page};
use uuid::Uuid;

use super::query::Filters;
use super::view::Names;
use super::{AuditLineView, kinds, store};
use crate::{keys, members};

/// A page of the trail, newest first, with the names of those who acted.
pub async fn list(tx: &mut Tx, filters: &Filters, limit: Limit, after: Option<After>) -> Result<Page<AuditLineView>, Failure> {
    let page = store::list(tx, filters, limit, after).await?;
    let names = Names {
        accounts: members::names(tx, actors(&page.items, "account")).await?,
        keys: keys::names(tx, actors(&page.items, "api_key")).await?,
    };
    Ok(page.map(|row| AuditLineView::with(&names, row)))
}

/// The bare ids of one kind of actor.
fn actors(rows: &[Model], kind: &str) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = rows.iter().filter(|row| row.actor_kind == kind).filter_map(|row| kinds::read(&row.actor_id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
