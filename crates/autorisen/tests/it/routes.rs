//! What is mounted outside the OpenAPI document, as the sources say it: pages, forms, raw addresses.

use crate::code::{File, TOOLS, files};
use crate::world::World;

/// Where pages stand that take an id, and which kind.
const KINDS: [(&str, &str); 7] = [
    ("/account/sessions/", "ses"),
    ("/api-keys/", "key"),
    ("/cases/", "case"),
    ("/connections/", "con"),
    ("/customers/", "cus"),
    ("/members/invitations/", "inv"),
    ("/members/", "mem"),
];

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub path: String,
    pub gets: bool,
    pub posts: bool,
}

/// Every address that is mounted with `.route(path, methods)`.
pub fn mounted() -> Vec<Route> {
    let mut found: Vec<Route> = files().iter().filter(|file| !TOOLS.contains(&file.room.as_str())).flat_map(mounted_in).collect();
    found.sort();
    found
}

fn mounted_in(file: &File) -> Vec<Route> {
    let code = file.code();
    let routes = code.split(".route(").skip(1).filter_map(|rest| rest.split(';').next()?.split_once(", "));
    let readable = routes.filter(|(_, methods)| methods.contains("get(") || methods.contains("post("));
    readable
        .filter_map(|(written, methods)| {
            Some(Route { path: path(file, written.trim())?, gets: methods.contains("get("), posts: methods.contains("post(") })
        })
        .collect()
}

/// The address in a literal, in a constant of this file or of another room, or behind the sandbox's base.
fn path(file: &File, written: &str) -> Option<String> {
    let quoted = |text: &str| text.split('"').nth(1).unwrap_or_default().to_owned();
    if written.starts_with('"') {
        return Some(quoted(written));
    }
    if written.starts_with("&format!(") {
        return Some(quoted(written).replace("{{", "{").replace("}}", "}").replacen("{}", "/dev/sandbox/stripe", 1));
    }
    // An asset is addressed by a digest of what it holds.
    if matches!(written, "stylesheet_path()" | "icon_path()") {
        return None;
    }
    let name = written.rsplit("::").next().unwrap_or(written);
    let declares = format!("const {name}: &str = ");
    let declared = |file: &File| file.text.split(&declares).nth(1).map(quoted);
    let found = declared(file).or_else(|| files().iter().find_map(declared));
    Some(found.unwrap_or_else(|| panic!("{}: routes.rs can't read the address {written}", file.path)))
}

impl Route {
    /// The address with acme's ids in it.
    pub fn of_acme(&self, world: &World) -> String {
        if !self.path.contains('{') {
            return self.path.clone();
        }
        let kind = KINDS.iter().find(|(start, _)| self.path.starts_with(start));
        let (_, prefix) = kind.unwrap_or_else(|| panic!("say in routes.rs which ids {} takes", self.path));
        self.path.replace("{id}", world.samples.get(prefix).expect("a sample"))
    }

    /// Whether it is one of the console's, rather than a machine's or a payer's.
    pub fn is_page(&self) -> bool {
        let others = ["/dev/", "/v1/", "/auth/", "/.well-known/", "/pay/", "/assets/", "/favicon.ico", "/metrics"];
        self.gets && !others.iter().any(|start| self.path.starts_with(start)) && !HEALTH.contains(&self.path.as_str())
    }
}

/// For machines that watch, and the reference of the API.
const HEALTH: [&str; 10] =
    ["/alive", "/docs", "/health", "/health/ready", "/health/{dependency}", "/healthz", "/livez", "/openapi.json", "/readyz", "/version"];
