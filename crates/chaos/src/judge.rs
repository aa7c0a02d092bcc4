//! The judge: reads everything back over HTTP and compares it with the journal.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use testkit::{Answer, Value, json};
use tokio::time::sleep;

use crate::Somebody;
use crate::books::{Books, payer, text};
use crate::journal::{Deed, Kind};
use crate::somebody::{send, until};
use crate::world::World;

/// A look that is not answered in this time, after everything has settled, is a fault of its own.
const LOOK_MAX: Duration = Duration::from_secs(10);
/// More than any lease here that nobody hands back.
const LEASE_OVER: Duration = Duration::from_secs(3);
/// Past the last step of every ladder, which ends after four weeks.
const LADDER: TimeDelta = TimeDelta::days(36);
/// Steps in which the clock goes there; a prime number of hours, so that it is another hour each time.
const STEP: TimeDelta = TimeDelta::hours(61);
/// Most examples of one kind of breach that are kept.
const EXAMPLES_MAX: usize = 5;

/// What was found.
#[derive(Debug, Default, Clone)]
pub struct Findings {
    pub acknowledged: u64,
    /// Acknowledged, and not there.
    pub lost: Vec<String>,
    /// There more than once.
    pub doubled: Vec<String>,
    /// Anything else that must not be.
    pub broken: Vec<String>,
    /// Webhooks that are kept and not applied yet.
    pub late: u64,
}

impl Findings {
    /// One thing that must not be.
    pub fn broken(what: impl Into<String>) -> Self {
        Self { broken: vec![what.into()], ..Self::default() }
    }

    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.broken.is_empty()
    }

    /// Puts what another look found to this one. `acknowledged` is counted once per world.
    pub fn and(mut self, other: Self) -> Self {
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.broken.extend(other.broken);
        self.late += other.late;
        self
    }

    /// Some of the breaches in words.
    pub fn examples(&self) -> Vec<String> {
        let kinds = [("lost", &self.lost), ("doubled", &self.doubled), ("broken", &self.broken)];
        kinds.iter().flat_map(|(kind, all)| all.iter().take(EXAMPLES_MAX).map(move |what| format!("{kind}: {what}"))).collect()
    }

    fn counts(&mut self, key: &str, deed: &Deed, found: usize) {
        match found {
            0 if deed.acknowledged.is_some() => self.lost.push(key.to_owned()),
            0 | 1 => {}
            more => self.doubled.push(format!("{key}, {more} times")),
        }
    }
}

impl World {
    /// Compares what is there with what was promised.
    pub async fn judge(&mut self) -> Findings {
        self.compare(false).await
    }

    async fn compare(&mut self, is_over: bool) -> Findings {
        let books = self.books().await;
        let mut found = Findings { acknowledged: self.journal.count(), broken: self.journal.take_wrong(), ..Findings::default() };
        let names = tally(&books.customers, "name");
        for (key, deed) in self.journal.deeds(Kind::Customer) {
            found.counts(&key, &deed, names.get(key.as_str()).copied().unwrap_or_default());
        }
        self.judge_payments(&books, &mut found, is_over).await;
        self.judge_people(&mut found).await;
        found.doubled.extend(books.charged_twice());
        found.doubled.extend(books.mailed_twice());
        self.journal.note("judged");
        found
    }

    /// Lets five weeks pass, so that everything which was begun comes to its end, and compares again,
    /// to the last cent and the last letter.
    pub async fn close(&mut self) -> Findings {
        // Work in the hands of a process that died waits for the end of its lease, in real time; a clock that
        // is moved before would let a letter grow weeks old in a moment.
        sleep(LEASE_OVER).await;
        let mut passed = TimeDelta::zero();
        while passed < LADDER {
            self.advance(STEP).await;
            passed += STEP;
        }
        let mut found = self.compare(true).await;
        let mut books = self.books().await;
        books.letters = self.letters(&books).await;
        found.doubled.extend(books.mailed_twice());
        found.broken.extend(books.money_astray());
        found.broken.extend(books.attempts_left_open());
        found.lost.extend(books.mail_lost());
        found
    }

    /// Reports and webhooks: one transaction and one case each, those that were acknowledged. A webhook
    /// that is kept and could not be applied yet is no loss before everything is over.
    async fn judge_payments(&self, books: &Books, found: &mut Findings, is_over: bool) {
        let (transactions, cases) = (tally(&books.transactions, "ref"), tally(&books.cases, "ref"));
        let both = self.journal.deeds(Kind::Report).into_iter().chain(self.journal.deeds(Kind::Webhook));
        for (key, deed) in both {
            let reference = if deed.kind == Kind::Webhook { format!("pi_{key}") } else { key };
            let count = |of: &BTreeMap<&str, usize>| of.get(reference.as_str()).copied().unwrap_or_default();
            let counted = [count(&transactions), count(&cases)];
            if deed.acknowledged.is_some() && counted.contains(&0) {
                let known = self.look(&self.cast.clerk, &format!("/v1/events/by_ref/{reference}")).await;
                if !is_over && deed.kind == Kind::Webhook {
                    // What is kept shows there only when it was applied: the last look finds it, or it is lost.
                    self.journal.note(&format!("{reference} is kept and not applied yet"));
                    found.late += 1;
                } else {
                    found.lost.push(format!("{reference} (transactions, cases: {counted:?}), of which is known: {}", known.text));
                }
            } else {
                for counted in counted {
                    found.counts(&reference, &deed, counted);
                }
            }
        }
        for (key, deed) in self.journal.deeds(Kind::Payment) {
            let of = deed.acknowledged.as_ref().map(|said| text(said, "of"));
            let paid = |of: &str| books.transactions.iter().any(|row| row["ref"] == of && row["amount_paid"] == row["amount_due"]);
            if of.is_some_and(|of| !paid(of)) {
                found.lost.push(key);
            }
        }
    }

    /// The living token of each person works, and new accounts are there. Not after the clock was moved
    /// far: by then tokens have ended, as they must.
    async fn judge_people(&self, found: &mut Findings) {
        if self.ahead.abs() > TimeDelta::minutes(10) {
            return;
        }
        for person in &self.cast.people {
            let person = person.lock().await;
            let me = self.look(&self.cast.nobody.holding(&person.access), "/v1/auth/me").await;
            if me.status != 200 {
                found.lost.push(format!("the session of {}: {} {}", person.email, me.status, me.text));
            }
        }
        if self.is_rekeyed {
            return;
        }
        for (key, deed) in self.journal.deeds(Kind::Account) {
            let Some(token) = deed.acknowledged.as_ref().and_then(|said| said["token"].as_str()) else { continue };
            let me = self.look(&self.cast.nobody.holding(token), "/v1/auth/me").await;
            if me.status != 200 {
                found.lost.push(format!("{key}: {} {}", me.status, me.text));
            }
        }
    }

    /// Everything that product, bank and mailbox have written down.
    pub async fn books(&self) -> Books {
        let (clerk, nobody) = (&self.cast.clerk, &self.cast.nobody);
        let list = |answer: Answer| answer.body["data"].as_array().cloned().unwrap_or_default();
        Books {
            customers: self.all(clerk, "/v1/customers?limit=100").await,
            cases: self.all(clerk, "/v1/cases?limit=100").await,
            transactions: self.all(clerk, "/v1/transactions?limit=100").await,
            charges: list(self.look(nobody, "/dev/sandbox/charges").await),
            letters: list(self.look(nobody, "/dev/mail/messages").await),
        }
    }

    /// The letters to all payers, address by address: the list of all shows only the newest.
    async fn letters(&self, books: &Books) -> Vec<Value> {
        let mut letters = Vec::new();
        for case in &books.cases {
            let path = format!("/dev/mail/messages?to={}", payer(text(case, "ref")));
            letters.extend(self.look(&self.cast.nobody, &path).await.body["data"].as_array().cloned().unwrap_or_default());
        }
        letters
    }

    async fn all(&self, by: &Somebody, path: &str) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.look(by, &format!("{path}{cursor}")).await;
            rows.extend(page.body["data"].as_array().cloned().unwrap_or_default());
            match page.body["meta"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// Looks until there is an answer; a look that is never answered is written down.
    async fn look(&self, by: &Somebody, path: &str) -> Answer {
        let looked = until(LOOK_MAX, async || send(by.request(Method::GET, path)).await.ok().filter(|it| it.status < 500)).await;
        looked.unwrap_or_else(|| {
            self.journal.wrong(format!("GET {path} is not answered {LOOK_MAX:?} after everything has settled"));
            Answer { status: 0, headers: Default::default(), text: String::new(), body: json!({}) }
        })
    }
}

/// How often each value of a field is there.
fn tally<'v>(of: &'v [Value], field: &str) -> BTreeMap<&'v str, usize> {
    let mut counted = BTreeMap::new();
    for row in of {
        *counted.entry(text(row, field)).or_default() += 1;
    }
    counted
}
