//! The admin channel: listener, peers, and one file a resource; no rules of its own.

mod attempt;
mod audit;
pub mod edge;
pub mod listener;
mod lockout;
mod mail;
pub mod peer;
mod permission;
mod role;
pub mod routes;
mod session;
mod status;
mod tenant;
#[cfg(test)]
mod tests;
mod user;
