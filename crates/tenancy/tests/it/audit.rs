use testkit::json;

use crate::modules;

testkit::stories! {
    async fn the_trail_tells_who_did_what(app: TestApp) {
        let (alice, _bob) = (app.alice().await, app.bob().await);
        let all = alice.get("/v1/audit?limit=100").await.ok();
        let actions: Vec<_> = all.as_array().unwrap().iter().filter_map(|line| line["action"].as_str()).collect();
        for expected in ["organization.founded", "member.joined", "invitation.created", "invitation.accepted"] {
            assert!(actions.contains(&expected), "{expected} in {actions:?}");
        }
        let made = alice.get("/v1/audit?action=invitation.created").await.ok();
        assert_eq!(made[0]["actor"]["name"], "Alice Admin");
        assert!(made[0]["subject"]["id"].as_str().unwrap().starts_with("inv_"));
        assert!(made[0]["request_id"].as_str().unwrap().starts_with("req_") && made[0]["address"].is_string());
    }

    async fn filters_hold_together_and_pages_meet(app: TestApp) {
        let (alice, bob) = (app.alice().await, app.bob().await);
        let bobs = bob.profile["user"]["id"].as_str().unwrap().to_owned();
        let by_bob = alice.get(&format!("/v1/audit?actor={bobs}&action=invitation.")).await.ok();
        assert_eq!(by_bob.as_array().map(Vec::len), Some(1));
        let all = alice.get("/v1/audit?limit=100").await.ok();
        let (mut seen, mut path) = (vec![], "/v1/audit?limit=2".to_owned());
        loop {
            let page = alice.get(&path).await;
            seen.extend(page.body["data"].as_array().unwrap().iter().map(|line| line["id"].clone()));
            let Some(next) = page.body["meta"]["next_cursor"].as_str() else { break };
            path = format!("/v1/audit?limit=2&cursor={next}");
        }
        let expected: Vec<_> = all.as_array().unwrap().iter().map(|line| line["id"].clone()).collect();
        assert_eq!(seen, expected);
    }

    async fn nobody_reads_the_trail_of_others(app: TestApp) {
        let (alice, mallory, vera) = (app.alice().await, app.mallory().await, app.vera().await);
        vera.get("/v1/audit").await.refused(403, "permission_denied");
        let member = alice.get("/v1/org/members").await.ok()[0]["id"].as_str().unwrap().to_owned();
        let foreign = mallory.get(&format!("/v1/audit?subject={member}")).await.ok();
        assert_eq!(foreign, json!([]));
        alice.get("/v1/audit?from=yesterday").await.refused(422, "validation_failed");
        alice.get("/v1/audit?who=me").await.refused(422, "validation_failed");
    }
}
