//! Refresh tokens: each is good for one use and gives the next one. A second use means that two
//! hold the same token, and nobody can tell which of them is the thief: the whole family ends
//! (RFC 9700, 4.14.2). One client that asks twice at the same moment is no thief: within a short
//! grace the second request gets nothing, and the session of the first goes on.

use ::store::{AuditLine, StoreError, System};
use chrono::Duration;
use host::Core;
use kernel::crash::{self, Point};
use kernel::{Actor, At, Failed, Failure, Secret, chance};
use tenancy::MembershipView;

use super::SessionFault;
use super::actions::Begun;
use super::life::{Kind, Life};
use super::store::{self, Presented};
use crate::accounts::Model;
use crate::client::Client;
use crate::{Identity, signin, trail};

/// Two tabs, or a request that was sent again because its answer was slow, are this close together.
/// A thief gains nothing by it: within the grace a used token is refused like any other.
const REFRESH_GRACE: Duration = Duration::seconds(10);

/// A family that goes on, with its person and the place where they act.
pub(super) struct Rotated {
    pub begun: Begun,
    pub account: Model,
    pub place: Option<MembershipView>,
}

enum Outcome {
    Rotated(Begun, Presented),
    /// Seen a second time, after the grace: the family is to end.
    Reused(Presented),
    Refused,
}

/// Spends the token and gives the next one. Of many who race with the same token one wins.
///
/// 401 `refresh_token_refused` for everything else. When the database is away nothing was spent,
/// and the same token works again.
pub(super) async fn rotate(core: &Core, token: &Secret, client: &Client) -> Result<Rotated, Failed<SessionFault>> {
    if !is_known(core, token).await? {
        return Err(SessionFault::RefreshRefused.into());
    }
    let mut system = core.store.system("whose refresh token was presented").await?;
    match decide(core, &mut system, token).await? {
        Outcome::Rotated(begun, presented) => {
            // All that the answer tells is read before the commit: a client whose old token is spent must be told
            // the new one.
            let (account, place) = settle(&mut system, &presented).await?;
            crash::pass(Point::InRotation);
            system.commit().await?;
            crash::pass(Point::InRotation);
            Ok(Rotated { begun, account, place })
        }
        Outcome::Reused(presented) => {
            end_family(core, system, presented, client).await?;
            Err(SessionFault::RefreshRefused.into())
        }
        Outcome::Refused => Err(SessionFault::RefreshRefused.into()),
    }
}

/// The person and their place. A session of somebody who is no member any more of where it acted leaves: its
/// tokens act nowhere from now on, as those of somebody who signs in and is a member nowhere.
async fn settle(system: &mut System, presented: &Presented) -> Result<(Model, Option<MembershipView>), Failure> {
    let org = presented.org();
    let (account, place) = signin::person_within(system, presented.account.into(), org).await?;
    if org.is_some() && place.is_none() {
        store::leave(system, presented.session()).await?;
    }
    Ok((account, place))
}

/// Whether there is such a token at all. Made-up ones end here: they wait for nobody who writes, and
/// nobody waits for them.
async fn is_known(core: &Core, token: &Secret) -> Result<bool, StoreError> {
    if !chance::is_token(token.expose()) {
        return Ok(false);
    }
    let mut system = core.store.system_read("whether a refresh token is one of ours").await?;
    Ok(store::presented(&mut system, token).await?.is_some())
}

async fn decide(core: &Core, system: &mut System, token: &Secret) -> Result<Outcome, StoreError> {
    let now = core.clock.now_secure();
    let Some(presented) = store::presented(system, token).await? else { return Ok(Outcome::Refused) };
    if presented.revoked_at.is_some() || !presented.is_active || presented.session_expires_at <= now {
        return Ok(Outcome::Refused);
    }
    // Before the expiry: an old token that was used is a sign of theft however old it is.
    if let Some(used_at) = presented.used_at {
        return Ok(if is_repeat(used_at, presented.successor_used_at, now) { Outcome::Refused } else { Outcome::Reused(presented) });
    }
    if presented.token_expires_at <= now {
        return Ok(Outcome::Refused);
    }
    exchange(core, system, presented, now).await
}

/// Whether a used token comes a second time by accident: soon, and before anybody went on with the
/// token that took its place.
fn is_repeat(used_at: At, successor_used_at: Option<At>, now: At) -> bool {
    successor_used_at.is_none() && now - used_at < REFRESH_GRACE
}

async fn exchange(core: &Core, system: &mut System, presented: Presented, now: At) -> Result<Outcome, StoreError> {
    let limits = Identity::of(core).settings.limits(Kind::Api);
    let before = Life { idle_expires_at: presented.token_expires_at, expires_at: presented.session_expires_at };
    let life = before.used(now, limits);
    let (session, secret) = (presented.session(), chance::token());
    let next = store::insert_refresh(system, session, &secret, life.ends_at()).await?;
    // Somebody else spent it between our look and now, which is well within the grace.
    if !store::spend(system, presented.id, now, next).await? {
        return Ok(Outcome::Refused);
    }
    store::touch(system, session.uuid(), now, life).await?;
    Ok(Outcome::Rotated(Begun { id: session, kind: Kind::Api, secret, life }, presented))
}

async fn end_family(core: &Core, mut system: System, presented: Presented, client: &Client) -> Result<(), StoreError> {
    let session = presented.session();
    store::end(&mut system, session, core.clock.now_secure()).await?;
    tracing::warn!(event = "identity.refresh_token_reused", session_id = %session, "a refresh token was used twice; its family was ended");
    let line = AuditLine::new("session.refresh_token_reused", "session", session.uuid());
    trail::finish_and_forget(core, system, presented.org(), Actor::System("identity"), client, line).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_use_is_a_repeat_only_soon_and_while_nobody_went_on() {
        let noon: At = "2026-03-01T12:00:00Z".parse().expect("a valid instant");
        assert!(is_repeat(noon, None, noon));
        assert!(is_repeat(noon, None, noon + REFRESH_GRACE - Duration::microseconds(1)));
        assert!(!is_repeat(noon, None, noon + REFRESH_GRACE));
        assert!(!is_repeat(noon, Some(noon), noon));
    }
}
