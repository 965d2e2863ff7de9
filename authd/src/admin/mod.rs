//! The admin channel: listener, peers, and one file a resource; no rules of its own.

mod apply;
mod attempt;
mod audit;
mod backup;
mod cache;
mod client;
mod daemon;
mod db;
pub mod edge;
mod explain;
mod job;
mod key;
pub mod listener;
mod lockout;
mod mail;
pub mod peer;
mod permission;
mod registration;
mod role;
pub mod routes;
mod session;
mod setting;
mod status;
mod tenant;
#[cfg(test)]
mod tests;
mod token;
mod user;
