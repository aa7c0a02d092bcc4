use crm::CustomerPage as _;
use host::Registry;
use testkit::json;

use crate::{ada, modules};

/// What a room above does to show something on a customer's page.
pub struct PanelModule;

impl host::Module for PanelModule {
    fn name(&self) -> &'static str {
        "panel"
    }

    fn register(&self, app: &mut Registry) {
        app.customer_panel(10, |_, tx, customer| {
            Box::pin(async move {
                let row = crm::customers::find(tx, customer).await.map_err(kernel::Failed::into_failure)?;
                Ok(format!("<section class=\"card\">version {}</section>", row.version))
            })
        });
    }
}

testkit::stories! {
    async fn a_customers_page_shows_facts_story_and_panels(app: TestApp) {
        let alice = app.alice().await;
        let id = ada(&alice).await["id"].as_str().expect("an id").to_owned();
        let page = alice.get(&format!("/customers/{id}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        for part in ["Ada@Example.com", "Cust-1", "<p>Created</p>", "version 1", "/archive"] {
            assert!(page.text.contains(part), "{part} is missing in {}", page.text);
        }
    }

    async fn what_people_typed_is_never_html(app: TestApp) {
        let alice = app.alice().await;
        let name = "<script>alert(1)</script>";
        let id = alice.post("/v1/customers", json!({"name": name})).await.expect(201)["id"].as_str().expect("an id").to_owned();
        for path in ["/customers".to_owned(), format!("/customers/{id}"), format!("/customers/{id}/edit"), "/customers?q=%3Cscript%3E".into()] {
            let page = alice.get(&path).await;
            assert!(page.status == 200 && !page.text.contains("<script"), "{path}: {}", page.text);
        }
    }

    async fn a_viewer_sees_no_button_that_would_be_refused(app: TestApp) {
        let id = ada(&app.alice().await).await["id"].as_str().expect("an id").to_owned();
        let vera = app.vera().await;
        let page = vera.get(&format!("/customers/{id}")).await;
        assert!(page.status == 200 && !page.text.contains("/archive") && !page.text.contains("/edit"), "{}", page.text);
        assert_eq!(vera.get("/customers/new").await.status, 403);
    }

    async fn an_empty_list_says_what_to_do(app: TestApp) {
        let page = app.alice().await.get("/customers").await;
        assert!(page.text.contains("No customers yet") && page.text.contains("/customers/new"), "{}", page.text);
    }
}
