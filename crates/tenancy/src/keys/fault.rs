//! What can be wrong with an API key.

use kernel::faults;

faults! {
    /// Faults of API keys.
    pub enum ApiKeyFault {
        NotFound = 404 "api_key_not_found" "There is no such API key in your organization.",
        ScopeNotYours = 403 "api_key_scope_not_yours" "A key may do nothing that you may not do yourself.",
    }
}
