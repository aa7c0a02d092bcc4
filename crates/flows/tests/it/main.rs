//! Stories of durable work: crashes, retries, signals, schedules, and workers that come too late.

mod claims;
mod crashes;
mod listeners;
mod retries;
mod schedules;
mod signals;
mod versions;
mod world;
