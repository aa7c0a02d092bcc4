//! The books: what the product says, beside what the bank saw and the payers got.

use std::collections::BTreeSet;

use chaos::books::{self, belongs, minor, rows, text};
use testkit::Value;

use super::cast::{End, Payment};

/// States in which nothing further is planned.
const ENDED: [&str; 3] = ["recovered", "exhausted", "not_recoverable"];

/// Everything that was written down.
pub(super) struct Books {
    /// What product, bank and mailbox say.
    pub seen: books::Books,
    /// What is known under the reference of each payment, in the order of the payments.
    pub reports: Vec<Value>,
    pub summary: Value,
}

impl Books {
    /// Every failure that was acknowledged has exactly one transaction and exactly one case, and there
    /// is nothing else.
    pub fn nothing_was_lost(&self, payments: &[Payment]) {
        assert_eq!((self.seen.transactions.len(), self.seen.cases.len()), (payments.len(), payments.len()), "{:?}", self.references());
        for payment in payments {
            let transaction = only(&self.seen.transactions, "ref", &payment.reference);
            let case = only(&self.seen.cases, "ref", &payment.reference);
            assert_eq!(case["transaction_id"], transaction["id"], "{}", payment.reference);
            if let Some((id, case_id)) = &payment.acknowledged {
                assert_eq!((text(transaction, "id"), text(case, "id")), (id.as_str(), case_id.as_str()), "{}", payment.reference);
            }
        }
        for report in &self.reports {
            let ids: Vec<_> = rows(report, "events").iter().map(|event| text(event, "event_id")).collect();
            assert!(!ids.is_empty() && ids.iter().collect::<BTreeSet<_>>().len() == ids.len(), "{ids:?}");
        }
    }

    fn references(&self) -> Vec<&str> {
        self.seen.cases.iter().map(|case| text(case, "ref")).collect()
    }

    /// For each attempt the bank saw what it may have seen, and nothing is left open.
    pub fn nothing_happened_twice(&self) {
        let wrong = [self.seen.charged_twice(), self.seen.attempts_left_open()].concat();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// What the bank collected and kept is what the product counts, payment by payment and in sum.
    pub fn the_money_adds_up(&self) {
        let mut collected = 0;
        for (transaction, report) in self.seen.transactions.iter().map(|row| (row, self.report(text(row, "id")))) {
            let own: Vec<_> = self.seen.charges.iter().filter(|charge| belongs(charge, transaction)).collect();
            let succeeded: Vec<_> = own.iter().filter(|charge| charge["status"] == "succeeded").collect();
            let kept: i64 = succeeded.iter().map(|charge| minor(&charge["amount"]) - minor(&charge["amount_refunded"])).sum();
            let (paid, due) = (minor(&transaction["amount_paid"]["minor"]), minor(&transaction["amount_due"]["minor"]));
            assert_eq!((kept, rows(report, "receipts").len()), (paid, succeeded.len()), "{transaction}\n{own:#?}");
            assert!(paid == 0 || paid == due, "{transaction}");
            let counted: i64 = rows(report, "receipts").iter().map(|receipt| minor(&receipt["counted"]["minor"])).sum();
            assert_eq!(counted, paid, "{report}");
            let case = only(&self.seen.cases, "transaction_id", text(transaction, "id"));
            assert_eq!((minor(&case["paid"]["minor"]), minor(&case["outcome"]["amount"]["minor"])), (paid, paid), "{case}");
            collected += kept;
        }
        let euros = &self.summary["currencies"][0];
        assert_eq!(
            (minor(&euros["amount_recovered"]["minor"]), minor(&euros["opened"])),
            (collected, minor(&self.seen.cases.len().into()))
        );
        let seen: i64 = self.seen.charges.iter().filter(|charge| charge["status"] == "succeeded").count().try_into().expect("a count");
        let receipts: i64 = self.reports.iter().map(|report| rows(report, "receipts").len()).sum::<usize>().try_into().expect("a count");
        assert_eq!(seen, receipts, "money that belongs to no payment");
    }

    fn report(&self, transaction: &str) -> &Value {
        only(&self.reports, "transaction_id", transaction)
    }

    /// Each planned message went to its payer exactly once, with a link of its own.
    pub fn each_letter_went_once(&self, payments: &[Payment]) {
        for payment in payments {
            let case = only(&self.seen.cases, "ref", &payment.reference);
            let sent = rows(case, "messages").iter().filter(|message| matches!(text(message, "state"), "queued" | "sent")).count();
            let numbers: BTreeSet<_> = rows(case, "messages").iter().map(|message| message["number"].to_string()).collect();
            assert_eq!(numbers.len(), rows(case, "messages").len(), "{case}");
            let letters: Vec<_> = self.seen.letters.iter().filter(|letter| letter["to"] == payment.email()).collect();
            assert_eq!(letters.len(), sent, "letters to {}: {letters:#?}\n{case}", payment.email());
            let links: BTreeSet<_> = letters.iter().map(|letter| letter["links"].to_string()).collect();
            assert_eq!(links.len(), letters.len(), "a letter went twice: {letters:#?}");
        }
    }

    /// Each case ended as it must, and no card was charged more often than it may.
    pub fn everybody_got_what_was_due(&self, payments: &[Payment]) {
        for payment in payments {
            let case = only(&self.seen.cases, "ref", &payment.reference);
            let state = text(case, "state");
            assert!(ENDED.contains(&state) && case["next_action_at"].is_null(), "{case}");
            assert_eq!(state == "recovered", payment.kind.end != End::Lost, "{case}");
            let mechanism = match payment.kind.end {
                End::Retried => Some("retry"),
                End::Paid => Some("link:email"),
                End::Lost => None,
            };
            assert_eq!(case["outcome"]["mechanism"].as_str(), mechanism, "{case}");
            let charges = self.seen.charges.iter().filter(|charge| charge["payment_method"] == payment.card.as_str()).count();
            assert!(payment.kind.charges.is_none_or(|right| right == charges), "{charges} charges of {payment:?}\n{case}");
        }
    }
}

/// The one row that has this.
#[track_caller]
fn only<'v>(of: &'v [Value], field: &str, value: &str) -> &'v Value {
    let found: Vec<_> = of.iter().filter(|row| row[field] == value).collect();
    assert_eq!(found.len(), 1, "{field} = {value}: {found:#?}");
    found[0]
}
