//! What a key may be given: registered permissions, and none that its maker lacks.

use std::collections::BTreeSet;

use kernel::{Failed, Failure};

use super::ApiKeyFault;

/// More than there are permissions.
const SCOPES_MAX: usize = 100;

/// The scopes without repetitions, or why they can't be granted.
pub(super) fn grantable(
    wanted: &[String],
    registered: &BTreeSet<&str>,
    makers: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Failed<ApiKeyFault>> {
    if wanted.is_empty() || wanted.len() > SCOPES_MAX {
        return Err(Failure::field("scopes", format!("must name 1 to {SCOPES_MAX} permissions")).into());
    }
    let wanted: BTreeSet<String> = wanted.iter().cloned().collect();
    if let Some(unknown) = wanted.iter().find(|code| !registered.contains(code.as_str())) {
        // At most a permission's length of it: the caller's text goes back in the answer.
        let shown: String = unknown.chars().take(50).collect();
        return Err(Failure::field("scopes", format!("`{shown}` is not a permission")).into());
    }
    if wanted.is_subset(makers) { Ok(wanted) } else { Err(ApiKeyFault::ScopeNotYours.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(wanted: &[&str]) -> Result<Vec<String>, (u16, &'static str)> {
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let registered = BTreeSet::from(["a:read", "a:write", "b:read"]);
        let makers = BTreeSet::from(["a:read".to_owned(), "b:read".to_owned()]);
        let granted = grantable(&wanted, &registered, &makers);
        granted.map(|codes| codes.into_iter().collect()).map_err(|failed| (failed.failure().status, failed.failure().code))
    }

    #[test]
    fn a_key_gets_what_its_maker_has() {
        assert_eq!(ask(&["b:read", "a:read", "a:read"]), Ok(vec!["a:read".to_owned(), "b:read".to_owned()]));
    }

    #[test]
    fn a_key_gets_nothing_more() {
        assert_eq!(ask(&["a:write"]), Err((403, "api_key_scope_not_yours")));
        assert_eq!(ask(&["a:delete"]), Err((422, "validation_failed")));
        assert_eq!(ask(&[]), Err((422, "validation_failed")));
    }
}
