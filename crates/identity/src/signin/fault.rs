//! Why somebody is not let in.

use kernel::faults;

faults! {
    /// Faults of signing in. A frozen account, an unknown address and a wrong password look alike.
    pub enum SignInFault {
        WrongCredentials = 401 "credentials_wrong" "Address or password are not right.",
        NoSuchPlace = 404 "organization_not_found" "You are not a member of such an organization.",
    }
}
