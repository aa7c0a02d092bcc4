use testkit::json;

use crate::modules;

testkit::stories! {
    async fn everybody_sees_their_own_organization_and_only_an_admin_changes_it(app: TestApp) {
        let (alice, vera) = (app.alice().await, app.vera().await);
        assert_eq!(vera.get("/v1/auth/org").await.ok()["slug"], "acme");
        let changed = alice.patch("/v1/auth/org", json!({"name": "Acme & Daughters", "slug": "acme-daughters"})).await.ok();
        assert_eq!((changed["name"].as_str(), changed["slug"].as_str()), (Some("Acme & Daughters"), Some("acme-daughters")));
        vera.patch("/v1/auth/org", json!({"name": "Vera's"})).await.refused(403, "permission_denied");
        app.nobody().get("/v1/auth/org").await.refused(401, "not_authenticated");
    }

    async fn a_slug_belongs_to_one_organization(app: TestApp) {
        let (alice, _mallory) = (app.alice().await, app.mallory().await);
        alice.patch("/v1/auth/org", json!({"slug": "globex"})).await.refused(409, "organization_slug_taken");
        let reserved = alice.patch("/v1/auth/org", json!({"slug": "admin"})).await;
        reserved.refused(422, "validation_failed");
        assert_eq!(reserved.field("slug"), "is reserved; choose another");
        alice.patch("/v1/auth/org", json!({"slug": "acme"})).await.ok();
    }
}
