use testkit::json;

use crate::{ada, later, modules, names, path_of};

testkit::stories! {
    async fn a_new_customer_can_be_read_back(app: TestApp) {
        let alice = app.alice().await;
        let made = ada(&alice).await;
        assert_eq!((made["phone"].as_str(), made["version"].as_i64()), (Some("+27821234567"), Some(1)));
        assert_eq!(alice.get(&path_of(&made)).await.expect(200), made);
    }

    async fn every_wrong_field_is_named_at_once(app: TestApp) {
        let body = json!({"name": " ", "email": "ada", "phone": "082", "locale": "english", "timezone": "+02:00"});
        let answer = app.alice().await.post("/v1/customers", body).await;
        answer.refused(422, "validation_failed");
        for field in ["name", "email", "phone", "locale", "timezone"] {
            assert_ne!(answer.field(field), "", "{field}");
        }
    }

    async fn a_reference_names_one_customer_of_an_organization(app: TestApp) {
        let (alice, mallory) = (app.alice().await, app.mallory().await);
        ada(&alice).await;
        let grace = alice.post("/v1/customers", json!({"name": "Grace"})).await.expect(201);
        let again = json!({"name": "Ada again", "external_ref": "Cust-1"});
        alice.post("/v1/customers", again.clone()).await.refused(409, "customer_external_ref_taken");
        alice.patch(&path_of(&grace), json!({"external_ref": "Cust-1"})).await.refused(409, "customer_external_ref_taken");
        mallory.post("/v1/customers", again).await.expect(201);
    }

    async fn a_family_may_share_an_address(app: TestApp) {
        let alice = app.alice().await;
        ada(&alice).await;
        later(app).await;
        alice.post("/v1/customers", json!({"name": "Byron", "email": "ada@example.com"})).await.expect(201);
        assert_eq!(names(&alice.get("/v1/customers?q=ada@example").await.ok()), ["Byron", "Ada Lovelace"]);
    }

    async fn searching_compares_beginnings_in_any_letters(app: TestApp) {
        let alice = app.alice().await;
        ada(&alice).await;
        later(app).await;
        alice.post("/v1/customers", json!({"name": "Grace", "email": "ada.fan@example.com"})).await.expect(201);
        for (search, found) in [("ADA", vec!["Grace", "Ada Lovelace"]), ("cust-", vec!["Ada Lovelace"]), ("love", vec![]), ("%25", vec![])] {
            assert_eq!(names(&alice.get(&format!("/v1/customers?q={search}")).await.ok()), found, "{search}");
        }
    }

    async fn pages_follow_one_another_without_gap(app: TestApp) {
        let alice = app.alice().await;
        for name in ["one", "two", "three"] {
            alice.post("/v1/customers", json!({"name": name})).await.expect(201);
            later(app).await;
        }
        let first = alice.get("/v1/customers?limit=2").await;
        assert_eq!(names(&first.body["data"]), ["three", "two"]);
        let cursor = first.body["meta"]["next_cursor"].as_str().expect("a next page");
        let second = alice.get(&format!("/v1/customers?limit=2&cursor={cursor}")).await;
        assert_eq!(names(&second.body["data"]), ["one"]);
        assert!(second.body["meta"].get("next_cursor").is_none());
        alice.get("/v1/customers?limit=101").await.refused(422, "validation_failed");
    }

    async fn null_clears_and_what_is_left_out_stays(app: TestApp) {
        let alice = app.alice().await;
        let path = path_of(&ada(&alice).await);
        let changed = alice.patch(&path, json!({"phone": null, "locale": "en-za"})).await.expect(200);
        assert_eq!((changed["phone"].as_str(), changed["locale"].as_str()), (None, Some("en-ZA")));
        assert_eq!((changed["email"].as_str(), changed["version"].as_i64()), (Some("Ada@Example.com"), Some(2)));
        alice.patch(&path, json!({"org_id": "x"})).await.refused(422, "validation_failed");
    }

    async fn the_slower_of_two_changes_is_refused(app: TestApp) {
        let alice = app.alice().await;
        let path = path_of(&ada(&alice).await);
        alice.patch(&path, json!({"name": "Ada L.", "version": 1})).await.expect(200);
        alice.patch(&path, json!({"name": "A. Lovelace", "version": 1})).await.refused(409, "conflict");
        assert_eq!(alice.get(&path).await.ok()["name"], "Ada L.");
    }

    async fn archiving_twice_keeps_the_first_date(app: TestApp) {
        let alice = app.alice().await;
        let path = path_of(&ada(&alice).await);
        let first = alice.post_empty(&format!("{path}/archive")).await.expect(200);
        later(app).await;
        let second = alice.post_empty(&format!("{path}/archive")).await.expect(200);
        assert_eq!((&first["archived_at"], &first["version"]), (&second["archived_at"], &second["version"]));
    }

    async fn the_archive_is_another_list(app: TestApp) {
        let alice = app.alice().await;
        let path = path_of(&ada(&alice).await);
        alice.post_empty(&format!("{path}/archive")).await.expect(200);
        for (query, found) in [("", 0), ("?archived=true", 1), ("?archived=any", 1), ("?archived=false", 0)] {
            assert_eq!(names(&alice.get(&format!("/v1/customers{query}")).await.ok()).len(), found, "{query}");
        }
        assert_eq!(alice.post_empty(&format!("{path}/restore")).await.expect(200)["archived_at"], json!(null));
        assert_eq!(names(&alice.get("/v1/customers").await.ok()), ["Ada Lovelace"]);
    }

    async fn a_stranger_learns_nothing(app: TestApp) {
        let path = path_of(&ada(&app.alice().await).await);
        let mallory = app.mallory().await;
        mallory.get(&path).await.refused(404, "customer_not_found");
        mallory.patch(&path, json!({"name": "Mine"})).await.refused(404, "customer_not_found");
        mallory.post_empty(&format!("{path}/archive")).await.refused(404, "customer_not_found");
        mallory.get(&format!("{path}/timeline")).await.refused(404, "customer_not_found");
        assert_eq!(names(&mallory.get("/v1/customers?q=ada").await.ok()).len(), 0);
        app.nobody().get(&path).await.refused(401, "not_authenticated");
    }

    async fn a_viewer_reads_and_changes_nothing(app: TestApp) {
        let path = path_of(&ada(&app.alice().await).await);
        let vera = app.vera().await;
        vera.get(&path).await.expect(200);
        vera.patch(&path, json!({"name": "V"})).await.refused(403, "permission_denied");
        vera.post("/v1/customers", json!({"name": "V"})).await.refused(403, "permission_denied");
    }
}
