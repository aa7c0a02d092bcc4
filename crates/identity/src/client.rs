//! Who is at the other end before anybody has signed in: an address, a browser, and perhaps the
//! mark that this browser carries from an earlier sign-in.

use axum::http::header;
use host::Core;
use kernel::{Actor, chance};
use store::Who;
use web::{Ctx, cookies};

/// The cookie that a browser keeps from its first sign-in on.
pub(crate) const DEVICE_COOKIE: &str = "device";
/// Enough to tell browsers apart in a list; the rest is noise.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Client {
    pub address: String,
    /// What limits count: a whole IPv6 household is one network.
    pub network: String,
    pub user_agent: Option<String>,
    /// The value of the device cookie, if the browser has one.
    pub device: Option<String>,
    who: Who,
}

impl Client {
    pub fn of(ctx: &Ctx) -> Self {
        let user_agent =
            ctx.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(short).filter(|agent| !agent.is_empty());
        Self {
            address: ctx.address().to_string(),
            network: web::address::network(ctx.address()),
            user_agent,
            device: device_of(ctx.core(), ctx),
            who: ctx.who(),
        }
    }

    /// The same request, with `actor` behind it.
    pub(crate) fn who(&self, actor: Actor) -> Who {
        Who { actor, ..self.who.clone() }
    }

    /// What the device is recognized by: its cookie, or what a client calls itself.
    pub(crate) fn mark(&self) -> String {
        match (self.device_mark(), &self.user_agent) {
            (Some(mark), _) => mark,
            (None, Some(agent)) => chance::digest(&format!("agent:{agent}")),
            (None, None) => chance::digest("agent:"),
        }
    }

    /// The digest of the device cookie: the only mark that a stranger cannot imitate.
    pub(crate) fn device_mark(&self) -> Option<String> {
        self.device.as_deref().map(Self::cookie_mark)
    }

    /// The mark of a browser that carries this device cookie.
    pub(crate) fn cookie_mark(cookie: &str) -> String {
        chance::digest(&format!("cookie:{cookie}"))
    }
}

fn device_of(core: &Core, ctx: &Ctx) -> Option<String> {
    cookies::read(core, ctx.headers(), DEVICE_COOKIE)
}

fn short(agent: &str) -> String {
    agent.chars().filter(|letter| !letter.is_control()).take(USER_AGENT_CHARS_MAX).collect()
}
