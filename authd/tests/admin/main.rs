//! The administrator's use cases and routes, in process: a real database in a folder of its own, a
//! clock that stands still, random bytes from a seed. Every second write runs twice, the first time
//! undone, so that a closure that cannot be repeated shows.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: what fails here is the message"
)]

mod apply;
mod attempts;
mod audit;
mod backups;
mod blasts;
mod chains;
mod clients;
mod daemon;
mod deleted_tenants;
mod deletions;
mod desk;
mod doctor;
mod events;
mod explain;
mod floors;
mod helpdesk;
mod lists;
mod lockouts;
mod mails;
mod monitor;
mod names;
mod pictures;
mod profiles;
mod registrations;
mod rehearsals;
mod roles;
mod routes;
mod sessions;
mod settings;
mod simulations;
mod states;
#[path = "../support/mod.rs"]
mod support;
mod tenants;
mod users;
