//! Mail that is down is nobody's business but the operator's.

use testkit::json;

use crate::Place;

const GATEWAY_KEY: &str = "canary-key-0b7d41f29c8e";
const GATEWAY_SECRET: &str = "canary-secret-0b7d41f29c8e";

#[tokio::test]
async fn while_the_gateway_is_down_everybody_gets_the_same_answer() {
    let place = Place::sqlite().var("GATEWAY_KEY", GATEWAY_KEY).var("GATEWAY_SECRET", GATEWAY_SECRET);
    let mail = "gateway_url: http://127.0.0.1:1/letters\n  gateway_api_key: env:GATEWAY_KEY\n  gateway_secret: env:GATEWAY_SECRET\n";
    place.write("autorisen.yaml", &format!("mail:\n  {mail}"));
    let mut server = place.serve().await;
    let nobody = server.somebody();
    nobody.sign_up("ada@acme.test", "Acme").await;
    let forgot = async |email: &str| {
        let answer = nobody.post("/v1/auth/password/forgot", json!({"email": email})).await;
        (answer.status, answer.body["success"].clone(), answer.body["data"].clone(), answer.body["error"].clone())
    };
    let (known, unknown) = (forgot("ada@acme.test").await, forgot("bob@acme.test").await);
    assert_eq!(known, unknown, "whether there is an account, and whether mail works, is not told");
    assert!((200..300).contains(&known.0), "{known:?}");
    assert_eq!(nobody.get("/readyz").await.status, 200, "letters wait, requests don't");
    let letters = nobody.get("/dev/mail/messages").await.expect(200);
    assert_eq!(letters, json!([]), "letters are for the gateway, not for the mailbox");
    let log = format!("{:?}", server.stop().await);
    assert!(!log.contains(GATEWAY_KEY) && !log.contains(GATEWAY_SECRET), "a secret is logged");
}

#[tokio::test]
async fn a_mail_server_and_a_gateway_at_once_are_a_fault_of_the_settings() {
    let place = Place::sqlite().var("SMTP_URL", "smtp://mail.test").var("GATEWAY_KEY", GATEWAY_KEY).var("GATEWAY_SECRET", GATEWAY_SECRET);
    let mail = "gateway_url: https://mail.test\n  gateway_api_key: env:GATEWAY_KEY\n  gateway_secret: env:GATEWAY_SECRET\n";
    place.write("autorisen.yaml", &format!("mail:\n  {mail}"));
    place.run(&["serve"]).await.with(3).complains(&["autorisen.yaml:2", "mail.gateway_url", "not both"]);
}
