//! An attempt whose sender died between writing down that it goes out and sending it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::Duration;
use testkit::{Client, TestApp, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{case, charges, failed, modules, report, send, stage, states, to_next_action};

/// A way to the sandbox on which, while it is cut, nothing that is sent arrives and only reading works.
pub struct Way {
    address: String,
    is_cut: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
}

impl Way {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime, and nothing waits for it")]
    async fn to(app: &TestApp, is_cut: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/dev/sandbox/stripe", listener.local_addr().expect("an address"));
        let (is_cut, target) = (Arc::new(AtomicBool::new(is_cut)), app.base.trim_start_matches("http://").to_owned());
        let (calls, cut) = (Arc::new(AtomicUsize::new(0)), is_cut.clone());
        let counted = calls.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(pass(caller, target.clone(), cut.clone()));
            }
        });
        Self { address, is_cut, calls }
    }

    /// The way that a connection goes from now on.
    pub async fn of(app: &TestApp, connection: &str, is_cut: bool) -> Self {
        let way = Self::to(app, is_cut).await;
        let path = format!("/v1/payment-connections/{connection}");
        app.alice().await.patch(&path, json!({"base_url": way.address})).await.expect(200);
        way
    }

    pub fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }

    /// How often it was gone.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// One request: a POST is dropped while the way is cut, all else is passed on.
async fn pass(mut caller: TcpStream, target: String, is_cut: Arc<AtomicBool>) {
    let mut request = vec![0; 16 * 1024];
    let Ok(length) = caller.read(&mut request).await else { return };
    let head = String::from_utf8_lossy(&request[..length]).into_owned();
    if head.starts_with("POST") && is_cut.load(Ordering::SeqCst) {
        return;
    }
    let asked = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let Ok(mut there) = TcpStream::connect(target).await else { return };
    let mut answer = Vec::new();
    if there.write_all(asked.as_bytes()).await.is_ok() && there.read_to_end(&mut answer).await.is_ok() {
        let _ = caller.write_all(&answer).await;
    }
}

/// A payment whose first attempt was written down and never sent.
pub async fn never_sent(app: &TestApp, method: &str) -> (Client, String, Way) {
    let (clerk, connection) = stage(app).await;
    let reference = failed(app, &connection, method, &["do_not_honor", "succeeded"]).await;
    let way = lose(app, &clerk, &connection, &reference).await;
    assert_eq!(charges(app, method).await.len(), 1, "the bank saw nothing of it");
    (clerk, reference, way)
}

/// The same of a payment that the provider knows by none of its own names, only by the attempt's key.
async fn unnamed_never_sent(app: &TestApp) -> (Client, Way) {
    let (clerk, connection) = stage(app).await;
    send(&clerk, report("e-1", "order-1", "do_not_honor")).await;
    let way = lose(app, &clerk, &connection, "order-1").await;
    assert!(charges(app, "pm_reported").await.is_empty(), "the bank saw nothing of it");
    (clerk, way)
}

/// Cuts the way to the provider and lets the attempt go out that is due next.
async fn lose(app: &TestApp, clerk: &Client, connection: &str, reference: &str) -> Way {
    let way = Way::of(app, connection, true).await;
    to_next_action(app, &case(clerk, reference).await).await;
    let found = case(clerk, reference).await;
    assert_eq!((found["state"].as_str(), states(&found, "attempts")), (Some("sync_pending"), vec!["unknown".to_owned()]), "{found}");
    way
}

testkit::stories! {
    async fn what_never_arrived_is_sent_again_with_its_own_key(app: TestApp) {
        let (clerk, reference, way) = never_sent(app, "pm_never").await;
        way.cut(false);
        app.advance(Duration::minutes(30)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), states(&found, "attempts")), (Some("recovered"), vec!["succeeded".to_owned()]), "{found}");
        assert_eq!(found["attempts_used"], 1);
        let made = charges(app, "pm_never").await;
        assert_eq!((made.len(), &made[1]["idempotency_key"]), (2, &json!(format!("rc:{}", found["attempts"][0]["id"].as_str().expect("an id")))));
        app.expect_mail();
    }

    async fn what_could_not_be_sent_for_a_day_was_never_made_and_costs_no_rung(app: TestApp) {
        let (clerk, reference, way) = never_sent(app, "pm_day").await;
        app.advance(Duration::hours(26)).await;
        way.cut(false);
        app.advance(Duration::days(5)).await;
        let found = case(&clerk, &reference).await;
        let attempts = states(&found, "attempts");
        assert_eq!((found["state"].as_str(), attempts.last().map(String::as_str)), (Some("recovered"), Some("succeeded")), "{found}");
        assert!(attempts.len() > 1 && attempts[..attempts.len() - 1].iter().all(|state| state == "cancelled"), "{found}");
        assert_eq!((found["attempts_used"].as_i64(), charges(app, "pm_day").await.len()), (Some(1), 2), "{found}");
        app.expect_mail();
    }

    async fn it_is_not_sent_again_after_the_case_has_ended(app: TestApp) {
        let (clerk, reference, way) = never_sent(app, "pm_end").await;
        crate::money::void(app, &clerk, &reference).await;
        way.cut(false);
        app.advance(Duration::hours(8)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), states(&found, "attempts")), (Some("cancelled"), vec!["cancelled".to_owned()]), "{found}");
        assert_eq!(charges(app, "pm_end").await.len(), 1);
        app.expect_mail();
    }

    async fn it_is_not_sent_again_after_money_came_in_another_currency(app: TestApp) {
        let (clerk, reference, way) = never_sent(app, "pm_other").await;
        crate::alerts::dollars(app, &clerk, &reference).await;
        assert_eq!(case(&clerk, &reference).await["state"], "sync_pending", "its answer is still asked for");
        way.cut(false);
        app.advance(Duration::days(5)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), states(&found, "attempts")), (Some("paused"), vec!["cancelled".to_owned()]), "{found}");
        assert_eq!(charges(app, "pm_other").await.len(), 1);
        app.expect_mail();
    }

    async fn what_is_known_only_by_its_key_is_sent_when_nothing_speaks_against_it(app: TestApp) {
        let (clerk, way) = unnamed_never_sent(app).await;
        way.cut(false);
        app.advance(Duration::minutes(30)).await;
        assert_eq!((case(&clerk, "order-1").await["state"].as_str(), charges(app, "pm_reported").await.len()), (Some("recovered"), 1));
        app.expect_mail();
    }

    async fn what_is_known_only_by_its_key_is_not_sent_after_the_case_has_ended(app: TestApp) {
        let (clerk, way) = unnamed_never_sent(app).await;
        crate::money::void(app, &clerk, "order-1").await;
        way.cut(false);
        app.advance(Duration::hours(8)).await;
        assert_eq!((case(&clerk, "order-1").await["state"].as_str(), charges(app, "pm_reported").await.len()), (Some("cancelled"), 0));
        app.expect_mail();
    }

    async fn what_is_known_only_by_its_key_is_not_sent_after_money_came_in_another_currency(app: TestApp) {
        let (clerk, way) = unnamed_never_sent(app).await;
        crate::alerts::dollars(app, &clerk, "order-1").await;
        way.cut(false);
        app.advance(Duration::hours(8)).await;
        assert_eq!((case(&clerk, "order-1").await["state"].as_str(), charges(app, "pm_reported").await.len()), (Some("sync_pending"), 0));
        app.expect_mail();
    }
}
