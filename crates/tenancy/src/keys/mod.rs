//! API keys: how machines come in. A key belongs to its organization, may do what its scopes say
//! and its maker may, and is shown once; only its digest is kept.

mod actions;
mod authenticate;
pub mod event;
mod fault;
mod key;
mod page;
mod presented;
mod routes;
mod scopes;
mod store;

use host::Registry;

use crate::members::event::MemberRemoved;

pub(crate) use actions::names;
pub use actions::{Maker, alive, create, list, revoke};
pub use authenticate::{KeyCaller, authenticate, is_well_formed};
pub use fault::ApiKeyFault;
pub use key::{ApiKeyView, Model, NewApiKey, NewApiKeyView};
pub use store::AliveKey;

::store::org_scoped!(key);

pub(crate) fn register(app: &mut Registry) {
    app.faults::<ApiKeyFault>();
    app.on_tx::<MemberRemoved>("tenancy.revoke_keys_of_removed", |tx, event| Box::pin(actions::revoke_all_of(tx, event.account)));
    routes::register(app);
    page::register(app);
}
