//! Refresh tokens: each is good for one use and gives the next one. A second use means that two
//! hold the same token, and nobody can tell which of them is the thief: the whole family ends
//! (RFC 9700, 4.14.2).

use ::store::{AuditLine, StoreError, System};
use host::Core;
use kernel::{Actor, At, Failed, Secret, chance};

use super::SessionFault;
use super::actions::Begun;
use super::life::{Kind, Life};
use super::store::{self, Presented};
use crate::client::Client;
use crate::{Identity, trail};

/// A family that goes on.
pub(super) struct Rotated {
    pub begun: Begun,
    pub presented: Presented,
}

enum Outcome {
    Rotated(Rotated),
    /// Seen a second time: the family has been ended in this transaction.
    Reused(Presented),
    Refused,
}

/// Spends the token and gives the next one. Of many who race with the same token one wins.
///
/// 401 `refresh_token_refused` for everything else. When the database is away nothing was spent,
/// and the same token works again.
pub(super) async fn rotate(core: &Core, token: &Secret, client: &Client) -> Result<Rotated, Failed<SessionFault>> {
    let mut system = core.store.system("whose refresh token was presented").await?;
    match decide(core, &mut system, token).await? {
        Outcome::Rotated(rotated) => {
            system.commit().await?;
            Ok(rotated)
        }
        Outcome::Reused(presented) => {
            end_family(core, system, presented, client).await?;
            Err(SessionFault::RefreshRefused.into())
        }
        Outcome::Refused => Err(SessionFault::RefreshRefused.into()),
    }
}

async fn decide(core: &Core, system: &mut System, token: &Secret) -> Result<Outcome, StoreError> {
    let now = core.clock.now_secure();
    let Some(presented) = store::presented(system, token).await? else { return Ok(Outcome::Refused) };
    if presented.revoked_at.is_some() || !presented.is_active || presented.session_expires_at <= now {
        return Ok(Outcome::Refused);
    }
    // Before the expiry: an old token that was used is a sign of theft however old it is.
    if presented.used_at.is_some() {
        return Ok(Outcome::Reused(presented));
    }
    if presented.token_expires_at <= now {
        return Ok(Outcome::Refused);
    }
    exchange(core, system, presented, now).await
}

async fn exchange(core: &Core, system: &mut System, presented: Presented, now: At) -> Result<Outcome, StoreError> {
    let limits = Identity::of(core).settings.limits(Kind::Api);
    let before = Life { idle_expires_at: presented.token_expires_at, expires_at: presented.session_expires_at };
    let life = before.used(now, limits);
    let (session, secret) = (presented.session(), chance::token());
    let next = store::insert_refresh(system, session, &secret, life.ends_at()).await?;
    if !store::spend(system, presented.id, now, next).await? {
        return Ok(Outcome::Reused(presented));
    }
    store::touch(system, session.uuid(), now, life).await?;
    Ok(Outcome::Rotated(Rotated { begun: Begun { id: session, kind: Kind::Api, secret, life }, presented }))
}

async fn end_family(core: &Core, mut system: System, presented: Presented, client: &Client) -> Result<(), StoreError> {
    let session = presented.session();
    store::end(&mut system, session, core.clock.now_secure()).await?;
    tracing::warn!(event = "identity.refresh_token_reused", session_id = %session, "a refresh token was used twice; its family was ended");
    let line = AuditLine::new("session.refresh_token_reused", "session", session.uuid());
    trail::finish_and_forget(core, system, presented.org(), Actor::System("identity"), client, line).await
}
