use testkit::{Answer, Client, TestApp, json};

use crate::modules;

/// Signs in as a browser: the session cookie on every request, no token.
async fn browser(app: &TestApp, person: &Client) -> (Client, String) {
    let email = person.profile["user"]["email"].as_str().unwrap().to_owned();
    let form = app.nobody().get("/signin").await;
    let guest = with_cookies(app.nobody(), &form);
    let token = hidden(&form.text, "_csrf");
    let fields = [("_csrf", token.as_str()), ("email", &email), ("password", "correct-Horse-battery-7-staple")];
    let signed_in = guest.form("/signin", &fields).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text);
    let browser = with_cookies(app.nobody(), &signed_in);
    let page = browser.get("/members").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let csrf = hidden(&page.text, "_csrf");
    (browser, csrf)
}

fn with_cookies(client: Client, answer: &Answer) -> Client {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let pairs: Vec<&str> = lines.filter_map(|line| line.split(';').next()).filter(|pair| !pair.ends_with('=')).collect();
    client.with_header("cookie", &pairs.join("; "))
}

fn hidden(html: &str, name: &str) -> String {
    let tail = html.split_once(&format!(r#"name="{name}" value=""#)).expect("a hidden field").1;
    tail.split('"').next().unwrap_or_default().to_owned()
}

testkit::stories! {
    async fn an_admin_works_through_the_pages(app: TestApp) {
        let alice = app.alice().await;
        let (browser, csrf) = browser(app, &alice).await;
        let wrong = browser.form("/members/invitations", &[("_csrf", &csrf), ("email", "carol"), ("role", "user")]).await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.text.contains("expected one mail address") && wrong.text.contains(r#"value="carol""#), "{}", wrong.text);
        let sent = browser.form("/members/invitations", &[("_csrf", &csrf), ("email", "carol@x.test"), ("role", "user")]).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        assert!(browser.get("/members").await.text.contains("carol@x.test"));
        app.mail_to("carol@x.test").await;
        for path in ["/settings", "/audit", "/audit?action=member.&from=2026-03-02&to=2026-03-02&subject=&actor=", "/api-keys"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
        }
        let saved = browser.form("/settings", &[("_csrf", &csrf), ("name", "Acme Two"), ("slug", "acme-two")]).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
    }

    async fn a_key_made_on_the_page_is_shown_there_once(app: TestApp) {
        let alice = app.alice().await;
        let (browser, csrf) = browser(app, &alice).await;
        let none = browser.form("/api-keys", &[("_csrf", &csrf), ("name", "till"), ("expires_on", "")]).await;
        assert_eq!(none.status, 422, "{}", none.text);
        let about = [("_csrf", csrf.as_str()), ("name", "till"), ("expires_on", "2027-01-31")];
        let fields = [&about[..], &[("scopes", "members:read"), ("scopes", "org:read")]].concat();
        let made = browser.form("/api-keys", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let start = made.text.find("ak_").expect("the key");
        let key: String = made.text[start..].chars().take_while(|letter| *letter != '<').collect();
        let mut till = app.nobody();
        till.token = Some(key.clone());
        till.get("/v1/auth/org").await.ok();
        assert!(!browser.get("/api-keys").await.text.contains(&key));
    }

    async fn an_invitation_opens_a_page_and_a_look_spends_nothing(app: TestApp) {
        let (alice, carol) = (app.alice().await, app.sign_up("carol@x.test", "Carol", "Carols").await);
        app.advance(chrono::Duration::seconds(1)).await;
        alice.post("/v1/org/invitations", json!({"email": "carol@x.test", "role": "user"})).await.expect(201);
        let path = format!("/invitations/accept?token={}", app.token_to("carol@x.test").await);
        let stranger = app.nobody().get(&path).await;
        assert!(stranger.status == 200 && stranger.text.contains("/signin?return_to=%2Finvitations%2Faccept"), "{}", stranger.text);
        let (browser, csrf) = browser(app, &carol).await;
        for _ in 0..2 {
            assert!(browser.get(&path).await.text.contains("Join Acme"));
        }
        let token = path.split_once('=').unwrap().1;
        let accepted = browser.form("/invitations/accept", &[("_csrf", &csrf), ("token", token)]).await;
        assert_eq!(accepted.status, 303, "{}", accepted.text);
        assert_eq!(browser.get(&path).await.status, 409);
        assert_eq!(alice.get("/v1/org/members").await.ok().as_array().map(Vec::len), Some(2));
    }
}
