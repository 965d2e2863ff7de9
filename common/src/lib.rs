//! What authd and authctl share: ids, secrets, time, the error shape, views and typed admin calls.
//! Nothing here is async, speaks SQL or HTTP, or reads a clock behind its caller's back.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod call;
pub mod email;
pub mod error;
pub mod id;
pub mod language;
pub mod paths;
mod schema;
pub mod secret;
pub mod sharded;
pub mod suggest;
pub mod tally;
pub mod text;
pub mod time;
pub mod units;
pub mod view;

/// Number of the admin protocol; a peer with another one is refused (operator.md, exit 9).
pub const ADMIN_PROTOCOL: u32 = 1;

/// Version of this build, the same for both binaries.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
