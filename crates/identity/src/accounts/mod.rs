//! Accounts: a person with one mail address, in however many organizations.

mod account;
mod fault;
mod founding;
mod join;
mod landing;
mod operate;
mod profile;
mod register;
mod remembered;
mod routes;
pub(crate) mod store;

use host::Registry;

pub use account::{ChangeMe, MeView, Model, NAME_LEN_MAX, PlaceView, Register, UserView};
pub use fault::AccountFault;
pub(crate) use founding::{found, is_taken};
pub(crate) use join::offer;
pub use join::{Join, JoinFault, join};
pub use operate::{AccountLine, NewAccount, add, freeze, list, sign_out};
pub use profile::change_name;
pub(crate) use profile::me;
pub use register::{Registered, register as register_account};

pub(crate) fn register(app: &mut Registry) {
    app.faults::<AccountFault>();
    routes::register(app);
    landing::register(app);
    remembered::register(app);
}
