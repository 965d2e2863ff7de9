//! authd: the identity daemon. The binary is `main.rs`; tests start the same parts through here.

pub mod cache;
pub mod crypto;
