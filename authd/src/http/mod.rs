//! The HTTP API: router, extractors, error shape; one file a resource; no rules of its own.

mod auth;
mod authenticated;
mod basic;
pub mod body;
mod check;
pub mod client_ip;
mod conditional;
pub mod edge;
pub mod error;
pub mod extract;
mod fault;
mod form;
mod headers;
mod health;
mod json;
mod maintenance;
mod me;
mod multipart;
mod oauth;
mod pages;
pub(crate) mod passage;
mod picture;
mod query;
mod race;
pub mod ready;
mod registration;
mod revocations;
mod route;
pub mod router;
#[cfg(test)]
mod tests;
mod timeouts;
pub mod traffic;
mod users;
mod view;
mod well_known;
