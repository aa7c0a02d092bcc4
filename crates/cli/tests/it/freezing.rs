//! `users`: what an operator does on the machine while the server runs.

use std::time::Duration;

use testkit::{PASSWORD, json};

use crate::place::on_both;
use crate::somebody::until;
use crate::{Place, Somebody};

/// What the program promises for what reads no row; anything else is shut out at once.
const SHUT_OUT_MAX: Duration = Duration::from_secs(5);

async fn is_shut_out(who: &Somebody, path: &str) {
    let refused = until(SHUT_OUT_MAX, async || (who.get(path).await.status == 401).then_some(())).await;
    assert!(refused.is_some(), "{path} still answers {SHUT_OUT_MAX:?} after the freeze");
}

on_both! {
    async fn an_account_is_made_and_listed(place: Place) {
        let added = place.run(&["users", "add", "ann@acme.test", "--name", "Ann Berg", "--org", "Acme"]).await.fine();
        let password = added.out.trim();
        assert!(password.len() >= 20 && added.out.lines().count() == 1, "the password alone is data: {}", added.out);
        assert!(added.err.contains("ann@acme.test") && !added.err.contains(password), "{}", added.err);

        let listed = place.run(&["users", "list"]).await.fine();
        assert!(listed.out.contains("ann@acme.test") && !listed.out.contains(password), "{}", listed.out);
        let rows = place.run(&["users", "list", "--json"]).await.fine().json();
        assert_eq!((rows.as_array().map(Vec::len), rows[0]["full_name"].as_str()), (Some(1), Some("Ann Berg")));

        let mut server = place.serve().await;
        let signed_in = server.somebody().post("/v1/auth/login", json!({"email": "ann@acme.test", "password": password})).await.expect(200);
        assert_eq!(signed_in["organization"]["name"], "Acme");
        server.stop().await;
        let twice = place.run(&["users", "add", "ann@acme.test", "--name", "Ann", "--org", "Other"]).await.with(1);
        twice.complains(&["account_email_taken"]);
        assert_eq!(twice.out, "", "no password for nobody");
    }

    async fn a_freeze_shuts_every_way_of_a_running_server_within_seconds(place: Place) {
        let mut server = place.serve().await;
        let nobody = server.somebody();
        let ada = nobody.sign_up("ada@acme.test", "Acme").await;
        let token = nobody.token_to("ada@acme.test").await;
        nobody.post("/v1/auth/verify-email", json!({"token": token})).await.ok();
        let made = ada.post("/v1/api-keys", json!({"name": "clerk", "scopes": ["customers:read"]})).await.expect(201);
        let clerk = nobody.holding(made["key"].as_str().expect("a key"));
        for (who, path) in [(&ada, "/v1/auth/me"), (&ada, "/v1/customers"), (&clerk, "/v1/customers")] {
            assert_eq!(who.get(path).await.status, 200, "{path}");
        }

        place.run(&["users", "freeze", "ada@acme.test"]).await.fine();
        is_shut_out(&ada, "/v1/customers").await;
        is_shut_out(&ada, "/v1/auth/me").await;
        is_shut_out(&clerk, "/v1/customers").await;
        let shown = json!({"email": "ada@acme.test", "password": PASSWORD});
        assert_eq!(nobody.post("/v1/auth/login", shown.clone()).await.status, 401);
        assert!(place.run(&["users", "list"]).await.fine().out.contains("frozen"));

        place.run(&["users", "freeze", "ada@acme.test", "--undo"]).await.fine();
        nobody.post("/v1/auth/login", shown).await.expect(200);
        for (who, path) in [(&ada, "/v1/auth/me"), (&ada, "/v1/customers")] {
            assert_eq!(who.get(path).await.status, 401, "a token from before stays dead: {path}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn nobody_can_be_frozen_who_is_not_there() {
    let place = Place::sqlite();
    place.run(&["users", "freeze", "eve@acme.test"]).await.with(1).complains(&["eve@acme.test", "hint: autorisen users list"]);
}
