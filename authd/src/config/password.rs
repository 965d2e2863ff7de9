//! `[password]`: how passwords are made, checked and stored.

use std::path::PathBuf;
use std::time::Duration;

use domain::setting::Setting;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind, gib, hours, mib, minutes, seconds};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "password.breached_list",
        kind: Kind::Text(Form::Path),
        default: None,
        change: Change::Reload,
        class: Class::Installation,
        doc: "File of further passwords to refuse, one a line, beside the built-in list.",
    },
    Key {
        name: "password.generated_length",
        kind: Kind::Integer { min: 12, max: 128 },
        default: Some("20"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Length of generated passwords.",
    },
    Key::of(
        Setting::PasswordGeneratedTtl,
        Some("\"72h\""),
        "How long a generated password opens the door to a change.",
    ),
    Key {
        name: "password.idle_memory_release",
        kind: Kind::Duration {
            min: seconds(1),
            max: hours(1),
        },
        default: Some("\"30s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Idle time after which the memory of the hash threads is given back.",
    },
    Key {
        name: "password.iterations",
        kind: Kind::Integer { min: 1, max: 16 },
        default: Some("2"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Passes of Argon2id.",
    },
    Key {
        name: "password.max_concurrent_hashes",
        kind: Kind::Integer { min: 0, max: 256 },
        default: Some("0"),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Hashes at a time; 0 = one a processor. Memory: so many times password.memory.",
    },
    Key {
        name: "password.max_length",
        kind: Kind::Integer { min: 64, max: 128 },
        default: Some("128"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Most characters of a new password.",
    },
    Key {
        name: "password.memory",
        kind: Kind::Size {
            min: mib(7),
            max: gib(1),
        },
        default: Some("\"19MiB\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Memory of one hash.",
    },
    Key::of(
        Setting::PasswordMinLength,
        Some("15"),
        "Fewest characters of a new password.",
    ),
    Key {
        name: "password.parallelism",
        kind: Kind::Integer { min: 1, max: 16 },
        default: Some("1"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Lanes of Argon2id.",
    },
    Key {
        name: "password.pepper_credential",
        kind: Kind::Text(Form::Credential),
        default: Some("\"authd.pepper\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Name of the credential that goes into every password hash; from its first use on it is needed.",
    },
    Key {
        name: "password.queue_deadline",
        kind: Kind::Duration {
            min: Duration::from_millis(100),
            max: minutes(1),
        },
        default: Some("\"5s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Longest wait for a hash before 503.",
    },
    Key {
        name: "password.queue_length",
        kind: Kind::Integer {
            min: 2,
            max: 65_536,
        },
        default: Some("256"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Waiting hashes; half is kept for known devices, changes and resets.",
    },
    Key {
        name: "password.reset_ttl",
        kind: Kind::Duration {
            min: minutes(5),
            max: hours(24),
        },
        default: Some("\"1h\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How long a link for setting a new password is good.",
    },
];

/// Settings of passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    /// File of further passwords to refuse.
    pub breached_list: Option<PathBuf>,
    /// Length of generated passwords.
    pub generated_length: usize,
    /// How long a generated password is good.
    pub generated_ttl: Duration,
    /// Idle time after which memory is given back.
    pub idle_memory_release: Duration,
    /// Passes of Argon2id.
    pub iterations: u32,
    /// Hashes at a time; 0 = one a processor.
    pub max_concurrent_hashes: usize,
    /// Most code points of a new password.
    pub max_length: usize,
    /// Memory of one hash, in bytes.
    pub memory: u64,
    /// Fewest code points of a new password.
    pub min_length: usize,
    /// Lanes of Argon2id.
    pub parallelism: u32,
    /// Name of the credential that goes into every password hash.
    pub pepper_credential: String,
    /// Longest wait for a hash.
    pub queue_deadline: Duration,
    /// Waiting hashes.
    pub queue_length: usize,
    /// How long a link for setting a new password is good.
    pub reset_ttl: Duration,
}

impl Password {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            breached_list: values
                .optional("password.breached_list")?
                .map(PathBuf::from),
            generated_length: values.number("password.generated_length")?,
            generated_ttl: values.duration("password.generated_ttl")?,
            idle_memory_release: values.duration("password.idle_memory_release")?,
            iterations: values.number("password.iterations")?,
            max_concurrent_hashes: values.number("password.max_concurrent_hashes")?,
            max_length: values.number("password.max_length")?,
            memory: values.size("password.memory")?,
            min_length: values.number("password.min_length")?,
            parallelism: values.number("password.parallelism")?,
            pepper_credential: values.text("password.pepper_credential")?,
            queue_deadline: values.duration("password.queue_deadline")?,
            queue_length: values.number("password.queue_length")?,
            reset_ttl: values.duration("password.reset_ttl")?,
        })
    }
}
