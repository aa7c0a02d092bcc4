//! What a bank answers to a charge, and what the payer does about it.

use super::dice::Dice;

/// How often a monthly charge fails, in a hundred.
const FAILS: u64 = 12;
/// Tries after which a bank that changes its mind has changed it, at most.
const TRIES_MAX: u64 = 3;

/// A way to fail.
#[derive(Debug)]
struct Decline {
    code: &'static str,
    /// Among all failures.
    weight: u64,
    /// How often, in a hundred, a later try succeeds.
    passes: u64,
    /// How often, in a hundred, a payer who is written to pays.
    pays: u64,
}

/// Roughly as subscription businesses see them; the table is made up.
const DECLINES: [Decline; 10] = [
    Decline { code: "insufficient_funds", weight: 38, passes: 68, pays: 20 },
    Decline { code: "do_not_honor", weight: 14, passes: 50, pays: 30 },
    Decline { code: "generic_decline", weight: 8, passes: 45, pays: 30 },
    Decline { code: "expired_card", weight: 14, passes: 0, pays: 62 },
    Decline { code: "issuer_not_available", weight: 6, passes: 95, pays: 10 },
    Decline { code: "card_velocity_exceeded", weight: 5, passes: 65, pays: 25 },
    Decline { code: "authentication_required", weight: 6, passes: 0, pays: 66 },
    Decline { code: "lost_card", weight: 4, passes: 0, pays: 40 },
    Decline { code: "stolen_card", weight: 3, passes: 0, pays: 35 },
    Decline { code: "fraudulent", weight: 2, passes: 0, pays: 0 },
];

/// What happens to one monthly charge.
#[derive(Debug, PartialEq, Eq)]
pub struct Fate {
    /// The bank's answers, in order; the last one repeats.
    pub outcomes: Vec<&'static str>,
    /// Whether the payer pays once they are written to.
    pub pays: bool,
}

impl Fate {
    pub fn roll(dice: &mut Dice) -> Self {
        if !dice.percent(FAILS) {
            return Self { outcomes: vec!["succeeded"], pays: false };
        }
        let decline = dice.weighted(&DECLINES, |decline| decline.weight);
        let tries = usize::try_from(1 + dice.below(TRIES_MAX)).unwrap_or(1);
        let mut outcomes = vec![decline.code; tries];
        if dice.percent(decline.passes) {
            outcomes.push("succeeded");
        }
        Self { outcomes, pays: dice.percent(decline.pays) }
    }

    /// Whether the first answer is a no.
    pub fn fails(&self) -> bool {
        self.outcomes[0] != "succeeded"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_charge_in_eight_fails_and_hard_declines_never_pass() {
        let fates: Vec<_> = (0..2000).map(|number| Fate::roll(&mut Dice::new(3).of(number))).collect();
        let failed: Vec<_> = fates.iter().filter(|fate| fate.fails()).collect();
        assert!((190..300).contains(&failed.len()), "{}", failed.len());
        assert!(failed.iter().filter(|fate| fate.outcomes[0] == "stolen_card").all(|fate| !fate.outcomes.contains(&"succeeded")));
    }
}
