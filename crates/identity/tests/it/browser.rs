//! The pages, as a browser without script uses them.

use super::*;

/// A browser: it keeps cookies and reads the hidden token of forms.
struct Browser {
    client: Client,
    cookies: std::collections::BTreeMap<String, String>,
}

impl Browser {
    fn new(app: &TestApp) -> Self {
        Self { client: app.nobody(), cookies: Default::default() }
    }

    fn with_cookies(&self) -> Client {
        let line: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if line.is_empty() { self.client.clone() } else { self.client.clone().with_header("cookie", &line.join("; ")) }
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for line in answer.headers.get_all("set-cookie") {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.remove(name)
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned())
            };
        }
        answer
    }

    async fn open(&mut self, path: &str) -> Answer {
        let answer = self.with_cookies().get(path).await;
        self.keep(answer)
    }

    /// Opens a page, and sends its form back with these fields.
    async fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let html = self.open(page).await.text;
        let csrf =
            html.split_once("name=\"_csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a form on the page").0.to_owned();
        let mut all = vec![("_csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        let answer = self.with_cookies().form(action, &all).await;
        self.keep(answer)
    }

    async fn sign_in(&mut self, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("email", "nina@initech.test"), ("password", OTHER_PASSWORD)];
        all.extend_from_slice(fields);
        self.submit("/signin", "/signin", &all).await
    }
}

testkit::stories! {
    async fn signing_up_leads_to_the_dashboard(app: TestApp) {
        let mut browser = Browser::new(app);
        assert_eq!(browser.open("/").await.header("location"), "/signin");
        let fields = [("email", "nina@initech.test"), ("password", OTHER_PASSWORD), ("full_name", "Nina New"), ("org_name", "Initech")];
        let done = browser.submit("/signup", "/signup", &fields).await;
        assert_eq!((done.status, done.header("location")), (303, "/dashboard"));
        assert_eq!(browser.open("/").await.header("location"), "/dashboard");
        let account = browser.open("/account").await;
        assert!(account.text.contains("Nina New") && account.text.contains("not confirmed") && account.text.contains("this one"), "{}", account.text);
        app.mails_to("nina@initech.test").await;
    }

    async fn a_wrong_form_keeps_what_was_typed_and_says_what_is_wrong(app: TestApp) {
        let mut browser = Browser::new(app);
        let fields = [("email", "nina@initech.test"), ("password", "password1234"), ("full_name", "Nina <b>"), ("org_name", "Initech")];
        let again = browser.submit("/signup", "/signup", &fields).await;
        assert_eq!(again.status, 422);
        assert!(again.text.contains("Nina &#60;b&#62;") || again.text.contains("Nina &lt;b&gt;"), "{}", again.text);
        assert!(again.text.contains("widely used") && !again.text.contains("password1234"), "{}", again.text);
    }

    async fn the_session_cookie_is_out_of_reach_for_scripts_and_strangers(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let mut browser = Browser::new(app);
        let done = browser.sign_in(&[]).await;
        assert_eq!(done.status, 303, "{}", done.text);
        let cookie = done.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).find(|line| line.contains("_session=")).unwrap();
        for word in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(word), "{cookie}");
        }
        assert!(!cookie.contains("Max-Age"), "ends with the browser: {cookie}");
        let remembered = Browser::new(app).sign_in(&[("remember", "yes")]).await;
        let lines: Vec<_> = remembered.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
        assert!(lines.iter().any(|line| line.contains("_session=") && line.contains("Max-Age=7776000")), "{lines:?}");
    }

    async fn after_signing_in_only_our_own_pages_follow(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        for (wish, lands) in [("/account", "/account"), ("//evil.example", "/dashboard"), ("https://evil.example", "/dashboard"), ("/\\evil.example", "/dashboard")] {
            let done = Browser::new(app).sign_in(&[("return_to", wish)]).await;
            assert_eq!(done.header("location"), lands, "{wish}");
        }
    }

    async fn a_form_without_its_token_or_from_elsewhere_does_nothing(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let fields = [("email", "nina@initech.test"), ("password", OTHER_PASSWORD)];
        assert_eq!(app.nobody().form("/signin", &fields).await.status, 403);
        let mut browser = Browser::new(app);
        browser.sign_in(&[]).await;
        assert_eq!(browser.with_cookies().form("/signout", &[("_csrf", "made-up")]).await.status, 403);
        assert_eq!(browser.open("/account").await.status, 200);
    }

    async fn a_script_needs_the_token_of_its_session(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let mut browser = Browser::new(app);
        browser.sign_in(&[]).await;
        let me = browser.open("/auth/web/me").await.ok();
        let (origin, token) = (app.base.as_str(), me["csrf_token"].as_str().unwrap());
        let body = json!({"full_name": "Nina Newer"});
        browser.with_cookies().patch("/v1/auth/me", body.clone()).await.refused(403, "csrf_failed");
        let elsewhere = browser.with_cookies().with_header("x-csrf-token", token).with_header("origin", "https://evil.example");
        elsewhere.patch("/v1/auth/me", body.clone()).await.refused(403, "csrf_failed");
        let ours = browser.with_cookies().with_header("x-csrf-token", token).with_header("origin", origin);
        assert_eq!(ours.patch("/v1/auth/me", body).await.ok()["full_name"], "Nina Newer");
        ours.post_empty("/auth/web/logout").await.expect(204);
        browser.open("/auth/web/me").await.refused(401, "not_authenticated");
    }

    async fn an_idle_session_ends_after_twelve_hours_and_a_used_one_after_seven_days(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let (mut idle, mut used) = (Browser::new(app), Browser::new(app));
        idle.sign_in(&[]).await;
        used.sign_in(&[]).await;
        for _ in 0..16 {
            app.core.clock.advance(chrono::Duration::hours(10));
            used.open("/auth/web/me").await.ok();
        }
        idle.open("/auth/web/me").await.refused(401, "not_authenticated");
        app.core.clock.advance(chrono::Duration::hours(8));
        used.open("/auth/web/me").await.refused(401, "not_authenticated");
    }

    async fn a_cookie_planted_before_the_sign_in_is_never_promoted(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let mut browser = Browser::new(app);
        browser.cookies.insert("autorisen_session".into(), "planted-by-a-stranger".into());
        browser.sign_in(&[]).await;
        assert_ne!(browser.cookies["autorisen_session"], "planted-by-a-stranger");
        let stranger = app.nobody().with_header("cookie", "autorisen_session=planted-by-a-stranger");
        stranger.get("/auth/web/me").await.refused(401, "not_authenticated");
    }

    async fn scanners_spend_no_link(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let token = app.token_to("nina@initech.test").await;
        let link = format!("/verify?token={token}");
        for _ in 0..3 {
            assert_eq!(app.nobody().get(&link).await.status, 200);
        }
        let done = Browser::new(app).submit(&link, "/verify", &[("token", &token)]).await;
        assert_eq!(done.status, 303, "{}", done.text);
        let again = Browser::new(app).submit(&link, "/verify", &[("token", &token)]).await;
        assert_eq!(again.status, 422);
        assert!(again.text.contains("used before"), "{}", again.text);
    }

    async fn a_forgotten_password_is_reset_in_the_browser(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let mut browser = Browser::new(app);
        let asked = browser.submit("/forgot", "/forgot", &[("email", "nina@initech.test")]).await;
        assert!(asked.text.contains("on its way"), "{}", asked.text);
        let token = app.token_to("nina@initech.test").await;
        let new = "seven kettles under the harbour";
        let done = browser.submit(&format!("/reset?token={token}"), "/reset", &[("token", &token), ("password", new)]).await;
        assert_eq!((done.status, done.header("location")), (303, "/signin"), "{}", done.text);
        login(app, "nina@initech.test", new).await.ok();
        app.mails_to("nina@initech.test").await;
    }

    async fn a_known_browser_is_not_locked_out_by_a_stranger(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let mut browser = Browser::new(app);
        browser.sign_in(&[]).await;
        browser.submit("/account", "/signout", &[]).await;
        for _ in 0..6 {
            login(app, "nina@initech.test", "wrong password indeed").await;
        }
        assert_eq!(Browser::new(app).sign_in(&[]).await.status, 429);
        assert_eq!(browser.sign_in(&[]).await.status, 303);
    }

    async fn the_account_page_changes_the_password_and_ends_sessions(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let mut browser = Browser::new(app);
        browser.sign_in(&[]).await;
        let old = browser.cookies["autorisen_session"].clone();
        let fields = [("current_password", OTHER_PASSWORD), ("new_password", "seven kettles under the harbour")];
        let done = browser.submit("/account", "/account/password", &fields).await;
        assert_eq!((done.status, done.header("location")), (303, "/account"), "{}", done.text);
        assert_ne!(browser.cookies["autorisen_session"], old);
        assert!(browser.open("/account").await.text.contains("Your password is changed"));
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        app.mails_to("nina@initech.test").await;
        assert_eq!(browser.submit("/account", "/account/sessions/end-all", &[]).await.header("location"), "/signin");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_https_cookies_are_bound_to_the_host_and_secure() {
    let https = "https://app.initech.test";
    with_settings(&[("server.public_url", https)], async |app| {
        newcomer(app, "nina@initech.test").await;
        let page = app.nobody().get("/signin").await;
        let presession = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let fields = [("_csrf", testkit::csrf_in(&page.text)), ("email", "nina@initech.test".into()), ("password", OTHER_PASSWORD.into())];
        let request = app.nobody().request(reqwest::Method::POST, "/signin").header("origin", https).header("cookie", presession);
        let entered = app.nobody().send(request.form(&fields)).await;
        assert_eq!(entered.status, 303, "{}", entered.text);
        let cookies: Vec<_> = entered.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
        assert!(cookies.iter().any(|line| line.starts_with("__Host-autorisen_session=")), "{cookies:?}");
        for line in cookies {
            let bound = ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"].iter().all(|word| line.contains(word));
            assert!(line.starts_with("__Host-") && bound && !line.contains("Domain"), "{line}");
        }
        app.expect_mail();
    })
    .await;
}
