//! Stripe's own idea of minor units, where it differs from ISO 4217.
//!
//! Source: docs.stripe.com/currencies, section "Special cases" and "Three-decimal currencies", read
//! 2026-11.

use kernel::{Currency, Money};

/// Digits after the point as Stripe counts them, where ISO 4217 says otherwise.
const EXPONENTS: [(&str, u32); 3] = [
    ("ISK", 2), // kept at two decimals for old integrations, though it has none since 2007
    ("UGX", 2), // as ISK
    ("MGA", 0), // the ariary divides by five, and Stripe charges whole ones
];

/// Why an amount cannot be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount cannot be expressed in the provider's units")]
pub struct Inexpressible;

fn exponent(currency: Currency) -> u32 {
    EXPONENTS.iter().find(|(code, _)| *code == currency.code()).map_or_else(|| currency.exponent(), |(_, digits)| *digits)
}

/// What goes into `amount`.
pub fn to_stripe(money: Money) -> Result<i64, Inexpressible> {
    let (ours, theirs) = (money.currency.exponent(), exponent(money.currency));
    // Three-decimal currencies are charged in tens of the smallest unit.
    if ours == 3 && money.minor % 10 != 0 {
        return Err(Inexpressible);
    }
    if theirs >= ours {
        return money.minor.checked_mul(10i64.pow(theirs - ours)).ok_or(Inexpressible);
    }
    let scale = 10i64.pow(ours - theirs);
    if money.minor % scale == 0 { Ok(money.minor / scale) } else { Err(Inexpressible) }
}

/// What an `amount` of theirs means. A remainder that our unit cannot show is cut off.
pub fn from_stripe(amount: i64, currency: Currency) -> Money {
    let (ours, theirs) = (currency.exponent(), exponent(currency));
    let minor = if theirs >= ours { amount / 10i64.pow(theirs - ours) } else { amount.saturating_mul(10i64.pow(ours - theirs)) };
    Money::new(minor, currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, code.parse().expect("a currency"))
    }

    #[test]
    fn most_currencies_go_as_they_are() {
        for code in ["EUR", "USD", "JPY", "KRW", "XOF"] {
            assert_eq!(to_stripe(money(1250, code)), Ok(1250), "{code}");
        }
    }

    #[test]
    fn special_cases_are_scaled_both_ways() {
        for (ours, theirs) in [(money(500, "ISK"), 50_000), (money(500, "UGX"), 50_000), (money(500, "MGA"), 5)] {
            assert_eq!(to_stripe(ours), Ok(theirs), "{ours}");
            assert_eq!(from_stripe(theirs, ours.currency), ours);
        }
        assert_eq!(to_stripe(money(501, "MGA")), Err(Inexpressible));
    }

    #[test]
    fn three_decimals_are_charged_in_tens() {
        assert_eq!(to_stripe(money(5120, "KWD")), Ok(5120));
        assert_eq!(to_stripe(money(5124, "KWD")), Err(Inexpressible));
        assert_eq!(to_stripe(money(i64::MAX, "ISK")), Err(Inexpressible));
    }
}
