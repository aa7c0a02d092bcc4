//! Stories of mail: from a transaction to a mailbox, over a mail server that misbehaves, and too
//! late.

mod delivery;
mod dev_mailbox;
mod sending;
mod smtp_sink;
mod world;
