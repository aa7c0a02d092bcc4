//! Registering where nobody learns whether an address has an account: the link in the mail makes it.

use super::*;
use identity::{accounts, passwords};
use testkit::Value;

/// What somebody typed who does not own the address.
const ATTACKERS: &str = "nine lanterns behind the orchard";
/// The end of a hash without salt and without result.
const NOBODYS: &str = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const MAIL_FIRST: [(&str, &str); 1] = [("identity.registration_mode", "mail_first")];

/// No password: it is chosen where the address is proven.
pub fn new(email: &str, slug: &str) -> Value {
    json!({"email": email, "full_name": "Nina New", "org_name": "Initech", "org_slug": slug})
}

pub async fn register(app: &TestApp, email: &str, slug: &str) -> Answer {
    app.nobody().post("/v1/auth/register", new(email, slug)).await
}

pub async fn verify(app: &TestApp, token: &str) -> Answer {
    verify_choosing(app, token, OTHER_PASSWORD).await
}

pub async fn verify_choosing(app: &TestApp, token: &str, password: &str) -> Answer {
    app.nobody().post("/v1/auth/verify-email", json!({"token": token, "password": password})).await
}

/// Somebody who signed up and used the link.
pub async fn settled(app: &TestApp, email: &str, slug: &str) {
    register(app, email, slug).await.expect(202);
    let token = app.token_for(email, "/verify").await;
    verify(app, &token).await.ok();
    app.core.clock.advance(chrono::Duration::seconds(1));
}

async fn subjects(app: &TestApp, email: &str) -> Vec<String> {
    app.mails_to(email).await.iter().map(|mail| mail["subject"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_an_unknown_and_a_frozen_address_get_the_same_answer_for_the_same_work() {
    with_settings(&MAIL_FIRST, async |app| {
        settled(app, "known@x.test", "known").await;
        settled(app, "frozen@x.test", "frozen").await;
        accounts::freeze(&app.core, &"frozen@x.test".parse().unwrap(), true).await.unwrap();
        let mut seen = Vec::new();
        for email in ["known@x.test", "unknown@x.test", "frozen@x.test"] {
            let before = passwords::hashes_computed(&app.core);
            let answer = register(app, email, "another").await;
            let hashes = passwords::hashes_computed(&app.core) - before;
            let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            seen.push((answer.status, answer.body["data"].clone(), names, answer.text.len(), hashes));
        }
        assert_eq!((seen[0].0, &seen[0].1, seen[0].4), (202, &json!({"accepted": true}), 0));
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        assert_eq!(subjects(app, "known@x.test").await[0], "You have an account already");
        assert_eq!(subjects(app, "unknown@x.test").await, ["Finish signing up"]);
        assert_eq!(subjects(app, "frozen@x.test").await, ["Finish signing up"], "a frozen account gets no mail");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_makes_a_verified_account_once_and_signs_nobody_in() {
    with_settings(&MAIL_FIRST, async |app| {
        register(app, "Nina@x.test", "initech").await.expect(202);
        login(app, "nina@x.test", OTHER_PASSWORD).await.refused(401, "credentials_wrong");
        let token = app.token_for("nina@x.test", "/verify").await;
        let made = verify(app, &token).await;
        assert!(made.status == 200 && made.header("set-cookie").is_empty() && !made.text.contains("access_token"), "{}", made.text);
        verify(app, &token).await.refused(422, "proof_token_refused");
        let nina = login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
        assert_eq!((&nina["user"]["role"], &nina["organization"]["slug"]), (&json!("admin"), &json!("initech")));
        assert!(nina["user"]["email_verified_at"].is_string() && nina["user"]["email"] == "Nina@x.test", "{nina}");
        let trail = app.holding(&nina).get("/v1/audit").await.ok().to_string();
        assert!(["account.registered", "account.address_verified"].iter().all(|action| trail.contains(action)), "{trail}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scanners_spend_no_registration_and_the_button_makes_it() {
    with_settings(&MAIL_FIRST, async |app| {
        register(app, "nina@x.test", "initech").await.expect(202);
        let token = app.token_for("nina@x.test", "/verify").await;
        let page = format!("/verify?token={token}");
        for _ in 0..3 {
            let shown = app.nobody().get(&page).await;
            assert!(shown.status == 200 && shown.text.contains("Make my account") && shown.text.contains("Initech"), "{}", shown.text);
            assert_eq!(app.nobody().send(app.nobody().request(reqwest::Method::HEAD, &page)).await.status, 200);
        }
        let done = press(app, &page, "/verify", &[("token", &token), ("password", OTHER_PASSWORD)]).await;
        assert_eq!((done.status, done.header("location")), (303, "/signin"), "{}", done.text);
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_registers_somebody_elses_address_knows_no_password_of_the_account() {
    with_settings(&MAIL_FIRST, async |app| {
        let mut planted = new("nina@x.test", "initech");
        planted["password"] = json!(ATTACKERS);
        app.nobody().post("/v1/auth/register", planted).await.expect(202);
        let kept = format!("{:?}", app.all_rows().await);
        assert_eq!(kept.matches("$argon2").count(), kept.matches(NOBODYS).count(), "nothing of what was typed is kept");
        let token = app.token_for("nina@x.test", "/verify").await;
        verify(app, &token).await.ok();
        login(app, "nina@x.test", ATTACKERS).await.refused(401, "credentials_wrong");
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_asks_for_a_password_and_a_wrong_one_spends_nothing() {
    with_settings(&MAIL_FIRST, async |app| {
        register(app, "nina@x.test", "initech").await.expect(202);
        let token = app.token_for("nina@x.test", "/verify").await;
        let nobody = app.nobody();
        let bare = nobody.post("/v1/auth/verify-email", json!({"token": token})).await;
        let weak = verify_choosing(app, &token, "password1234").await;
        let own = verify_choosing(app, &token, "Initech-tractor-violet").await;
        for (answer, said) in [(bare, "is required"), (weak, "widely used"), (own, "your organization")] {
            answer.refused(422, "validation_failed");
            assert!(answer.field("password").contains(said), "{}", answer.text);
        }
        login(app, "nina@x.test", OTHER_PASSWORD).await.refused(401, "credentials_wrong");
        verify(app, &token).await.ok();
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_behind_the_link_asks_for_the_password_and_says_what_is_wrong_with_it() {
    with_settings(&MAIL_FIRST, async |app| {
        let signup = app.nobody().get("/signup").await;
        assert!(!signup.text.contains("type=\"password\""), "{}", signup.text);
        register(app, "nina@x.test", "initech").await.expect(202);
        let token = app.token_for("nina@x.test", "/verify").await;
        let page = format!("/verify?token={token}");
        let shown = app.nobody().get(&page).await;
        assert!(shown.text.contains("autocomplete=\"new-password\"") && shown.text.contains("At least 12"), "{}", shown.text);
        for (typed, said) in [("", "at least 12 characters"), ("password1234", "widely used")] {
            let again = press(app, &page, "/verify", &[("token", &token), ("password", typed)]).await;
            assert!(again.status == 422 && again.text.contains(said) && again.text.contains("Make my account"), "{}", again.text);
        }
        assert_eq!(press(app, &page, "/verify", &[("token", &token), ("password", OTHER_PASSWORD)]).await.status, 303);
        let gone = press(app, &page, "/verify", &[("token", &token), ("password", OTHER_PASSWORD)]).await;
        assert!(gone.status == 422 && gone.text.contains("used before"), "{}", gone.text);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_there_keeps_its_password_when_its_address_is_verified() {
    with_settings(&[], async |app| {
        newcomer(app, "nina@x.test").await;
        let token = app.token_to("nina@x.test").await;
        let said = verify_choosing(app, &token, "seven kettles under the harbour").await;
        said.refused(422, "validation_failed");
        assert!(said.field("password").contains("has a password"), "{}", said.text);
        app.nobody().post("/v1/auth/verify-email", json!({"token": token})).await.ok();
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
        let new = json!({"email": "nils@x.test", "full_name": "Nils", "org_name": "Hooli"});
        let refused = app.nobody().post("/v1/auth/register", new).await;
        refused.refused(422, "validation_failed");
        assert_eq!(refused.field("password"), "is required", "an account that begins at once needs one");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_up_with_a_known_address_changes_nothing() {
    with_settings(&MAIL_FIRST, async |app| {
        settled(app, "nina@x.test", "initech").await;
        register(app, "NINA@x.test", "other").await.expect(202);
        let mail = app.mail_to("nina@x.test").await;
        let links = mail["links"].to_string();
        assert!(links.contains("/signin") && mail["text"].as_str().unwrap().contains("/forgot") && !links.contains("token"), "{mail}");
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_ends_after_a_day_and_is_swept() {
    with_settings(&MAIL_FIRST, async |app| {
        register(app, "nina@x.test", "initech").await.expect(202);
        let token = app.token_for("nina@x.test", "/verify").await;
        app.core.clock.advance(chrono::Duration::hours(24));
        verify(app, &token).await.refused(422, "proof_token_refused");
        app.advance(chrono::Duration::hours(1)).await;
        let rows = app.all_rows().await;
        assert!(!rows.iter().any(|row| row.table == "pending_registrations"), "it is put away");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_that_was_taken_meanwhile_becomes_one_like_it() {
    with_settings(&MAIL_FIRST, async |app| {
        register(app, "nina@x.test", "initech").await.expect(202);
        settled(app, "nils@x.test", "initech").await;
        let token = app.token_for("nina@x.test", "/verify").await;
        verify(app, &token).await.ok();
        let nina = login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
        assert!(nina["organization"]["slug"].as_str().is_some_and(|slug| slug.starts_with("initech-")), "{nina}");
    })
    .await;
}

/// The tokens of two links to one address that has no account yet.
pub async fn two_links(app: &TestApp) -> [String; 2] {
    let mut tokens = [String::new(), String::new()];
    for token in &mut tokens {
        register(app, "nina@x.test", "initech").await.expect(202);
        *token = app.token_for("nina@x.test", "/verify").await;
        app.core.clock.advance(chrono::Duration::seconds(1));
    }
    tokens
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_links_to_one_address_the_first_makes_the_account() {
    with_settings(&MAIL_FIRST, async |app| {
        let [first, second] = two_links(app).await;
        verify(app, &first).await.ok();
        verify_choosing(app, &second, "seven kettles under the harbour").await.refused(422, "proof_token_refused");
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_is_written_to_five_times_whosever_it_is() {
    with_settings(&MAIL_FIRST, async |app| {
        settled(app, "known@x.test", "known").await;
        app.core.clock.advance(chrono::Duration::days(1));
        for email in ["known@x.test", "unknown@x.test"] {
            let before = app.mails_to(email).await.len();
            let mut told = Vec::new();
            for _ in 0..7 {
                let answer = register(app, email, "other").await;
                told.push((answer.status, answer.header("ratelimit-limit").to_owned(), answer.body["data"].clone()));
            }
            assert!(told.iter().all(|one| *one == (202, "10000".to_owned(), json!({"accepted": true}))), "{told:?}");
            assert_eq!(app.mails_to(email).await.len() - before, 5);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_registers_somebody_elses_address_keeps_its_owner_from_no_other_mail() {
    with_settings(&MAIL_FIRST, async |app| {
        for _ in 0..6 {
            register(app, "nina@x.test", "initech").await.expect(202);
        }
        let asked = app.nobody().post("/v1/auth/verify-email/resend", json!({"email": "nina@x.test"})).await;
        assert_eq!((asked.status, asked.header("ratelimit-remaining")), (200, "4"));
        app.mails_to("nina@x.test").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_makes_no_account_after_registration_was_closed() {
    with_settings(&MAIL_FIRST, async |app| {
        register(app, "nina@x.test", "initech").await.expect(202);
        let token = app.token_for("nina@x.test", "/verify").await;
        for closed in ["closed", "invite_only"] {
            let later = app.replica(modules(), &[("identity.registration", closed)]).await;
            verify(&later, &token).await.refused(422, "proof_token_refused");
            later.finish().await;
        }
        verify(app, &token).await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sign_up_page_says_look_in_your_mailbox_to_everybody() {
    with_settings(&MAIL_FIRST, async |app| {
        settled(app, "known@x.test", "known").await;
        let mut pages = Vec::new();
        for email in ["known@x.test", "other@x.test"] {
            let fields = [("email", email), ("full_name", "Nina"), ("org_name", "Initech")];
            let answer = press(app, "/signup", "/signup", &fields).await;
            assert!(answer.status == 200 && answer.text.contains("Look in your mailbox"), "{}", answer.text);
            pages.push(answer.text.replace(email, "…"));
            app.mails_to(email).await;
        }
        assert_eq!(pages[0], pages[1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_field_is_told_before_any_mail_is_written() {
    with_settings(&MAIL_FIRST, async |app| {
        for (field, wrong) in
            [("org_slug", json!("No Slug")), ("org_name", json!("Pay at https://evil.example")), ("full_name", json!(" "))]
        {
            let mut body = new("nina@x.test", "initech");
            body[field] = wrong;
            let refused = app.nobody().post("/v1/auth/register", body).await;
            refused.refused(422, "validation_failed");
            assert!(!refused.field(field).is_empty(), "{}", refused.text);
        }
        assert!(app.mails_to("nina@x.test").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_the_verified_sign_in_nobody_gets_tokens_by_registering() {
    with_settings(&[("identity.verified_to_sign_in", "true")], async |app| settled(app, "nina@x.test", "initech").await).await;
    let both = [("identity.verified_to_sign_in", "true"), ("identity.registration_mode", "immediate")];
    let sources = both.iter().fold(host::Sources::empty(), |sources, (key, value)| sources.set(key, *value));
    let error = host::Boot::new("autorisen", modules()).sources(sources).prepare().err().unwrap();
    assert!(error.to_string().contains("identity.registration_mode: `immediate` signs people in before"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_lists_both_answers_to_a_registration() {
    with_settings(&[], async |app| {
        let document = app.nobody().get("/openapi.json").await.body;
        let answers = &document["paths"]["/v1/auth/register"]["post"]["responses"];
        let schema =
            |status: &str| answers[status]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default().to_owned();
        assert!(schema("201").ends_with("TokensView") && schema("202").ends_with("AcceptedRequestView"), "{answers}");
    })
    .await;
}

/// The default outside development, and a boot that needs no decision.
#[test]
fn staging_and_production_register_by_mail_without_being_told() {
    for environment in ["staging", "production"] {
        let sources = host::Sources::empty().var("AUTORISEN_ENV", environment);
        let told = host::Boot::new("autorisen", modules()).sources(sources).prepare().err().map(|error| error.to_string());
        assert!(!told.unwrap_or_default().contains("identity."), "{environment}");
    }
}
