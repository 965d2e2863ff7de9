//! Password hash strings (PHC): what they cost, and which are never evaluated (A67).
//! Bounds are checked on the text, before any memory is taken.

use argon2::{Params, PasswordHash};
use common::secret::Secret;

use data_encoding::BASE64_NOPAD;

use super::super::error::CryptoError;
use super::super::pepper::ID_BYTES;
use super::place::HashError;

const ALGORITHM: &str = "argon2id";
/// Version 1.3 of argon2 (RFC 9106); the older one is not evaluated.
const VERSION: u32 = 19;

/// Most memory of a stored hash that is evaluated, in KiB.
const MEMORY_LIMIT_KIB: u32 = 64 * 1024;
/// Most passes of a stored hash that is evaluated.
const ITERATIONS_LIMIT: u32 = 4;
/// Most lanes of a stored hash that is evaluated.
const PARALLELISM_LIMIT: u32 = 4;

/// Longest PHC string that is looked at, in bytes.
const LIMIT_BYTES: usize = 512;
/// Least and most bytes of salt and output.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
const OUTPUT_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// The parameters of argon2id, and the pepper that went in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
    pub(super) parallelism: u32,
    /// Id of the pepper, if there is one in it.
    pub(super) pepper: Option<[u8; ID_BYTES]>,
}

impl Cost {
    /// The PHC string up to its salt.
    pub(super) fn scheme(&self) -> String {
        let pepper = self
            .pepper
            .map(|id| format!(",keyid={}", BASE64_NOPAD.encode(&id)))
            .unwrap_or_default();
        format!(
            "${ALGORITHM}$v={VERSION}$m={},t={},p={}{pepper}",
            self.memory_kib, self.iterations, self.parallelism
        )
    }

    /// Whether a hash of these parameters should be made anew under `present` ones: it costs less to
    /// guess at, or it lacks the pepper. Never for parameters that were lowered.
    pub(super) fn is_behind(&self, present: &Self) -> bool {
        self.pepper != present.pepper
            || self.memory_kib < present.memory_kib
            || self.work() < present.work()
    }

    /// Reads the parameters of a scheme; none if hashes of it are not evaluated.
    pub(super) fn of_scheme(scheme: &str) -> Option<Self> {
        if scheme.len() > LIMIT_BYTES {
            return None;
        }
        let parsed = PasswordHash::new(scheme).ok()?;
        Self::of(&parsed)
    }

    fn of(parsed: &PasswordHash) -> Option<Self> {
        let params = Params::try_from(parsed).ok()?;
        let pepper = match params.keyid() {
            [] => None,
            id => Some(<[u8; ID_BYTES]>::try_from(id).ok()?),
        };
        let is_plain = params.data().is_empty();
        let is_known = parsed.algorithm.as_str() == ALGORITHM && parsed.version == Some(VERSION);
        let cost = Self {
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
            parallelism: params.p_cost(),
            pepper,
        };
        (is_plain && is_known && cost.is_within_bounds()).then_some(cost)
    }

    const fn is_within_bounds(&self) -> bool {
        self.memory_kib <= MEMORY_LIMIT_KIB
            && self.iterations <= ITERATIONS_LIMIT
            && self.parallelism <= PARALLELISM_LIMIT
    }

    /// The crate's form, for an output of so many bytes.
    pub(super) fn params(&self, output_bytes: usize) -> Result<Params, CryptoError> {
        Params::new(
            self.memory_kib,
            self.iterations,
            self.parallelism,
            Some(output_bytes),
        )
        .map_err(|_| CryptoError::failed("setting the parameters of argon2"))
    }

    /// A measure of the time that it takes: all lanes run on one thread.
    pub(super) fn work(&self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }
}

/// A stored hash that may be evaluated.
pub(super) struct StoredHash {
    pub(super) cost: Cost,
    pub(super) salt: Vec<u8>,
    pub(super) output: Vec<u8>,
}

impl StoredHash {
    /// Reads a PHC string.
    ///
    /// # Errors
    /// [`HashError::Unusable`] for any other scheme, and for one out of bounds.
    pub(super) fn parse(phc: &Secret<String>) -> Result<Self, HashError> {
        if phc.expose().len() > LIMIT_BYTES {
            return Err(HashError::Unusable);
        }
        let parsed = PasswordHash::new(phc.expose()).map_err(|_| HashError::Unusable)?;
        let cost = Cost::of(&parsed).ok_or(HashError::Unusable)?;
        let salt = parsed
            .salt
            .filter(|salt| SALT_BYTES.contains(&salt.len()))
            .ok_or(HashError::Unusable)?;
        let output = parsed
            .hash
            .filter(|output| OUTPUT_BYTES.contains(&output.as_bytes().len()))
            .ok_or(HashError::Unusable)?;
        Ok(Self {
            cost,
            salt: salt.to_vec(),
            output: output.as_bytes().to_vec(),
        })
    }
}

/// The part of a PHC string that says what a check costs: all before its salt.
pub fn scheme_of(phc: &str) -> Option<&str> {
    let mut separators = phc.match_indices('$').map(|(position, _)| position);
    let (Some(0), Some(_), Some(_), Some(before_salt)) = (
        separators.next(),
        separators.next(),
        separators.next(),
        separators.next(),
    ) else {
        return None;
    };
    phc.get(..before_salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAIL: &str = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn parse(text: &str) -> Result<StoredHash, HashError> {
        StoredHash::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a13_a_scheme_is_the_string_up_to_its_salt_and_reads_back() {
        let cost = Cost {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            pepper: None,
        };
        assert_eq!(cost.scheme(), "$argon2id$v=19$m=19456,t=2,p=1");
        assert_eq!(Cost::of_scheme(&cost.scheme()), Some(cost));
        let phc = format!("{}{TAIL}", cost.scheme());
        assert_eq!(scheme_of(&phc), Some(cost.scheme().as_str()));
        let stored = parse(&phc).unwrap();
        assert_eq!((stored.cost, stored.output.len()), (cost, 32));
        for other in ["", "x", "$", "$argon2id$v=19$m=1", "a$b$c$d$e"] {
            assert_eq!(scheme_of(other), None, "{other}");
        }
    }

    #[test]
    fn a13_a_hash_is_behind_if_it_is_cheaper_or_lacks_the_pepper() {
        let present = Cost {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            pepper: Some([7; 8]),
        };
        assert_eq!(
            present.scheme(),
            "$argon2id$v=19$m=19456,t=2,p=1,keyid=BwcHBwcHBwc"
        );
        assert_eq!(Cost::of_scheme(&present.scheme()), Some(present));
        assert!(!present.is_behind(&present));
        let behind = [
            Cost {
                memory_kib: 12_288,
                iterations: 4,
                ..present
            },
            Cost {
                iterations: 1,
                ..present
            },
            Cost {
                pepper: None,
                ..present
            },
            Cost {
                pepper: Some([8; 8]),
                ..present
            },
        ];
        for cost in behind {
            assert!(cost.is_behind(&present), "{cost:?}");
        }
        let dearer = Cost {
            iterations: 3,
            parallelism: 4,
            ..present
        };
        assert!(!dearer.is_behind(&present));
        for odd in ["keyid=BwcH", "keyid=BwcHBwcHBwcH"] {
            let scheme = format!("$argon2id$v=19$m=19456,t=2,p=1,{odd}");
            assert_eq!(Cost::of_scheme(&scheme), None, "{odd}");
        }
    }

    #[test]
    fn a67_what_asks_too_much_or_is_no_argon2id_is_refused() {
        for scheme in [
            "$argon2id$v=19$m=4194304,t=2,p=1",
            "$argon2id$v=19$m=65537,t=1,p=1",
            "$argon2id$v=19$m=19456,t=5,p=1",
            "$argon2id$v=19$m=19456,t=4294967295,p=1",
            "$argon2id$v=19$m=19456,t=2,p=5",
            "$argon2id$v=19$m=19456,t=2,p=0",
            "$argon2id$v=19$m=4,t=2,p=1",
            "$argon2id$v=16$m=19456,t=2,p=1",
            "$argon2id$m=19456,t=2,p=1",
            "$argon2i$v=19$m=19456,t=2,p=1",
            "$argon2d$v=19$m=19456,t=2,p=1",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=19456,t=2,p=1,data=AAAA",
        ] {
            let result = parse(&format!("{scheme}{TAIL}"));
            assert!(matches!(result, Err(HashError::Unusable)), "{scheme}");
        }
        for text in [
            "",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
            &format!("$argon2id$v=19$m=19456,t=2,p=1{}", "$A".repeat(600)),
        ] {
            assert!(matches!(parse(text), Err(HashError::Unusable)), "{text}");
        }
        assert!(parse(&format!("$argon2id$v=19$m=65536,t=4,p=4{TAIL}")).is_ok());
    }

    proptest! {
        #[test]
        fn a60_no_text_makes_the_reader_panic(text in "[$a-z0-9=,A-Z+/]{0,120}") {
            drop(parse(&text));
            scheme_of(&text);
            Cost::of_scheme(&text);
        }

        #[test]
        fn bounds_hold_for_every_number(m: u32, t: u32, p: u32) {
            let text = format!("$argon2id$v=19$m={m},t={t},p={p}{TAIL}");
            if let Ok(stored) = parse(&text) {
                prop_assert!(stored.cost.is_within_bounds());
            }
        }
    }
}
