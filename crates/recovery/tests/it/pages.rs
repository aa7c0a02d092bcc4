use crate::{case, days, failed, modules, stage};

testkit::stories! {
    async fn a_newcomer_is_shown_the_first_steps_and_later_the_numbers(app: TestApp) {
        let page = app.alice().await.get("/dashboard").await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("First steps"), "{}", page.text);
        let (_, connection) = stage(app).await;
        failed(app, &connection, "pm_a", &["do_not_honor", "succeeded"]).await;
        days(app, 3).await;
        let page = app.alice().await.get("/dashboard").await.text;
        assert!(!page.contains("First steps") && page.contains("49.00 EUR") && page.contains("100.0 %"), "{page}");
        app.expect_mail();
    }

    async fn a_case_tells_its_story_in_plain_words(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_a", &["insufficient_funds"]).await;
        days(app, 3).await;
        let found = case(&clerk, &reference).await;
        let list = app.alice().await.get("/payments").await.text;
        assert!(list.contains(&reference) && list.contains("Scheduled"), "{list}");
        let page = app.alice().await.get(&format!("/cases/{}", found["id"].as_str().expect("an id"))).await.text;
        for words in ["A retry was declined over 49.00 EUR", "not enough money on the account", "What happens now"] {
            assert!(page.to_lowercase().contains(&words.to_lowercase()), "{words} in {page}");
        }
        let customer = app.alice().await.get(&format!("/customers/{}", found["customer_id"].as_str().expect("an id"))).await.text;
        assert!(customer.contains("Failed payments"), "{customer}");
        app.expect_mail();
    }

    async fn a_page_of_another_organization_does_not_exist(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_a", &["insufficient_funds"]).await;
        let id = case(&clerk, &reference).await["id"].as_str().expect("an id").to_owned();
        assert_eq!(app.mallory().await.get(&format!("/cases/{id}")).await.status, 404);
        assert_eq!(app.nobody().get("/dashboard").await.status, 303);
    }
}
