//! What can be wrong with a payment link.

use kernel::faults;

faults! {
    /// Faults of payment links.
    pub enum LinkFault {
        Unknown = 404 "link_not_found" "There is no such payment link.",
        Expired = 410 "link_expired" "This payment link has expired.",
        Used = 410 "link_used" "This payment was already made. Nothing more is owed.",
        Revoked = 410 "link_revoked" "This payment link is no longer valid.",
        NothingOwed = 409 "nothing_owed" "Nothing is owed any more.",
        NoConnection = 503 "no_connection" "Payments cannot be taken for this at the moment.",
        Busy = 409 "payment_in_progress" "A payment for this is being made right now. Try again in a few minutes.",
        CheckoutUnavailable = 503 "checkout_unavailable" "The payment page cannot be opened at the moment. Try again in a few minutes.",
    }
}
