//! A user's own module, written against the facade and nothing else: what
//! `docs/adding-a-module.md` walks through, kept honest by running here.

mod loans;
mod stories;

use autorisen::{Module, Registry};

/// Lends books.
pub struct Lending;

impl Module for Lending {
    fn name(&self) -> &'static str {
        "lending"
    }

    fn register(&self, app: &mut Registry) {
        loans::register(app);
    }
}
