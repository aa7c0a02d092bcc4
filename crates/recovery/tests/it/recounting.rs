//! The numbers of a span against the same numbers counted the plain way: each row is looked at, and
//! nothing is added up by the database.

use std::collections::{BTreeMap, BTreeSet};

use kernel::At;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use store::testing::owner_texts;
use testkit::{Client, TestApp, TestEngine, Value, json};

use crate::lost::Way;
use crate::money::{disputed, money, refunded, void};
use crate::payers::not_left_yet;
use crate::{case, days, modules, report, send, stage, to_next_action};

/// The number, as a failure says it, from which the same months are drawn again, one after the other: each
/// stands on the rows of those before it.
const SEED: &str = "AUTORISEN_RECOUNT_SEED";
/// Months that are made up; the second engine is slower, and the logic is the same.
const MONTHS: [(TestEngine, u32); 2] = [(TestEngine::Sqlite, 4), (TestEngine::Postgres, 2)];
/// What a bank answers, one try after the other.
const SCRIPTS: [&[&str]; 6] = [
    &["do_not_honor", "succeeded"],
    &["insufficient_funds", "do_not_honor", "succeeded"],
    &["stolen_card"],
    &["expired_card"],
    &["insufficient_funds"],
    &["do_not_honor", "timeout_after_charge"],
];
/// What happens besides.
const TURNS: [&str; 11] = [
    "nothing",
    "nothing",
    "paid",
    "paid in part",
    "paid and refunded",
    "paid, refunded in part",
    "paid, and told that it had failed before",
    "void",
    "void, with a letter that has not left",
    "void, with an attempt that never arrived",
    "disputed",
];

/// One failed payment: its script, what happens besides, whether in dollars, how much, and how many days go by.
type Fate = (usize, usize, bool, i64, i64);

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    proptest::collection::vec((0..SCRIPTS.len(), 0..TURNS.len(), any::<bool>(), 2000..9000i64, 0..4i64), 4..8)
}

/// Where the months are played.
struct Scene {
    app: TestApp,
    clerk: Client,
    connection: String,
    way: Way,
}

async fn play(scene: &Scene, name: &str, (script, turn, dollars, minor, wait): Fate) {
    let Scene { app, clerk: of, connection, way } = scene;
    let (payer, currency) = (format!("{name}@example.com"), if dollars { "USD" } else { "EUR" });
    let body = json!({
        "connection_id": connection, "customer": payer, "amount": minor, "currency": currency, "payment_method": format!("pm_{name}"),
        "outcomes": SCRIPTS[script],
    });
    let made = app.nobody().post("/dev/sandbox/charge", body).await.expect(201);
    app.settle().await;
    let (reference, key) = (made["ref"].as_str().expect("a reference"), format!("pi_else_{name}"));
    match TURNS[turn] {
        "paid in part" => money(app, of, reference, 1900, &key).await,
        "void, with a letter that has not left" => {
            not_left_yet(app, &payer).await;
            void(app, of, reference).await;
        }
        "void, with an attempt that never arrived" => {
            way.cut(true);
            to_next_action(app, &case(of, reference).await).await;
            void(app, of, reference).await;
            way.cut(false);
            app.advance(chrono::Duration::hours(8)).await;
        }
        "void" => void(app, of, reference).await,
        "disputed" => disputed(app, of, reference).await,
        turn if turn.starts_with("paid") => {
            money(app, of, reference, minor, &key).await;
            if turn.contains("told") {
                let mut earlier = report(&format!("e-{name}"), reference, "insufficient_funds");
                earlier["occurred_at"] = json!(app.now() - chrono::Duration::hours(26));
                earlier["currency"] = json!(currency);
                send(of, earlier).await;
            } else if turn != "paid" {
                refunded(app, of, reference, if turn.ends_with("part") { 700 } else { minor }, &key).await;
            }
        }
        _ => {}
    }
    app.settle().await;
    days(app, wait).await;
}

/// A row by its columns.
struct Row(BTreeMap<String, String>);

impl Row {
    fn text(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    fn number(&self, column: &str) -> i64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("{column} is {}", self.text(column)))
    }

    fn is(&self, column: &str, word: &str) -> bool {
        self.text(column) == word
    }
}

/// Every row of the tables that count, read as they are.
struct Rows {
    cases: Vec<Row>,
    outcomes: Vec<Row>,
    attempts: Vec<Row>,
    messages: Vec<Row>,
}

impl Rows {
    async fn read(app: &TestApp) -> Self {
        let of = async |columns: &str, table: &str| {
            let rows = owner_texts(&app.core.store, format!("select {columns} from {table}")).await.expect("rows");
            let row = |texts: store::testing::Texts| Row(texts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect());
            rows.into_iter().map(row).collect::<Vec<_>>()
        };
        let case = "id, currency, state, class, case when is_retryable then 1 else 0 end as soft, amount_minor, paid_minor, \
                    reversed_minor, cast(failed_at as text) as failed_at, case when closed_at is null then 1 else 0 end as open";
        let attempt = "case_id, state, case when submitted_at is null then 0 else 1 end as sent";
        Self {
            cases: of(case, "cases").await,
            outcomes: of("case_id, kind, amount_minor, reversed_minor, after_s, mechanism", "outcomes").await,
            attempts: of(attempt, "attempts").await,
            messages: of("case_id, case when queued_at is null or state = 'skipped' then 0 else 1 end as sent", "messages").await,
        }
    }

    fn currencies(&self, from: At, to: At) -> Vec<Counted<'_>> {
        let all: BTreeSet<&str> = self.cases.iter().map(|case| case.text("currency")).collect();
        let of = |currency| Counted::of(self, currency, from, to);
        all.into_iter().map(of).filter(|counted| !counted.cases.is_empty()).collect()
    }
}

/// The rows of a span in one currency.
struct Counted<'r> {
    currency: &'r str,
    cases: Vec<&'r Row>,
    outcomes: Vec<&'r Row>,
    attempts: Vec<&'r Row>,
    messages: Vec<&'r Row>,
}

fn instant(text: &str) -> At {
    let text = text.replace(' ', "T");
    let text = if text.ends_with("+00") { format!("{text}:00") } else { text };
    text.parse().unwrap_or_else(|_| panic!("{text} is no instant"))
}

impl<'r> Counted<'r> {
    fn of(rows: &'r Rows, currency: &'r str, from: At, to: At) -> Self {
        let within = |case: &&Row| case.is("currency", currency) && (from..to).contains(&instant(case.text("failed_at")));
        let cases: Vec<_> = rows.cases.iter().filter(within).collect();
        let ids: BTreeSet<_> = cases.iter().map(|case| case.text("id")).collect();
        let own = |rows: &'r [Row]| rows.iter().filter(|row| ids.contains(row.text("case_id"))).collect();
        Self { currency, outcomes: own(&rows.outcomes), attempts: own(&rows.attempts), messages: own(&rows.messages), cases }
    }

    fn money(&self, minor: i64) -> Value {
        json!({"minor": minor, "currency": self.currency})
    }

    fn sum(&self, is: impl Fn(&Row) -> bool, of: impl Fn(&Row) -> i64) -> Value {
        self.money(self.cases.iter().filter(|case| is(case)).map(|case| of(case)).sum())
    }

    fn with(&self, state: &str) -> usize {
        self.cases.iter().filter(|case| case.is("state", state)).count()
    }

    /// By name, what some rows come to.
    fn groups(&self, rows: &[&Row], name: &str, minor: impl Fn(&Row) -> i64) -> Value {
        let mut groups: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for row in rows.iter().filter(|row| !row.is(name, "")) {
            let group = groups.entry(row.text(name)).or_default();
            *group = (group.0 + 1, group.1 + minor(row));
        }
        groups.into_iter().map(|(name, (cases, minor))| json!({"name": name, "cases": cases, "amount": self.money(minor)})).collect()
    }

    /// How long what was recovered took, the fastest first; nearest rank.
    fn percentile(&self, percent: usize) -> Option<i64> {
        let mut all: Vec<_> = self.outcomes.iter().filter(|row| row.is("kind", "recovered")).map(|row| row.number("after_s")).collect();
        all.sort_unstable();
        all.get((all.len() * percent).div_ceil(100).checked_sub(1)?).copied()
    }

    fn summary(&self) -> Value {
        let sent = self.attempts.iter().filter(|row| row.is("sent", "1") && !row.is("state", "cancelled"));
        let (sent, succeeded) = sent.fold((0, 0), |sum, row| (sum.0 + 1, sum.1 + i64::from(row.is("state", "succeeded"))));
        json!({
            "opened": self.cases.len(), "open": self.cases.iter().filter(|case| case.is("open", "1")).count(),
            "recovered": self.with("recovered"), "partially_recovered": self.with("partially_recovered"),
            "involuntary_loss": self.with("exhausted") + self.with("not_recoverable"), "voluntary_loss": self.with("cancelled"),
            "amount_due": self.sum(|_| true, |case| case.number("amount_minor")),
            "amount_recovered": self.sum(|case| case.is("open", "0"), kept),
            "amount_reversed": self.sum(|_| true, |case| case.number("reversed_minor")),
            "amount_at_risk": self.sum(|case| case.is("open", "1"), |case| case.number("amount_minor") - case.number("paid_minor")),
            "attempts_sent": sent, "attempts_succeeded": succeeded,
            "messages_sent": self.messages.iter().filter(|row| row.is("sent", "1")).count(),
            "seconds_to_recover_median": self.percentile(50), "seconds_to_recover_p90": self.percentile(90),
            "by_mechanism": self.groups(&self.outcomes, "mechanism", |row| row.number("amount_minor") - row.number("reversed_minor")),
            "by_class": self.groups(&self.cases, "class", |case| case.number("amount_minor")),
        })
    }

    fn rates(&self) -> Value {
        let soft = |case: &Row| case.is("soft", "1");
        let horizon = |days: i64| {
            let within: Vec<_> = self.outcomes.iter().filter(|row| row.number("after_s") <= days * 24 * 3600).collect();
            let minor = within.iter().map(|row| row.number("amount_minor") - row.number("reversed_minor")).sum();
            json!({"recovered": within.iter().filter(|row| row.is("kind", "recovered")).count(), "amount_recovered": self.money(minor)})
        };
        let horizons = [7, 14, 28, 60].map(horizon);
        json!({
            "retryable": self.cases.iter().filter(|case| soft(case)).count(),
            "retryable_recovered": self.cases.iter().filter(|case| soft(case) && case.is("state", "recovered")).count(),
            "retryable_due": self.sum(soft, |case| case.number("amount_minor")),
            "retryable_amount": self.sum(|case| soft(case) && case.is("open", "0"), kept),
            "horizons": horizons,
        })
    }
}

fn kept(case: &Row) -> i64 {
    case.number("paid_minor") - case.number("reversed_minor")
}

/// The fields of `like` alone.
fn narrowed(told: &Value, like: &Value) -> Value {
    like.as_object().into_iter().flatten().map(|(name, _)| (name.clone(), told[name].clone())).collect()
}

/// What the API says of the rates, in the shape of the recount.
fn told_rates(told: &Value) -> Value {
    let soft = &told["retryable_only"];
    let horizon = |one: &Value| json!({"recovered": one["recovered"], "amount_recovered": one["amount_recovered"]});
    json!({
        "retryable": soft["opened"], "retryable_recovered": soft["recovered"], "retryable_due": soft["amount_due"],
        "retryable_amount": soft["amount_recovered"],
        "horizons": told["horizons"].as_array().into_iter().flatten().map(horizon).collect::<Value>(),
    })
}

/// Every span of whole weeks from the first day on, and one that has nothing in it.
async fn agrees(app: &TestApp, of: &Client) -> Result<(), TestCaseError> {
    let (rows, first) = (Rows::read(app).await, instant("2026-03-01T00:00:00Z"));
    for (from, long) in [(0, 400), (0, 7), (3, 10), (9, 21), (390, 5)] {
        let (from, to) = (first + chrono::Duration::days(from), first + chrono::Duration::days(from + long));
        let span = format!("from={}&to={}", from.format("%FT%TZ"), to.format("%FT%TZ"));
        let summary = of.get(&format!("/v1/analytics/summary?{span}")).await.expect(200);
        let rates = of.get(&format!("/v1/analytics/recovery_rate?{span}")).await.expect(200);
        let counted = rows.currencies(from, to);
        let told = |answer: &Value| answer["currencies"].as_array().cloned().unwrap_or_default();
        prop_assert_eq!(told(&summary).len(), counted.len(), "{}", span);
        for (place, counted) in counted.iter().enumerate() {
            let (told, expected) = (&told(&summary)[place], counted.summary());
            prop_assert_eq!(&told["currency"], &json!(counted.currency));
            prop_assert_eq!(narrowed(told, &expected), expected, "{}", span);
            prop_assert_eq!(told_rates(&rates["currencies"][place]), counted.rates(), "{}", span);
        }
    }
    Ok(())
}

/// The number that was asked for, or another one each time.
#[expect(clippy::disallowed_methods, reason = "a test has no settings, and its failure says the number")]
fn seed() -> u64 {
    let asked = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    asked.unwrap_or_else(|| u64::from_le_bytes(kernel::chance::bytes::<8>()))
}

fn runner(seed: u64, cases: u32) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_added_up_is_what_a_recount_of_every_row_finds() {
    let seed = seed();
    for (engine, cases) in MONTHS {
        if !testkit::available(engine) {
            continue;
        }
        let app = TestApp::start(engine, modules()).await;
        let (clerk, connection) = stage(&app).await;
        let way = Way::of(&app, &connection, false).await;
        let scene = Scene { app, clerk, connection, way };
        let months = std::cell::Cell::new(0usize);
        let tried = runner(seed, cases).run(&fates(), |fates| {
            months.set(months.get() + 1);
            let played = async {
                for (place, fate) in fates.iter().enumerate() {
                    play(&scene, &format!("p{}x{place}", months.get()), *fate).await;
                }
                agrees(&scene.app, &scene.clerk).await
            };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(played))
        });
        assert!(tried.is_ok(), "{engine:?} after {} months, {SEED}={seed}: {tried:?}", months.get());
        scene.app.expect_mail();
        scene.app.finish().await;
    }
}
