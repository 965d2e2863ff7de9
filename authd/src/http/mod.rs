//! The HTTP API: router, extractors, error shape; one file a resource; no rules of its own.

mod auth;
mod authenticated;
pub mod body;
mod check;
pub mod client_ip;
mod conditional;
pub mod edge;
pub mod error;
pub mod extract;
mod fault;
mod headers;
mod health;
mod json;
mod lists;
mod maintenance;
mod me;
mod multipart;
mod pages;
pub(crate) mod passage;
mod permissions;
mod picture;
mod query;
mod race;
pub mod ready;
mod registration;
mod roles;
mod route;
pub mod router;
mod tenant;
mod tenants;
#[cfg(test)]
mod tests;
mod timeouts;
pub mod traffic;
mod users;
mod view;
mod well_known;
