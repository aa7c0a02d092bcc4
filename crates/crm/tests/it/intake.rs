use crm::{Customer, Known, customers};
use kernel::{Actor, OrgId};
use store::Tx;
use testkit::{Client, TestApp};

use crate::{ada, modules};

fn known(external_ref: Option<&str>, email: Option<&str>) -> Known {
    let email = email.map(|email| email.parse().expect("an address"));
    Known { external_ref: external_ref.map(str::to_owned), email, ..Known::default() }
}

/// What a room above does when a payment comes in.
async fn met(app: &TestApp, of: &Client, known: Known) -> Customer {
    let org: OrgId = of.profile["organization"]["id"].as_str().expect("an organization").parse().expect("an id");
    let mut tx = Tx::for_org(&app.core.store, org, Actor::System("billing")).await.expect("a transaction");
    let customer = customers::find_or_create(&mut tx, known).await.expect("a customer");
    tx.commit().await.expect("a commit");
    customer
}

testkit::stories! {
    async fn a_known_reference_or_address_finds_the_same_customer(app: TestApp) {
        let alice = app.alice().await;
        let id = ada(&alice).await["id"].clone();
        for facts in [known(Some("Cust-1"), None), known(None, Some("ADA@example.com")), known(Some("Cust-1"), Some("other@example.com"))] {
            let found = met(app, &alice, facts).await;
            assert_eq!(id, found.customer_id().to_string());
            assert_eq!(found.email.as_deref(), Some("Ada@Example.com"), "what is known stays");
        }
    }

    async fn another_reference_at_the_same_address_is_somebody_else(app: TestApp) {
        let alice = app.alice().await;
        let id = ada(&alice).await["id"].clone();
        let other = met(app, &alice, known(Some("Cust-2"), Some("ada@example.com"))).await;
        assert_ne!(id, other.customer_id().to_string());
        assert_eq!(other.name, "ada@example.com");
    }

    async fn gaps_are_filled_and_told(app: TestApp) {
        let alice = app.alice().await;
        let first = met(app, &alice, known(None, Some("new@example.com"))).await;
        let facts = Known { phone: "+27821234567".parse().ok(), ..known(Some("Cust-9"), Some("new@example.com")) };
        let second = met(app, &alice, facts).await;
        assert_eq!((first.id, second.external_ref.as_deref(), second.phone.as_deref()), (second.id, Some("Cust-9"), Some("+27821234567")));
        let told = alice.get(&format!("/v1/customers/{}/timeline", second.customer_id())).await.ok();
        assert_eq!(told[0]["text"], "Added phone: +27821234567; added reference: Cust-9");
    }
}
