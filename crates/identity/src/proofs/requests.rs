//! Asking for a mail. The answer is the same for every address, and so is the work before it: the
//! wish is written down as durable work, and only that work looks whether the address is anybody's.

use flows::{Activity, FlowCx, FlowFault, Flows as _, StartOptions, Workflow};
use host::{Core, Registry, Work};
use kernel::{Failure, MailAddress};
use serde::{Deserialize, Serialize};
use web::limits::{Counters, Way, Whose};

use super::{Purpose, store};
use crate::accounts::{self, Model};
use crate::client::Client;
use crate::letters;

const WISH: Workflow<Wish> = Workflow::new("identity.wish", 1);
const GRANT: Activity<Wish, ()> = Activity::new("identity.grant_wish");
/// The address is sealed at rest: runs are kept longer than a wish is worth knowing.
const SEAL: &str = "identity.wish";

/// Which mail is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    Verification,
    Reset,
}

/// The wish, as the workflow keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wish {
    wanted: Wanted,
    sealed_address: String,
}

pub(super) fn register(app: &mut Registry) {
    app.workflow(WISH, fulfil);
    app.activity(GRANT, grant);
}

/// Writes the wish down. 429 after five in fifteen minutes for one address, or thirty from one
/// network, whether the address is known or not.
pub(crate) async fn request(core: &Core, wanted: Wanted, email: &MailAddress, client: &Client) -> Result<(), Failure> {
    let way = match wanted {
        Wanted::Verification => Way::Resend,
        Wanted::Reset => Way::Reset,
    };
    let mut system = core.store.system("somebody asks for a mail").await?;
    let counters = Counters::of(core, way, &[Whose::Account(email.normal()), Whose::Network(&client.network)]);
    let counted = counters.raise(&mut system, core.clock.now_secure()).await?;
    if counted.is_ok() {
        let wish = Wish { wanted, sealed_address: core.store.cipher().seal(SEAL, email.as_str()) };
        flows::start_system(&mut system, WISH, &wish, StartOptions::default()).await?;
    }
    // Also when it was one too many: the count is kept.
    system.commit().await?;
    counted
}

async fn fulfil(mut cx: FlowCx, wish: Wish) -> Result<(), FlowFault> {
    cx.step(GRANT, wish).await
}

async fn grant(work: Work, wish: Wish) -> Result<(), Failure> {
    let core = &work.core;
    let address = core.store.cipher().open(SEAL, &wish.sealed_address)?;
    let address: MailAddress = address.expose().parse().map_err(Failure::internal)?;
    let now = core.clock.now_secure();
    let mut system = core.store.system("a wish for a mail is granted").await?;
    let Some(account) = accounts::store::by_email(&mut system, &address).await?.filter(|account| wants(account, wish.wanted)) else {
        return Ok(());
    };
    let letter = match wish.wanted {
        Wanted::Verification => {
            letters::verify(core, &account, &store::issue(&mut system, account.account_id(), Purpose::Verify, now).await?)?
        }
        Wanted::Reset => letters::reset(core, &account, &store::issue(&mut system, account.account_id(), Purpose::Reset, now).await?)?,
    };
    mail::send_system(&mut system, letter).await?;
    Ok(system.commit().await?)
}

/// A frozen account gets no mail, and a verified one is not asked to verify again.
fn wants(account: &Model, wanted: Wanted) -> bool {
    account.is_active && (wanted == Wanted::Reset || account.email_verified_at.is_none())
}
