//! What can be wrong with a connection.

use kernel::faults;

faults! {
    /// Faults of connections.
    pub enum ConnectionFault {
        NotFound = 404 "connection_not_found" "There is no such connection.",
        ProviderUnknown = 422 "provider_unknown" "There is no such payment provider. Known are stripe and, outside production, sandbox.",
        ProviderNotConfigured = 503 "provider_not_configured" "This payment provider is not available here.",
        SandboxRefused = 422 "sandbox_not_allowed" "The sandbox moves no money, so it is not available here.",
        BaseUrlRefused = 422 "base_url_not_allowed" "Outside development and tests a provider is always reached at its own address.",
    }
}
