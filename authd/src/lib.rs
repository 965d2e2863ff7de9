//! authd: the identity daemon. The binary is `main.rs`; tests start the same parts through here.

pub mod admin;
pub mod app;
pub mod args;
pub mod backup;
pub mod cache;
pub mod commands;
pub mod config;
pub mod crypto;
pub mod http;
pub mod log;
pub mod mail;
pub mod picture;
pub mod print;
pub mod serve;
pub mod startup;
