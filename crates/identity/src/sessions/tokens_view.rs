//! What an API client gets when it signs in or refreshes.

use host::Core;
use kernel::{Failure, OrgId};
use serde::Serialize;
use tenancy::MembershipView;
use utoipa::ToSchema;

use super::actions::Begun;
use crate::Identity;
use crate::accounts::{self, PlaceView, UserView};
use crate::tokens::Grant;

/// The secrets of a client's session, and whose they are.
#[derive(Clone, Serialize, ToSchema)]
pub struct TokensView {
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: &'static str,
    /// Seconds that the access token lives.
    pub expires_in: i64,
    /// Good for one use, which gives the next one.
    pub refresh_token: String,
    pub user: UserView,
    pub organization: Option<PlaceView>,
}

/// The session that goes on after a change: every older token of it has ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct RenewedView {
    /// For an API client. A browser got its cookie anew, and asks `GET /auth/web/me` for its token.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TokensView>)]
    pub tokens: Option<TokensView>,
}

impl std::fmt::Debug for TokensView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokensView").field("user", &self.user.id).finish_non_exhaustive()
    }
}

impl TokensView {
    /// Signs the access token of a session that began or goes on.
    pub(crate) fn of(core: &Core, account: &accounts::Model, place: Option<&MembershipView>, begun: &Begun) -> Result<Self, Failure> {
        let identity = Identity::of(core);
        let lifetime = identity.settings.access_lifetime();
        let org: Option<OrgId> = place.map(|place| place.organization.id);
        let role = place.map(|place| place.role.name().to_owned());
        let grant = Grant { account: account.account_id(), org, role, session: begun.id };
        let access = identity.signer(core).mint(&grant, core.clock.now_secure(), lifetime)?;
        Ok(Self {
            access_token: access.expose().to_owned(),
            token_type: "bearer",
            expires_in: lifetime.num_seconds(),
            refresh_token: begun.secret.expose().to_owned(),
            user: UserView::of(account, place),
            organization: place.map(PlaceView::from),
        })
    }
}
