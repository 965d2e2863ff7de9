//! Letters and the post: what mails say, and how they go out, against a real SMTP server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desk;
mod encryption;
mod languages;
mod local;
mod looks;
mod overrides;
mod senders;
mod smtp;
mod words;
