//! The console: how pages look.
//!
//! The shell draws the frame around a page; the components are what bodies are put together from;
//! the stylesheet gives both their looks. A feature renders its own body with a template of its
//! own, writes components into it as `{{ field }}`, and hands it to `ctx.page(…)`.
//!
//! Pages work without script, and a policy forbids inline styles: looks come only from classes.
//! The words that a template may use:
//!
//! | for | classes |
//! |---|---|
//! | shape | `page-head` (title and its buttons), `stack`, `stack-tight`, `row`, `toolbar`, `columns`, `card` |
//! | text | `muted`, `small`, `mono`, `num`, `wrap-anywhere`, `amount`, `visually-hidden`, `back` |
//! | lists | `table` (cells carry `data-label`; wrapped in `table-wrap` when wide), `facts` (`dl` of `div`s with `dt`, `dd`), `timeline`, `empty`, `tabs` |
//! | figures | `stats`, `stat`, `chart` |
//! | state | `badge` with `badge-ok -warn -bad -info`, `notice` with `notice-ok -warn -bad` |
//! | forms | `form`, `form-grid`, `field`, `hint`, `error`, `check`, `search`, `btn` with `btn-primary -danger -quiet -wide`, `disclosure` (`details`) |
//!
//! Absences: the console knows no feature, no table and no route but its own two files.

mod address;
pub mod asset;
mod chart;
mod complaint;
mod form;
#[cfg(test)]
mod looks;
mod part;
mod shell;

use std::sync::Arc;

use host::Registry;
use web::Routes as _;

pub use address::address;
pub use chart::{BarChart, ChartDay, Unit};
pub use complaint::{Complaint, answered, wrong};
pub use form::{Area, Button, Check, Choice, Csrf, Field, Select};
pub use part::{Badge, Day, Empty, Pager, Stat, Tone, When};
pub use shell::Shell;

/// Brings the frame and the files that it needs.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "console"
    }

    fn register(&self, app: &mut Registry) {
        app.shell(Arc::new(Shell::new(app.app())));
        app.raw(asset::routes());
    }
}
