//! What can be wrong with an organization.

use kernel::faults;

faults! {
    /// Faults of organizations.
    pub enum OrganizationFault {
        SlugTaken = 409 "organization_slug_taken" "Another organization has this address. Choose another.",
    }
}
