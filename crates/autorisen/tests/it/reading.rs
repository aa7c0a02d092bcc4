//! Reading changes nothing: around every GET and HEAD the rows of every table are the same, with every
//! kind of proof, and with the secrets that stand in links.

use reqwest::Method;
use testkit::{Browser, Client, Row, engines, json};

use crate::everywhere::{Address, addresses};
use crate::world::World;

/// Cara has signed up and forgotten her password: two links that were not opened yet.
const CARA: &str = "cara@tin.test";

/// Links as mails carry them.
async fn links(world: &World) -> Vec<Address> {
    let app = &world.app;
    let new = json!({"email": CARA, "password": testkit::PASSWORD, "full_name": "Cara", "org_name": "Tin"});
    app.nobody().post("/v1/auth/register", new).await.expect(201);
    app.nobody().post("/v1/auth/password/forgot", json!({"email": CARA})).await.ok();
    let mut found = Vec::new();
    for (email, page) in [(CARA, "/verify"), (CARA, "/reset"), ("erin@x.test", "/invitations/accept")] {
        let token = app.token_for(email, page).await;
        found.push(Address { route: page.to_owned(), path: format!("{page}?token={token}"), gets: true });
    }
    found
}

/// Those who ask, each with another proof.
struct Callers {
    clients: Vec<Client>,
    browser: Browser,
}

impl Callers {
    /// The use of a session and of a key is noted once a minute: here, before the walk. The clock
    /// stands, so nothing else is noted.
    async fn of(world: &World) -> Self {
        let browser = world.app.browser_of("alice@acme.test").await;
        browser.open("/account").await;
        let clients = vec![world.alice.clone(), world.clerk.clone(), world.mallory.clone(), world.app.nobody()];
        for client in &clients {
            client.get("/v1/auth/org").await;
        }
        Self { clients, browser }
    }

    async fn look(&self, address: &Address) -> Vec<u16> {
        let mut statuses = Vec::new();
        for method in [Method::GET, Method::HEAD] {
            for client in &self.clients {
                statuses.push(client.send(client.request(method.clone(), &address.path)).await.status);
            }
            let request = self.browser.request(method, &address.path).header("accept", "text/html");
            statuses.push(self.browser.send(request).await.status);
        }
        statuses
    }
}

#[track_caller]
fn unchanged(engine: testkit::TestEngine, address: &Address, before: &[Row], after: &[Row]) {
    let gone: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
    let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
    assert!(gone.is_empty() && new.is_empty(), "{engine:?}: reading {} changed {gone:#?}\ninto {new:#?}", address.path);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_get_and_no_head_changes_a_row() {
    for engine in engines() {
        let world = World::new(engine).await;
        let links = links(&world).await;
        let callers = Callers::of(&world).await;
        let all: Vec<_> = addresses(&world).await.into_iter().filter(|address| address.gets).chain(links).collect();
        let (mut before, mut opened) = (world.app.all_rows().await, 0);
        for address in &all {
            opened += usize::from(callers.look(address).await.contains(&200));
            let after = world.app.all_rows().await;
            unchanged(engine, address, &before, &after);
            before = after;
        }
        // Were everything refused, nothing would be shown.
        assert!(opened > 60, "only {opened} of {} addresses were opened", all.len());
        world.app.finish().await;
    }
}
