//! Two months of real use: every row comes from a request, a webhook, a mail that was answered, or
//! work that fell due while the clock ran from then to now. Nothing is written past the product.

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use autorisen::Core;
use autorisen::crm::customers::{self, NewCustomer};
use autorisen::flows::Engine;
use autorisen::kernel::{Actor, At, Clock, Failed, OrgId};
use autorisen::store::Tx;
use chrono::{Duration, NaiveTime};
use serde_json::{Value, json};

use super::cast::{COMPANIES, Company, PASSWORD, Subscriber, subscribers};
use super::dice::Dice;
use super::fate::Fate;
use super::people::{Office, open_office};
use crate::payer;
use crate::stage::{Letter, Stage};
use crate::terminal::progress;

/// How far back the demo begins.
pub const DAYS: u64 = 61;
/// Days between two charges of a customer.
const MONTH_DAYS: u64 = 30;
/// Turns of due work within one move of the clock, before the demo is taken for stuck.
const TURNS_MAX: u64 = 50_000;
/// When companies charge, and when payers read their mail.
const CHARGES_AT: NaiveTime = NaiveTime::from_hms_opt(6, 30, 0).expect("a time of day");
const PAYERS_AT: [NaiveTime; 2] =
    [NaiveTime::from_hms_opt(12, 30, 0).expect("a time of day"), NaiveTime::from_hms_opt(20, 0, 0).expect("a time of day")];

/// What was made, for the greeting.
#[derive(Debug)]
pub struct Made {
    pub company: &'static Company,
    pub office: Office,
}

/// A company while its history happens.
struct Business {
    company: &'static Company,
    office: Office,
    customers: Vec<Subscriber>,
}

/// Everything that the history needs.
struct History<'s> {
    stage: &'s Stage,
    core: &'s Core,
    businesses: Vec<Business>,
    /// Addresses of payers who pay when they are written to.
    willing: HashSet<String>,
    /// Letters up to here were read.
    read_until: At,
    charges: u64,
}

/// The day on which a customer becomes one. Those who are charged in the first month were there
/// before.
fn comes_on(one: &Subscriber) -> u64 {
    if one.since_day < MONTH_DAYS { 0 } else { one.since_day }
}

/// What the sandbox is asked to charge, and how it will go.
fn order(office: &Office, company: &Company, one: &Subscriber, fate: &Fate) -> Value {
    json!({
        "connection_id": office.connection,
        "customer": { "id": one.customer, "email": one.email, "name": one.name },
        "amount": one.plan_minor,
        "currency": company.currency,
        "payment_method": one.card(),
        "outcomes": fate.outcomes,
        "invoice": fate.fails(),
    })
}

/// Makes the whole history. The clock must stand [`DAYS`] back, and stands at the machine's time in
/// the end.
pub async fn make(stage: &Stage, core: &Core, seed: u64) -> Result<Vec<Made>> {
    let dice = Dice::new(seed);
    let mut businesses = Vec::new();
    for (number, company) in (1..).zip(&COMPANIES) {
        progress(&format!("{} opens its doors", company.name));
        let office = open_office(stage, company, PASSWORD).await?;
        businesses.push(Business { company, office, customers: subscribers(company, &dice.of(number), DAYS) });
    }
    let read_until = core.clock.now();
    let mut history = History { stage, core, businesses, willing: HashSet::new(), read_until, charges: 0 };
    let first_day = read_until.date_naive();
    for day in 0..DAYS {
        let date = first_day + Duration::days(i64::try_from(day).unwrap_or_default());
        progress(&format!("{}   {} charges", date.format("%e %B %Y"), history.charges));
        history.day(day, date).await?;
    }
    catch_up(stage, core).await?;
    progress("");
    Ok(history.businesses.into_iter().map(|business| Made { company: business.company, office: business.office }).collect())
}

/// Brings a clock that is behind to the machine's time, and lets the database keep that.
pub async fn catch_up(stage: &Stage, core: &Core) -> Result<()> {
    if core.clock.offset() >= Duration::zero() {
        return Ok(());
    }
    until(core, Clock::system().now()).await?;
    core.clock.set_offset(Duration::zero());
    stage.pass(Duration::zero()).await
}

/// Lets time run; what falls due on the way happens at its own time.
async fn until(core: &Core, target: At) -> Result<()> {
    if target <= core.clock.now() {
        return Ok(());
    }
    let left = core.parts.get::<Engine>().run_until(core, target, TURNS_MAX).await?;
    ensure!(left.due == 0, "{} pieces of work are due and are not done", left.due);
    Ok(())
}

impl History<'_> {
    async fn day(&mut self, day: u64, date: chrono::NaiveDate) -> Result<()> {
        let now = Clock::system().now();
        let charges_at = date.and_time(CHARGES_AT).and_utc();
        if charges_at < now {
            until(self.core, charges_at).await?;
            self.welcome(day).await?;
            self.charge(day).await?;
        }
        for time in PAYERS_AT {
            let at = date.and_time(time).and_utc();
            if at < now {
                until(self.core, at).await?;
                self.answer_letters().await?;
            }
        }
        Ok(())
    }

    /// Adds the customers who come on this day.
    async fn welcome(&self, day: u64) -> Result<()> {
        for business in &self.businesses {
            let org: OrgId = business.office.org.parse().context("the id of an organization")?;
            let mut tx = Tx::for_org(&self.core.store, org, Actor::System("demo")).await?;
            for one in business.customers.iter().filter(|one| comes_on(one) == day) {
                let new = NewCustomer {
                    name: one.name.clone(),
                    email: Some(one.email.clone()),
                    external_ref: Some(one.customer.clone()),
                    timezone: Some(business.company.timezone.to_owned()),
                    ..NewCustomer::default()
                };
                customers::create(&mut tx, &new).await.map_err(Failed::into_failure)?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Charges everybody whose day it is, through the provider.
    async fn charge(&mut self, day: u64) -> Result<()> {
        let mut due = Vec::new();
        for business in &mut self.businesses {
            let is_due = |one: &&mut Subscriber| day >= one.since_day && (day - one.since_day).is_multiple_of(MONTH_DAYS);
            for one in business.customers.iter_mut().filter(is_due) {
                let fate = Fate::roll(&mut one.dice);
                due.push((order(&business.office, business.company, one, &fate), fate.fails()));
                if fate.fails() {
                    self.willing.remove(&one.email);
                    self.willing.extend(fate.pays.then(|| one.email.clone()));
                    // The next month is charged to another card.
                    one.cards += 1;
                }
            }
        }
        // The companies let the provider report only what failed: what is paid at once is none of
        // recovery's business.
        let mut operator = self.stage.somebody();
        for (fails, faults) in [(false, json!({ "drop": true })), (true, json!({}))] {
            operator.post("/dev/sandbox/faults", faults).await?;
            for (order, _) in due.iter().filter(|(_, is_failure)| *is_failure == fails) {
                operator.post("/dev/sandbox/charge", order.clone()).await?;
                self.charges += 1;
            }
        }
        Ok(())
    }

    /// Payers who read a new letter, and want to, pay with its link.
    async fn answer_letters(&mut self) -> Result<()> {
        let letters = self.stage.letters("").await?;
        let newest = letters.iter().map(|letter| letter.sent_at).max();
        let new: Vec<Letter> = letters.into_iter().filter(|letter| letter.sent_at > self.read_until).collect();
        for letter in new {
            let Ok(link) = letter.link("/pay/") else { continue };
            // A retry may have been faster: the page then says that nothing is owed.
            if self.willing.contains(&letter.to) && payer::look(self.stage, link).await?.status == 200 {
                payer::pay(self.stage, link).await.with_context(|| format!("the payment of {}", letter.to))?;
                self.willing.remove(&letter.to);
            }
        }
        self.read_until = newest.unwrap_or(self.read_until).max(self.read_until);
        Ok(())
    }
}
