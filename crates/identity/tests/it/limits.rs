//! Those who guess.

use super::*;

const WRONG: &str = "wrong password indeed";

testkit::stories! {
    async fn the_sixth_try_waits_even_with_the_right_password(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        for _ in 0..5 {
            login(app, "nina@initech.test", WRONG).await.refused(401, "credentials_wrong");
        }
        let refused = login(app, "nina@initech.test", OTHER_PASSWORD).await;
        refused.refused(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), "900");
        app.core.clock.advance(chrono::Duration::minutes(15));
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
    }

    async fn an_unknown_address_is_refused_in_the_same_way(app: TestApp) {
        for _ in 0..5 {
            login(app, "nobody@initech.test", WRONG).await.refused(401, "credentials_wrong");
        }
        login(app, "nobody@initech.test", WRONG).await.refused(429, "rate_limited");
    }

    async fn a_success_starts_the_count_anew(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        for _ in 0..2 {
            for _ in 0..4 {
                login(app, "nina@initech.test", WRONG).await.refused(401, "credentials_wrong");
            }
            login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
        }
    }

    async fn one_network_has_thirty_failures(app: TestApp) {
        for number in 0..30 {
            login(app, &format!("nobody{number}@initech.test"), WRONG).await.refused(401, "credentials_wrong");
        }
        let rotating = app.nobody().with_header("x-forwarded-for", "198.51.100.7").with_header("x-real-ip", "198.51.100.8");
        rotating.post("/v1/auth/login", json!({"email": "nobody30@initech.test", "password": WRONG})).await.refused(429, "rate_limited");
    }

    async fn two_hundred_guesses_with_rotating_headers_are_one_networks(app: TestApp) {
        let names = ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip"];
        let guess = async |number: usize| {
            let (name, address) = (names[number % names.len()], format!("198.51.{}.{}", number / 200, number % 200));
            let value = if name == "forwarded" { format!("for={address}") } else { address };
            let shown = json!({"email": format!("nobody{number}@initech.test"), "password": WRONG});
            app.nobody().with_header(name, &value).post("/v1/auth/login", shown).await.status
        };
        let mut statuses = vec![];
        for number in 0..100 {
            statuses.push(guess(number).await);
        }
        statuses.extend(futures::future::join_all((100..200).map(guess)).await);
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30);
    }

    async fn a_hundred_guesses_at_once_overshoot_by_nothing(app: TestApp) {
        let guess = async |number: usize| login(app, &format!("nobody{number}@initech.test"), WRONG).await.status;
        let statuses = futures::future::join_all((0..100).map(guess)).await;
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30);
    }

    async fn guesses_at_the_same_moment_gain_nothing(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let tries = futures::future::join_all((0..20).map(|_| login(app, "nina@initech.test", WRONG))).await;
        assert_eq!(tries.iter().filter(|answer| answer.status == 401).count(), 5);
        login(app, "nina@initech.test", OTHER_PASSWORD).await.refused(429, "rate_limited");
    }

    async fn many_who_are_right_at_the_same_moment_all_get_in(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let tries = futures::future::join_all((0..12).map(|_| login(app, "nina@initech.test", OTHER_PASSWORD))).await;
        assert!(tries.iter().all(|answer| answer.status == 200));
    }

    async fn a_stolen_session_is_no_way_to_guess_the_password(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let guess = json!({"current_password": WRONG, "new_password": "seven kettles under the harbour"});
        for _ in 0..5 {
            nina.post("/v1/auth/password/change", guess.clone()).await.refused(403, "current_password_wrong");
        }
        nina.post("/v1/auth/password/change", guess).await.refused(429, "rate_limited");
    }

    async fn mails_are_asked_for_five_times(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        for email in ["nina@initech.test", "nobody@initech.test"] {
            for _ in 0..5 {
                app.nobody().post("/v1/auth/password/forgot", json!({"email": email})).await.ok();
            }
            app.nobody().post("/v1/auth/password/forgot", json!({"email": email})).await.refused(429, "rate_limited");
        }
        assert_eq!(app.mails_to("nina@initech.test").await.len(), 6);
    }

    async fn an_endless_password_is_refused_before_any_work(app: TestApp) {
        let endless = "x".repeat(1025);
        login(app, "nina@initech.test", &endless).await.refused(422, "validation_failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_network_registers_so_often_and_is_told_when_it_may_again() {
    let settings =
        vec![("limits.register.per_network.limit".into(), "2".into()), ("limits.register.per_network.window_s".into(), "600".into())];
    let app = TestApp::start_with(testkit::TestEngine::Sqlite, modules(), testkit::Options { settings, ..Default::default() }).await;
    let register = async |email: &str| {
        let body = json!({"email": email, "password": OTHER_PASSWORD, "full_name": "Nina", "org_name": "Initech"});
        app.nobody().with_header("x-forwarded-for", "198.51.100.7").post("/v1/auth/register", body).await
    };
    register("nina@initech.test").await.expect(201);
    // A refusal counts like a success: asking whether an address is taken is what a flood does.
    register("nina@initech.test").await.refused(409, "account_email_taken");
    let refused = register("nils@initech.test").await;
    refused.refused(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "600");
    app.core.clock.advance(chrono::Duration::minutes(10));
    register("nils@initech.test").await.expect(201);
    app.expect_mail();
    app.finish().await;
}

#[test]
fn a_limit_of_nothing_is_refused_at_the_boot() {
    let sources = host::Sources::empty().set("limits.sign_in.per_account.limit", "0");
    let error = host::Boot::new("autorisen", modules()).sources(sources).prepare().err().unwrap();
    assert!(error.to_string().contains("limits.sign_in.per_account.limit: must be from 1 to"), "{error}");
}
