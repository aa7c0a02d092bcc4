//! Stories of mail: from a transaction to a mailbox, over a mail server or a gateway that
//! misbehaves, and too late.

mod delivery;
mod dev_mailbox;
mod gateway;
mod gateway_sink;
mod sending;
mod world;
