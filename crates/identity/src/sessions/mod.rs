//! Sessions: one sign-in of one browser or client, from its beginning to its end.
//!
//! The row is the truth: it can be listed and ended, and nothing that was issued for it outlives
//! it. A browser's session is found by its cookie; a client's by the token that names it, and it is
//! prolonged by refresh tokens, each good for one use.

mod actions;
mod fault;
mod life;
pub(crate) mod refresh_token;
mod renewal;
mod rotation;
mod routes;
pub(crate) mod session;
mod store;
mod tokens_view;
mod web_routes;

use host::Registry;

pub(crate) use actions::{Begun, Opening, begin, end_all, kind_of};
pub use actions::{end_own, list};
pub use fault::SessionFault;
pub use life::{Kind, Life, Limits, TOUCH_EVERY};
pub(crate) use renewal::{Renewing, step_up};
pub(crate) use routes::{go_to, person, sign_out};
pub use session::SessionView;
pub(crate) use store::{Alive, alive_by_cookie, alive_by_id, touch};
pub use tokens_view::{RenewedView, TokensView};
pub(crate) use web_routes::{COOKIE, keep_cookie};

pub(crate) fn register(app: &mut Registry) {
    app.faults::<SessionFault>();
    routes::register(app);
    web_routes::register(app);
}
