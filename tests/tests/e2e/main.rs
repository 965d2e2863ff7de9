//! Stories and faults with the real binaries, over their real sockets.
//! Few and whole: what a lower level can show is shown there.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests: what fails here is the message"
)]

mod audit;
mod authctl;
mod backups;
mod canary;
mod clock;
mod closed;
mod damage;
mod disk;
mod durability;
mod events;
mod examples;
mod faults;
mod first_light;
mod hangups;
mod http_wire;
mod journald;
mod keys;
mod load;
mod lockout;
mod lost_keys;
mod mail;
mod mailbox;
mod manual;
mod memory;
mod metrics;
mod migrations;
mod offline_keys;
mod openapi;
mod pages;
mod passwords;
mod pictures;
mod redis;
mod registrations;
mod reload;
mod roles;
mod scene;
mod service_manager;
mod sessions;
mod states;
mod strangers;
mod tenants;
mod tokens;
mod unit_file;
