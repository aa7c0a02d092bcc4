//! The settings of this room.

use host::section;

/// Bounds of `link_lifetime_h`: shorter than an hour no payer reads the mail in time, longer than
/// a month outlives every case.
const LINK_LIFETIME_H: std::ops::RangeInclusive<u32> = 1..=720;

section! {
    /// Getting paid after a charge failed.
    pub struct RecoveryConfig("recovery") {
        /// Hours that a link in a mail to a payer works; the mail states this number.
        pub link_lifetime_h: u32 = 24,
        /// Attempts on one card in any 30 days, whoever makes them. Visa allows 20 since May 2025, some acquirers still count to 15.
        pub card_attempts_30d_max: u32 = 15,
    }
}

impl RecoveryConfig {
    /// What is wrong with the values, by key.
    pub(crate) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !LINK_LIFETIME_H.contains(&self.link_lifetime_h) {
            faults.push(("recovery.link_lifetime_h", format!("must be from {} to {}", LINK_LIFETIME_H.start(), LINK_LIFETIME_H.end())));
        }
        if self.card_attempts_30d_max > 35 {
            faults.push(("recovery.card_attempts_30d_max", "must be at most 35, the loosest limit of any card network".to_owned()));
        }
        faults
    }
}
