//! What can go wrong with a case.

kernel::faults! {
    /// Faults of cases.
    pub enum CaseFault {
        NotFound = 404 "case_not_found" "There is no such recovery case.",
        Closed = 409 "case_closed" "This recovery case has ended; nothing can be changed any more.",
        Busy = 409 "case_busy" "This payment is being tried at this moment. Come back in a few minutes.",
    }
}
