//! The rules of authd. Pure: no I/O, no async, no clock, no randomness; times and random bytes are
//! given by the caller, so that every rule can be tested as a table.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod attempt;
pub mod audit;
pub mod client;
pub mod device;
pub mod event;
pub mod key;
pub mod lockout;
pub mod mail;
pub mod mailbox;
pub mod password;
pub mod permission;
pub mod picture;
pub mod profile;
pub mod refresh;
pub mod registration;
pub mod rights;
pub mod role;
pub mod session;
pub mod setting;
pub mod tenant;
pub mod token;
pub mod user;
