//! The words of a classification, as they stand on the wire and in the tables.

/// Declares an enum whose cases are words on the wire and in the database, with both directions.
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $case:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        $vis enum $name { $($(#[$doc])* $case),* }

        impl $name {
            /// Every case, in order.
            pub const ALL: &'static [Self] = &[$(Self::$case),*];

            /// The word on the wire and in the database.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$case => $word),* }
            }

            /// Reads a word; `None` when it is not one of ours.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$case),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.word()) }
        }
    };
}
pub(crate) use words;

words! {
    /// Why a charge was declined, as far as recovery has to know.
    pub enum Class {
        /// There was not enough money on the account.
        InsufficientFunds = "insufficient_funds",
        /// A limit of amount or count was reached.
        LimitVelocity = "limit_velocity",
        /// Something between us and the issuer broke.
        IssuerUnavailable = "issuer_unavailable",
        /// The issuer said no without saying why.
        GenericSoft = "generic_soft",
        /// The card data is out of date.
        StaleCredentials = "stale_credentials",
        /// There is no such card or account.
        WrongAccount = "wrong_account",
        /// The cardholder has to prove who they are.
        AuthRequired = "auth_required",
        /// The card was reported lost or stolen.
        LostStolen = "lost_stolen",
        /// The cardholder took the mandate back.
        Revoked = "revoked",
        /// The issuer or the provider suspects fraud.
        FraudRisk = "fraud_risk",
        /// This method cannot make this payment.
        NotSupported = "not_supported",
        /// The PIN is wrong or blocked.
        PinBlocked = "pin_blocked",
        /// The same payment was already made.
        Duplicate = "duplicate",
        /// The provider refuses to send it again.
        PspBlocked = "psp_blocked",
        /// The card network says never.
        NetworkHard = "network_hard",
        /// The card network says when.
        NetworkTimed = "network_timed",
        /// Not a card: a transfer, a wallet, a debit order.
        OtherRail = "other_rail",
        /// A code that no table knows.
        Unknown = "unknown",
    }
}

words! {
    /// What may be done with the same payment method. Ordered from the mildest to the strictest:
    /// a later source can only move a verdict to the right.
    pub enum Hardness {
        /// May be tried again.
        Soft = "soft",
        /// Only the payer can make it succeed.
        CustomerAction = "customer_action",
        /// Only new data can make it succeed.
        NeedsData = "needs_data",
        /// Nothing may be sent before we know whether it was paid.
        Stop = "stop",
        /// Never again with this method.
        Hard = "hard",
    }
}

words! {
    /// How sure the verdict is.
    pub enum Confidence {
        /// From a sentence, or no source knew the code.
        Low = "low",
        /// From a code that says little.
        Medium = "medium",
        /// From a code or an advice that is exact.
        High = "high",
    }
}

words! {
    /// Where a verdict came from.
    pub enum Source {
        /// Advice or category of the card network.
        Network = "network",
        /// Advice of the payment provider.
        Advice = "advice",
        /// The decline code.
        DeclineCode = "decline_code",
        /// The error code around it.
        Code = "code",
        /// The sentence for people.
        Message = "message",
        /// No source knew it.
        Nothing = "nothing",
    }
}

impl Class {
    /// Whether the class says nothing in particular, so that a more exact one of equal hardness
    /// replaces it.
    pub const fn is_vague(self) -> bool {
        matches!(self, Self::GenericSoft | Self::Unknown | Self::PspBlocked)
    }

    /// For people of the company (never for the payer, who reads neutral words: see [`crate::messages`]).
    pub const fn describe(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "not enough money on the account",
            Self::LimitVelocity => "a limit of amount or count was reached",
            Self::IssuerUnavailable => "the issuer could not be reached",
            Self::GenericSoft => "declined without a reason",
            Self::StaleCredentials => "the card data is out of date",
            Self::WrongAccount => "there is no such card or account",
            Self::AuthRequired => "the cardholder must authenticate",
            Self::LostStolen => "the card was reported lost or stolen",
            Self::Revoked => "the cardholder took the permission back",
            Self::FraudRisk => "a suspicion of fraud",
            Self::NotSupported => "this method cannot make this payment",
            Self::PinBlocked => "the PIN is wrong or blocked",
            Self::Duplicate => "the same payment was probably already made",
            Self::PspBlocked => "the provider refuses to send it again",
            Self::NetworkHard => "the card network forbids another try",
            Self::NetworkTimed => "the card network says when to try again",
            Self::OtherRail => "a payment outside the card networks",
            Self::Unknown => "a code that is not known yet",
        }
    }
}

impl Hardness {
    /// Whether the same method may be charged again without the payer.
    pub const fn allows_retry(self) -> bool {
        matches!(self, Self::Soft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_is_what_serde_writes() {
        for class in Class::ALL {
            assert_eq!(Class::parse(class.word()), Some(*class));
            assert_eq!(serde_json::to_value(class).expect("a word"), class.word());
        }
        for hardness in Hardness::ALL {
            assert_eq!(serde_json::to_value(hardness).expect("a word"), hardness.word());
        }
    }

    #[test]
    fn only_soft_declines_may_be_retried() {
        let allowed: Vec<_> = Hardness::ALL.iter().filter(|hardness| hardness.allows_retry()).collect();
        assert_eq!(allowed, [&Hardness::Soft]);
    }
}
