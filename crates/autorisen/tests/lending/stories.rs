//! The module's stories, through HTTP, on both databases.

use autorisen::Module;
use testkit::{Value, json};

use crate::Lending;

fn modules() -> Vec<Box<dyn Module>> {
    let mut modules = autorisen::standard();
    modules.push(Box::new(Lending));
    modules
}

fn dune() -> Value {
    json!({"book": "Dune", "borrower": "Paul", "due_on": "2026-04-01"})
}

testkit::stories! {
    async fn a_book_is_with_one_person_at_a_time(app: TestApp) {
        let bob = app.bob().await;
        let loan = bob.post("/v1/loans", dune()).await.expect(201);
        bob.post("/v1/loans", dune()).await.refused(409, "book_already_lent");
        let path = format!("/v1/loans/{}/return", loan["id"].as_str().expect("an id"));
        let first = bob.post_empty(&path).await.ok();
        app.advance(chrono::Duration::days(1)).await;
        let bob = app.bob().await;
        assert_eq!(bob.post_empty(&path).await.ok()["returned_at"], first["returned_at"], "the first date stays");
        bob.post("/v1/loans", dune()).await.expect(201);
    }

    async fn another_organization_sees_nothing_of_it(app: TestApp) {
        let loan = app.alice().await.post("/v1/loans", dune()).await.expect(201);
        let mallory = app.mallory().await;
        assert_eq!(mallory.get("/v1/loans").await.ok(), json!([]));
        let path = format!("/v1/loans/{}/return", loan["id"].as_str().expect("an id"));
        mallory.post_empty(&path).await.refused(404, "loan_not_found");
        app.vera().await.post("/v1/loans", dune()).await.refused(403, "permission_denied");
        app.nobody().get("/v1/loans").await.refused(401, "not_authenticated");
    }

    async fn a_wrong_loan_is_told_field_by_field(app: TestApp) {
        let alice = app.alice().await;
        let answer = alice.post("/v1/loans", json!({"book": "", "borrower": " ", "due_on": "2026-04-01"})).await;
        answer.refused(422, "validation_failed");
        assert!(!answer.field("book").is_empty() && !answer.field("borrower").is_empty());
        let answer = alice.post("/v1/loans", json!({"book": "Dune", "borrower": "Paul", "due_on": "soon"})).await;
        assert!(!answer.field("due_on").is_empty(), "{}", answer.text);
    }
}
