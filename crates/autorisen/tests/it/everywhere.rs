//! Every address of the program: the operations, and what is mounted beside them, with something of
//! acme's in each place.

use testkit::TestApp;

use crate::operations::{document, operations};
use crate::routes::{Route, mounted};
use crate::world::World;

/// An address that leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// As it is mounted: `/v1/customers/{id}`.
    pub route: String,
    /// As somebody asks for it.
    pub path: String,
    pub gets: bool,
}

/// All of them, by route.
pub async fn addresses(world: &World) -> Vec<Address> {
    let letters = world.app.nobody().get("/dev/mail/messages").await.ok();
    let letter = letters[0]["id"].as_str().expect("acme was written to").to_owned();
    let mut all = Vec::new();
    for operation in operations(&document(&world.app).await) {
        let path = operation.path_parameters().iter().fold(operation.path.clone(), |path, it| {
            let id = world.samples.get(it.prefix.as_deref().unwrap_or_default()).unwrap_or(&world.reference);
            path.replace(&format!("{{{}}}", it.name), id)
        });
        all.push(Address { route: operation.path, path, gets: operation.method == "GET" });
    }
    all.extend(mounted().into_iter().map(|route| beside(world, &letter, route)));
    all.extend(assets(&world.app).await);
    all.sort();
    // Of an address with several methods, the one that is read.
    all.reverse();
    all.dedup_by(|a, b| a.route == b.route);
    all.reverse();
    assert!(all.len() > 90, "only {} were found", all.len());
    all
}

/// An address outside the document.
fn beside(world: &World, letter: &str, route: Route) -> Address {
    let places = [
        ("{token}", world.link.as_str()),
        ("{session}", "cs_of_nobody"),
        ("{*path}", "payment_intents/pi_of_nobody"),
        ("{dependency}", "database"),
        ("{provider}", "sandbox"),
        ("{connection_id}", world.samples.get("con").expect("a sample")),
        ("{edition}", "app.of-another-edition.css"),
    ];
    let path = match route.path.as_str() {
        mail if mail.starts_with("/dev/mail/") => mail.replace("{id}", letter),
        page if page.contains("{id}") => route.of_acme(world),
        other => places.iter().fold(other.to_owned(), |path, (name, value)| path.replace(name, value)),
    };
    assert!(!path.contains('{'), "say in everywhere.rs what stands in the places of {path}");
    Address { route: route.path, path, gets: route.gets }
}

/// What pages load: addressed by a digest, so nowhere in the sources.
async fn assets(app: &TestApp) -> Vec<Address> {
    let page = app.nobody().get("/signin").await.text;
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let found: Vec<_> = links.filter(|link| link.starts_with("/assets/")).map(str::to_owned).collect();
    assert!(found.len() >= 2, "a page loads only {found:?}");
    found.into_iter().map(|path| Address { route: path.clone(), path, gets: true }).collect()
}
