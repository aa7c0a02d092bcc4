//! What can go wrong with a customer.

kernel::faults! {
    /// Faults of customers.
    pub enum CustomerFault {
        NotFound = 404 "customer_not_found" "There is no such customer.",
        ExternalRefTaken = 409 "customer_external_ref_taken" "Another customer already has this `external_ref`.",
    }
}
