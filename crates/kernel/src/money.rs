//! Money: integers in minor units, never added across currencies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A currency of ISO 4217, in upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Why a text is no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a currency code of ISO 4217 such as `EUR`")]
pub struct NotACurrency;

/// Codes of ISO 4217 in which nobody is paid: metals, bond units, drawing rights, accounting funds, the
/// code for testing and the one for no currency.
const NOT_MONEY: [&str; 21] = [
    "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX", "BOV", "CHE", "CHW", "CLF", "COU", "MXV",
    "USN", "UYI",
];

impl Currency {
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters")
    }

    /// Digits after the point: 2 for EUR, 0 for JPY, 3 for BHD (ISO 4217).
    pub fn exponent(&self) -> u32 {
        iso_currency::Currency::from_code(self.code()).and_then(iso_currency::Currency::exponent).map_or(2, u32::from)
    }
}

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        let upper = text.to_ascii_uppercase();
        iso_currency::Currency::from_code(&upper).filter(|_| !NOT_MONEY.contains(&upper.as_str())).ok_or(NotACurrency)?;
        upper.as_bytes().try_into().map(Self).map_err(|_| NotACurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("ISO 4217, such as `EUR`"))
            .pattern(Some("^[A-Za-z]{3}$"))
            .into()
    }
}
impl utoipa::ToSchema for Currency {}

/// An amount in minor units (cents, yen, fils) of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: 1250 is 12.50 EUR.
    pub minor: i64,
    pub currency: Currency,
}

/// Why two amounts can't be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("amounts of {0} and {1} can't be added")]
    Currencies(Currency, Currency),
    #[error("the sum is too large")]
    Overflow,
}

impl Money {
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum, or why there is none.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        self.minor.checked_add(other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

/// `12.50 EUR`, `1,250 JPY`: for people; programs read the fields.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let scale = 10u64.pow(exponent);
        let sign = if self.minor < 0 { "-" } else { "" };
        let whole = group(self.minor.unsigned_abs() / scale);
        match exponent {
            0 => write!(f, "{sign}{whole} {}", self.currency),
            _ => write!(f, "{sign}{whole}.{:0width$} {}", self.minor.unsigned_abs() % scale, self.currency, width = exponent as usize),
        }
    }
}

/// Commas between groups of three digits.
fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, code.parse().expect("a currency"))
    }

    #[test]
    fn each_currency_shows_its_own_digits() {
        assert_eq!(money(123_456, "eur").to_string(), "1,234.56 EUR");
        assert_eq!(money(1250, "JPY").to_string(), "1,250 JPY");
        assert_eq!(money(-5, "BHD").to_string(), "-0.005 BHD");
        assert_eq!(money(i64::MIN, "USD").to_string(), "-92,233,720,368,547,758.08 USD");
    }

    #[test]
    fn currencies_do_not_mix() {
        assert!(money(1, "EUR").plus(money(1, "USD")).is_err());
        assert!("EURO".parse::<Currency>().is_err());
        assert!("ZZZ".parse::<Currency>().is_err());
        assert!(["XXX", "xts", "XAU", "XDR", "CLF"].iter().all(|code| code.parse::<Currency>().is_err()), "nobody is paid in these");
        assert!(["XAF", "XOF", "XPF", "XCD"].iter().all(|code| code.parse::<Currency>().is_ok()));
    }

    proptest! {
        #[test]
        fn a_sum_is_exact_or_refused(a: i64, b: i64) {
            let sum = money(a, "EUR").plus(money(b, "EUR")).ok().map(|m| m.minor);
            prop_assert_eq!(sum, a.checked_add(b));
        }
    }
}
