//! What a bank answers in the sandbox.
//!
//! An outcome is a word of a script: `succeeded`, what goes wrong on the way, or any decline code.
//! After a decline code, `@` and a network's advice code may follow: `do_not_honor@03`.

use serde_json::{Value, json};

/// Longer words are no decline codes.
const WORD_LEN_MAX: usize = 64;

/// What happens to one charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// The bank wants the payer; with the payer present it succeeds.
    AuthenticationRequired,
    /// Taken in; the money comes later.
    Processing,
    /// The charge succeeds and the answer is lost on its way.
    TimeoutAfterCharge,
    /// The charge is declined and the answer is lost on its way.
    TimeoutAfterDecline,
    /// The answer is lost, and nothing was charged.
    TimeoutBeforeCharge,
    /// 500, and nothing was charged.
    ApiError,
    /// 429, and nothing was charged.
    RateLimited,
    Declined {
        code: String,
        network_advice: Option<String>,
    },
}

impl Outcome {
    /// Reads a word of a script; `None` when it cannot be one.
    pub fn read(word: &str) -> Option<Self> {
        Some(match word {
            "succeeded" | "success" => Self::Succeeded,
            "authentication_required" => Self::AuthenticationRequired,
            "processing" => Self::Processing,
            "timeout_after_charge" => Self::TimeoutAfterCharge,
            "timeout_after_decline" => Self::TimeoutAfterDecline,
            "timeout" | "timeout_before_charge" => Self::TimeoutBeforeCharge,
            "api_error" => Self::ApiError,
            "rate_limited" | "rate_limit" => Self::RateLimited,
            other => return Self::declined(other),
        })
    }

    fn declined(word: &str) -> Option<Self> {
        let (code, advice) = word.split_once('@').map_or((word, None), |(code, advice)| (code, Some(advice)));
        let is_word = |text: &str| {
            !text.is_empty()
                && text.len() <= WORD_LEN_MAX
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let fine = is_word(code) && advice.is_none_or(is_word);
        fine.then(|| Self::Declined { code: code.to_owned(), network_advice: advice.map(ToOwned::to_owned) })
    }

    /// What a token means without a script. Stripe's own test tokens mean what they mean there
    /// (docs.stripe.com/testing); every other succeeds.
    pub fn of_token(token: &str) -> Self {
        let code = match token {
            "pm_card_chargeDeclined" | "pm_card_visa_chargeDeclined" | "pm_card_chargeCustomerFail" => "generic_decline",
            "pm_card_chargeDeclinedInsufficientFunds" | "pm_card_visa_chargeDeclinedInsufficientFunds" => "insufficient_funds",
            "pm_card_chargeDeclinedLostCard" | "pm_card_visa_chargeDeclinedLostCard" => "lost_card",
            "pm_card_chargeDeclinedStolenCard" | "pm_card_visa_chargeDeclinedStolenCard" => "stolen_card",
            "pm_card_chargeDeclinedExpiredCard" => "expired_card",
            "pm_card_chargeDeclinedIncorrectCvc" => "incorrect_cvc",
            "pm_card_chargeDeclinedProcessingError" => "processing_error",
            "pm_card_chargeDeclinedFraudulent" => "fraudulent",
            "pm_card_authenticationRequired" | "pm_card_authenticationRequiredOnSetup" => return Self::AuthenticationRequired,
            _ => return Self::Succeeded,
        };
        Self::Declined { code: code.to_owned(), network_advice: None }
    }
}

/// Declines that Stripe reports with a code of their own; all others are `card_declined`.
const OWN_CODES: [&str; 7] = [
    "authentication_required",
    "expired_card",
    "incorrect_cvc",
    "incorrect_number",
    "incorrect_zip",
    "processing_error",
    "invalid_expiry_year",
];

/// The network's response code (ISO 8583 field 39) that usually stands behind a decline code.
const NETWORK_CODES: [(&str, &str); 8] = [
    ("insufficient_funds", "51"),
    ("do_not_honor", "05"),
    ("expired_card", "54"),
    ("lost_card", "41"),
    ("stolen_card", "43"),
    ("pickup_card", "04"),
    ("card_velocity_exceeded", "61"),
    ("issuer_not_available", "91"),
];

/// Stripe's advice for a decline (docs.stripe.com/declines/codes, column "next steps").
fn advice(code: &str) -> Option<&'static str> {
    match code {
        "insufficient_funds"
        | "card_velocity_exceeded"
        | "do_not_honor"
        | "generic_decline"
        | "issuer_not_available"
        | "processing_error" => Some("try_again_later"),
        "expired_card" | "incorrect_cvc" | "incorrect_number" | "incorrect_zip" | "invalid_expiry_year" => Some("confirm_card_data"),
        "lost_card" | "stolen_card" | "pickup_card" | "fraudulent" => Some("do_not_try_again"),
        _ => None,
    }
}

/// The `error` object of a decline, as it stands in a 402 and in `last_payment_error`.
pub fn card_error(code: &str, network_advice: Option<&str>, charge: &str) -> Value {
    let mut error = json!({
        "type": "card_error",
        "code": if OWN_CODES.contains(&code) { code } else { "card_declined" },
        "decline_code": code,
        "charge": charge,
        "message": "Your card was declined.",
    });
    if let Some(advice) = advice(code) {
        error["advice_code"] = json!(advice);
    }
    if let Some((_, network)) = NETWORK_CODES.iter().find(|(known, _)| *known == code) {
        error["network_decline_code"] = json!(network);
    }
    if let Some(advice) = network_advice {
        error["network_advice_code"] = json!(advice);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_an_outcome_or_a_decline_code() {
        assert_eq!(Outcome::read("succeeded"), Some(Outcome::Succeeded));
        assert_eq!(Outcome::read("stolen_card"), Some(Outcome::Declined { code: "stolen_card".into(), network_advice: None }));
        assert_eq!(
            Outcome::read("do_not_honor@03"),
            Some(Outcome::Declined { code: "do_not_honor".into(), network_advice: Some("03".into()) })
        );
        for wrong in ["", "Do Not Honor", "a@", "@b", "<script>"] {
            assert_eq!(Outcome::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn known_tokens_mean_what_they_mean_at_stripe() {
        assert_eq!(Outcome::of_token("pm_card_visa"), Outcome::Succeeded);
        assert_eq!(Outcome::of_token("pm_card_authenticationRequired"), Outcome::AuthenticationRequired);
        assert!(matches!(Outcome::of_token("pm_card_chargeDeclinedLostCard"), Outcome::Declined { code, .. } if code == "lost_card"));
    }

    #[test]
    fn a_decline_looks_like_stripes() {
        let error = card_error("stolen_card", None, "ch_1");
        assert_eq!((error["code"].as_str(), error["advice_code"].as_str()), (Some("card_declined"), Some("do_not_try_again")));
        assert_eq!(card_error("expired_card", None, "ch_1")["code"], "expired_card");
        assert_eq!(card_error("do_not_honor", Some("03"), "ch_1")["network_advice_code"], "03");
    }
}
