//! Recovery: getting paid after a charge failed, without ever charging what must not be charged.
pub mod classify;
pub mod policy;
