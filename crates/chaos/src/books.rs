//! The books: what the product says, beside what the bank saw and the payers got.

use std::collections::{BTreeMap, BTreeSet};

use testkit::Value;

/// Letters that the development mailbox keeps; of more the oldest are gone, and nobody can count them.
const LETTERS_MAX: usize = 1980;

/// Everything that was written down.
#[derive(Debug, Default)]
pub struct Books {
    pub customers: Vec<Value>,
    pub cases: Vec<Value>,
    pub transactions: Vec<Value>,
    /// What the bank saw, of all cards.
    pub charges: Vec<Value>,
    pub letters: Vec<Value>,
}

impl Books {
    /// For each attempt the bank saw at most one charge: exactly one when it succeeded, none when it was
    /// taken back. Of a declined one the request may have died with the process, before it went out. And
    /// for each charge of ours there is its attempt. What does not hold, in words.
    pub fn charged_twice(&self) -> Vec<String> {
        let (mut charges, mut wrong) = (BTreeMap::<&str, usize>::new(), Vec::new());
        for key in self.charges.iter().map(|charge| text(charge, "idempotency_key")).filter(|key| key.starts_with("rc:")) {
            *charges.entry(key).or_default() += 1;
        }
        for attempt in self.cases.iter().flat_map(|case| rows(case, "attempts")) {
            let seen = charges.remove(format!("rc:{}", text(attempt, "id")).as_str()).unwrap_or_default();
            let right = match text(attempt, "state") {
                "succeeded" => 1..=1,
                "cancelled" => 0..=0,
                // Still open while the world goes on: the last look finds none of these.
                _ => 0..=1,
            };
            if !right.contains(&seen) {
                wrong.push(format!("{seen} charges for the attempt {attempt}"));
            }
        }
        wrong.extend(charges.keys().map(|key| format!("a charge without an attempt: {key}")));
        wrong
    }

    /// Attempts that are still under way.
    pub fn attempts_left_open(&self) -> Vec<String> {
        let attempts = self.cases.iter().flat_map(|case| rows(case, "attempts"));
        let open = attempts.filter(|it| !matches!(text(it, "state"), "succeeded" | "declined" | "requires_action" | "cancelled"));
        open.map(|attempt| format!("an attempt is left open: {attempt}")).collect()
    }

    /// What the bank of the sandbox collected and kept is what the product counts, payment by payment, and
    /// money that is nobody's is said. What does not hold, in words.
    pub fn money_astray(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for transaction in self.transactions.iter().filter(|row| row["gateway"] == "sandbox") {
            let own = self.charges.iter().filter(|charge| belongs(charge, transaction));
            let succeeded: Vec<_> = own.filter(|charge| charge["status"] == "succeeded").collect();
            let kept: i64 = succeeded.iter().map(|charge| minor(&charge["amount"]) - minor(&charge["amount_refunded"])).sum();
            let (paid, due) = (minor(&transaction["amount_paid"]["minor"]), minor(&transaction["amount_due"]["minor"]));
            if kept != paid || (paid != 0 && paid != due) {
                wrong.push(format!("{kept} collected, {paid} counted, {due} due: {transaction} {succeeded:?}"));
            }
            let case = self.cases.iter().find(|case| case["transaction_id"] == transaction["id"]);
            if case.is_some_and(|case| minor(&case["paid"]["minor"]) != paid) {
                wrong.push(format!("case and transaction differ: {transaction} {case:?}"));
            }
        }
        let homeless = |charge: &&Value| charge["status"] == "succeeded" && !self.transactions.iter().any(|it| belongs(charge, it));
        wrong.extend(self.charges.iter().filter(homeless).map(|charge| format!("money that belongs to no payment: {charge}")));
        wrong
    }

    /// No letter to a payer went twice: of two to one address each has a link of its own. What does not hold, in
    /// words.
    pub fn mailed_twice(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let again = |letter: &&Value| !seen.insert(format!("{} {}", text(letter, "to"), letter["links"]));
        let asks = |letter: &&Value| text(letter, "text").contains("/pay/");
        self.letters.iter().filter(asks).filter(again).map(|it| format!("a letter went twice: {it}")).collect()
    }

    /// Each message of a case that went has its letter. What does not hold, in words.
    pub fn mail_lost(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.letters.len() > LETTERS_MAX {
            return wrong;
        }
        for case in &self.cases {
            let to = payer(text(case, "ref"));
            let sent = rows(case, "messages").iter().filter(|message| matches!(text(message, "state"), "queued" | "sent")).count();
            let letters = self.letters.iter().filter(|letter| letter["to"] == to.as_str()).count();
            if sent != letters {
                wrong.push(format!("{sent} messages and {letters} letters to {to}: {case}"));
            }
        }
        wrong
    }
}

/// Where the payer of a payment is written to.
pub fn payer(reference: &str) -> String {
    format!("{}@payers.test", reference.trim_start_matches("pi_"))
}

/// Whether a charge is one of this obligation: by its intent, or by the tags that we gave it.
pub fn belongs(charge: &Value, transaction: &Value) -> bool {
    let intent = &transaction["psp_ids"]["intent"];
    charge["metadata"]["autorisen_transaction"] == transaction["id"] || (intent.is_string() && charge["payment_intent"] == *intent)
}

/// The rows of a field; none when there is no such field.
pub fn rows<'v>(of: &'v Value, field: &str) -> &'v [Value] {
    of[field].as_array().map_or(&[], Vec::as_slice)
}

pub fn text<'v>(of: &'v Value, field: &str) -> &'v str {
    of[field].as_str().unwrap_or_default()
}

pub fn minor(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}
