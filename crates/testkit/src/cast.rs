//! The people of every story: *alice* admin, *bob* user and *vera* viewer of **acme**; *mallory*
//! admin of **globex**; *clerk*, an API key of acme; *nobody*.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::Client;

/// One that no list of common ones knows.
pub const PASSWORD: &str = "correct-Horse-battery-7-staple";

impl TestApp {
    /// Signs up and verifies the address.
    pub async fn sign_up(&self, email: &str, name: &str, org: &str) -> Client {
        let slug: String = org.to_lowercase().replace(' ', "-");
        let body = json!({"email": email, "password": PASSWORD, "full_name": name, "org_name": org, "org_slug": slug});
        let profile = self.nobody().post("/v1/auth/register", body).await.expect(201);
        let token = self.token_for(email, "/verify").await;
        self.nobody().post("/v1/auth/verify-email", json!({"token": token})).await.ok();
        self.on_stage(email, &profile["organization"]["id"]);
        self.holding(&profile)
    }

    /// Signs somebody in who signed up here, into the organization that they act in; `None` for
    /// strangers and for those who are refused.
    pub async fn sign_in(&self, email: &str) -> Option<Client> {
        let org = self.stage_of(email)?;
        let shown = json!({"email": email, "password": PASSWORD, "org_id": org});
        let answer = self.nobody().post("/v1/auth/login", shown).await;
        (answer.status == 200).then(|| self.holding(&answer.body["data"]))
    }

    /// Somebody who holds the tokens of this answer.
    pub fn holding(&self, profile: &Value) -> Client {
        let mut client = self.nobody();
        client.token = profile["access_token"].as_str().map(str::to_owned);
        client.profile = profile.clone();
        client
    }

    /// Alice, admin of acme.
    pub async fn alice(&self) -> Client {
        self.member_or_founder("alice@acme.test", "Alice Admin", "Acme").await
    }

    /// Mallory, admin of globex.
    pub async fn mallory(&self) -> Client {
        self.member_or_founder("mallory@globex.test", "Mallory Malice", "Globex").await
    }

    /// Bob, user of acme.
    pub async fn bob(&self) -> Client {
        self.invited("bob@acme.test", "Bob User", "user").await
    }

    /// Vera, viewer of acme.
    pub async fn vera(&self) -> Client {
        self.invited("vera@acme.test", "Vera Viewer", "viewer").await
    }

    /// Clerk, a key of acme with these scopes.
    pub async fn clerk(&self, scopes: &[&str]) -> Client {
        let alice = self.alice().await;
        let made = alice.post("/v1/api-keys", json!({"name": "clerk", "scopes": scopes})).await.expect(201);
        let mut clerk = self.nobody();
        clerk.token = made["key"].as_str().map(str::to_owned);
        clerk.profile = made;
        clerk
    }

    async fn member_or_founder(&self, email: &str, name: &str, org: &str) -> Client {
        match self.sign_in(email).await {
            Some(client) => client,
            None => self.sign_up(email, name, org).await,
        }
    }

    async fn invited(&self, email: &str, name: &str, role: &str) -> Client {
        if let Some(client) = self.sign_in(email).await {
            return client;
        }
        let alice = self.alice().await;
        alice.post("/v1/org/invitations", json!({"email": email, "role": role})).await.expect(201);
        let invitation = self.token_for(email, "/invitations/accept").await;
        // Everybody founds an organization at sign-up; the invitation adds a second one.
        let person = self.sign_up(email, name, &format!("{name} own")).await;
        let joined = person.post("/v1/invitations/accept", json!({"token": invitation})).await.ok();
        self.on_stage(email, &joined["organization"]["id"]);
        self.sign_in(email).await.expect("was put on stage just now")
    }
}
