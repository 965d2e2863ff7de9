//! The rules of sign-in through the real router behind its edge, in process: a real database in a
//! folder of its own, a clock that stands still, hash threads that can be held.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: what fails here is the message"
)]

mod answers;
mod claims;
mod clients;
mod compromised;
mod cors;
mod cuts;
mod deleted;
mod devices;
mod document;
mod email_change;
mod explain;
mod faults;
mod feed;
mod fields;
mod figures;
mod grants;
mod hold;
mod house;
mod keys;
mod languages;
mod large_values;
mod limits;
mod links;
mod lists;
mod lockout;
mod mailing;
mod maintenance;
mod matrix;
mod nodes;
mod outbox;
mod pages;
mod passwords;
mod pictures;
mod policies;
mod profile;
mod queue;
mod races;
mod ready;
mod registration;
mod reset;
mod roles;
mod routes;
mod same_answer;
mod service_clients;
mod settings;
mod sign_out;
#[path = "../support/mod.rs"]
mod support;
mod tenancy;
mod tenants;
mod tokens;
mod upgrades;
mod users;
mod warnings;
mod world;
