//! The payments of the job: who owes what, what the bank will say, and how it must end.

/// How the company tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// A charge at the provider, whose webhook tells.
    Charge,
    /// A bill at the provider, whose webhooks tell.
    Bill,
    /// A report of the company's own program; the provider knows only the card.
    Report,
}

/// How it must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// An attempt of ours collects it.
    Retried,
    /// The payer pays through the link in a letter.
    Paid,
    /// Nobody pays.
    Lost,
}

/// A kind of payment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub name: &'static str,
    pub told: Told,
    /// The bank's answers to this card; the last one repeats. For a report the first failure is before them.
    pub bank: &'static [&'static str],
    pub end: End,
    /// Charges of the card itself that the bank must have seen, if that is certain.
    pub charges: Option<usize>,
}

const fn kind(name: &'static str, told: Told, bank: &'static [&'static str], end: End, charges: Option<usize>) -> Kind {
    Kind { name, told, bank, end, charges }
}

/// Each is played twice.
pub(super) const KINDS: [Kind; 12] = [
    kind("short", Told::Bill, &["insufficient_funds", "insufficient_funds", "succeeded"], End::Retried, Some(3)),
    kind("answer-lost", Told::Charge, &["issuer_not_available", "timeout_after_charge"], End::Retried, Some(2)),
    kind("bank-away", Told::Charge, &["issuer_not_available", "timeout", "api_error", "rate_limited", "succeeded"], End::Retried, None),
    kind("expired", Told::Charge, &["expired_card"], End::Paid, Some(1)),
    kind("forgotten", Told::Charge, &["expired_card"], End::Lost, Some(1)),
    kind("stolen", Told::Charge, &["stolen_card"], End::Lost, Some(1)),
    kind("authentic", Told::Bill, &["authentication_required"], End::Paid, Some(1)),
    kind("broke", Told::Bill, &["insufficient_funds"], End::Lost, None),
    kind("reported", Told::Report, &["insufficient_funds", "succeeded"], End::Retried, Some(2)),
    kind("reported-lost-answer", Told::Report, &["timeout_after_charge"], End::Retried, Some(1)),
    kind("reported-hard", Told::Report, &["lost_card"], End::Lost, None),
    kind("reported-paid", Told::Report, &["do_not_honor"], End::Paid, None),
];

/// A payment that failed, as the company remembers it.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub kind: Kind,
    /// Tells the payments of one kind apart.
    pub round: usize,
    pub amount: i64,
    /// The provider's token of the card.
    pub card: String,
    /// By which provider and product know it.
    pub reference: String,
    /// What the product acknowledged of a report: transaction and case.
    pub acknowledged: Option<(String, String)>,
}

impl Payment {
    pub fn new(kind: Kind, round: usize) -> Self {
        // No two amounts are equal, so that money which is counted for the wrong payment shows.
        let place = KINDS.iter().position(|known| known.name == kind.name).unwrap_or_default();
        let amount = 1_000 + 100 * i64::try_from(place).unwrap_or_default() + 7 * i64::try_from(round).unwrap_or_default();
        Self { kind, round, amount, card: String::new(), reference: String::new(), acknowledged: None }
    }

    /// The payer's address, used by nobody else.
    pub fn email(&self) -> String {
        format!("{}.{}@payers.test", self.kind.name, self.round)
    }

    /// Names one intention of this payment, for whoever takes a key.
    pub fn key(&self, verb: &str) -> String {
        format!("{verb}-{}-{}", self.kind.name, self.round)
    }
}
