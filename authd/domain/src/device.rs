//! Known devices: a secret that selects a counter of its own, and nothing else (rule 6).

use std::time::Duration;

use common::id::UserId;
use common::time::Time;
pub use common::view::{DeviceType, DeviceView as Device};

/// Most device secrets of one user; the one unused longest goes first.
pub const DEVICES_LIMIT: usize = 10;
/// Longest device id, in bytes.
pub const DEVICE_ID_LIMIT: usize = 128;
/// Longest device name, in code points.
pub const DEVICE_NAME_LIMIT: usize = 100;

/// A device secret as it is kept: its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// The user that it is bound to.
    pub user_id: UserId,
    /// When it was handed out.
    pub created_at: Time,
    /// When it last selected its counter for a login that succeeded.
    pub last_used_at: Time,
}

impl KnownDevice {
    /// Whether the secret is still good at `now`; `floor` is of what is over whatever `ttl` says.
    pub fn usable(&self, now: Time, ttl: Duration, floor: Time) -> bool {
        now < self.last_used_at.plus(ttl) && self.last_used_at > floor
    }
}
