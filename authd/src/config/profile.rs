//! `[profile]`: profiles of users.

use super::fault::Fault;
use super::key::{Change, Class, Key, Kind, kib, mib};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "profile.picture_max",
        kind: Kind::Size {
            min: kib(64),
            max: mib(20),
        },
        default: Some("\"5MiB\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Largest file of an uploaded picture (JPEG, PNG or WebP).",
    },
    Key {
        name: "profile.picture_max_pixels",
        kind: Kind::Integer {
            min: 262_144,
            max: 100_000_000,
        },
        default: Some("40000000"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Most pixels of one; decoding takes up to three bytes of memory for each.",
    },
];

/// Settings of profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Largest file of a picture, in bytes.
    pub picture_max: u64,
    /// Most pixels of one.
    pub picture_max_pixels: u64,
}

impl Profile {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            picture_max: values.size("profile.picture_max")?,
            picture_max_pixels: values.number("profile.picture_max_pixels")?,
        })
    }
}
