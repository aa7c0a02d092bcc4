//! What the numbers mean, in the words that answers carry.

use std::collections::BTreeMap;

type Definitions = BTreeMap<&'static str, &'static str>;

const COHORT: &str = "cases whose first failure lies from `from` up to but not including `to`";
const OPENED: &str = "all cases of the cohort, hard declines included: the denominator of every rate";
const RECOVERED: &str = "cases of the cohort that were paid in full and not given back";
const RECOVERED_AMOUNT: &str = "what was paid on cases of the cohort, partial payments included, less what was given back";
const DUE_AMOUNT: &str = "the amounts that were due when the cases were opened";
const RETRYABLE: &str = "the same, only for cases whose first decline was soft: not the recovery rate, and never to be named so";
const HORIZON: &str = "recovered within so many days of the first failure, over all opened";
const MATURE: &str = "whether the youngest case of the cohort is at least as old as the horizon; open cases stay in the denominator";

/// The definitions of the rates.
pub(super) fn of_rates() -> Definitions {
    BTreeMap::from([
        ("cohort", COHORT),
        ("opened", OPENED),
        ("recovered", RECOVERED),
        ("amount_recovered", RECOVERED_AMOUNT),
        ("amount_due", DUE_AMOUNT),
        ("rate_count", "recovered over opened"),
        ("rate_amount", "amount_recovered over amount_due"),
        ("retryable_only", RETRYABLE),
        ("horizons", HORIZON),
        ("mature", MATURE),
    ])
}

/// The definitions of the summary.
pub(super) fn of_summary() -> Definitions {
    BTreeMap::from([
        ("cohort", COHORT),
        ("opened", OPENED),
        ("recovered", RECOVERED),
        ("open", "cases of the cohort that can still be recovered"),
        ("amount_at_risk", "what is still owed on open cases"),
        ("amount_recovered", RECOVERED_AMOUNT),
        ("amount_due", DUE_AMOUNT),
        ("involuntary_loss", "cases that ended exhausted or not recoverable"),
        ("voluntary_loss", "cases whose obligation was cancelled during recovery"),
        ("attempts_sent", "attempts of ours that were sent to the network for cases of the cohort"),
        ("attempt_success_rate", "attempts that succeeded over attempts sent"),
        ("messages_sent", "messages to payers of cases of the cohort"),
        ("seconds_to_recover_median", "from the first failure to the payment that recovered the case, for recovered cases"),
        ("by_mechanism", "recovered and partially recovered cases by the one thing that brought the money"),
        ("by_class", "cases by the class of their latest decline"),
    ])
}
