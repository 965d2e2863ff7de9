//! The one canonical form of an e-mail address, for look-up, uniqueness and counting alike.
//! Canonical: trimmed, NFKC, lower case, IDNA domain; idempotent (product.md, rule 1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use crate::text::is_forbidden;

/// A canonical e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an e-mail address")]
pub struct InvalidEmail;

/// RFC 5321 4.5.3.1.3: a path of 256 octets less its angle brackets.
pub const LIMIT_BYTES: usize = 254;
/// RFC 5321 4.5.3.1.1.
const LOCAL_LIMIT_BYTES: usize = 64;

impl Email {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the last `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The part behind it.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Characters of an unquoted local part (RFC 5322 `atext`, and letters beyond ASCII by RFC 6531).
fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~.".contains(c)
        || (!c.is_ascii() && c.is_alphanumeric())
}

/// Whether a domain consists of labels that IDNA leaves as they are: lower case, digits, hyphens
/// within, none of the form that encodes others (RFC 5890, 2.3.1). Most do.
fn is_plain(domain: &str) -> bool {
    domain.len() <= LIMIT_BYTES
        && domain.split('.').all(|label| {
            let bytes = label.as_bytes();
            (1..=63).contains(&bytes.len())
                && bytes
                    .iter()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
                && bytes.get(2..4) != Some(b"--")
        })
        // What ends in a number could be an address (URL Standard, 3.5).
        && domain.ends_with(|last: char| last.is_ascii_lowercase())
}

fn canonical_domain(domain: &str) -> Result<String, InvalidEmail> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if is_plain(domain) {
        return Ok(domain.to_owned());
    }
    idna_domain(domain)
}

fn idna_domain(domain: &str) -> Result<String, InvalidEmail> {
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
    // An `xn--` label that decodes to plain ASCII would be a second spelling (RUSTSEC-2024-0421).
    let (unicode, result) = idna::domain_to_unicode(&ascii);
    result.map_err(|_| InvalidEmail)?;
    let again = idna::domain_to_ascii_strict(&unicode).map_err(|_| InvalidEmail)?;
    let labels_fit = ascii
        .split('.')
        .all(|label| !label.is_empty() && label.len() <= 63);
    if again != ascii || !labels_fit || ascii.parse::<std::net::IpAddr>().is_ok() {
        return Err(InvalidEmail);
    }
    Ok(ascii)
}

/// NFKC and lower case.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    folded_by_tables(text)
}

fn folded_by_tables(text: &str) -> String {
    // Lower-casing can undo NFKC and the other way round; the pair is stable after two turns.
    let mut folded: String = text.nfkc().collect();
    for _ in 0..2 {
        folded = folded.to_lowercase().nfkc().collect();
    }
    folded
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        if text.is_empty() || text.len() > LIMIT_BYTES * 4 {
            return Err(InvalidEmail);
        }
        let folded = folded(text);
        let (local, domain) = folded.rsplit_once('@').ok_or(InvalidEmail)?;
        let local_fits = !local.is_empty()
            && local.len() <= LOCAL_LIMIT_BYTES
            && local.chars().all(|c| is_local(c) && !is_forbidden(c))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        if !local_fits {
            return Err(InvalidEmail);
        }
        let canonical = format!("{local}@{}", canonical_domain(domain)?);
        if canonical.len() > LIMIT_BYTES {
            return Err(InvalidEmail);
        }
        Ok(Self(canonical))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> Option<String> {
        text.parse::<Email>().ok().map(|email| email.to_string())
    }

    #[test]
    fn a4_variants_of_one_address_are_one() {
        for variant in [
            "v@x.com",
            "V@x.com",
            "v@X.COM",
            " v@x.com ",
            "v@x.com.",
            "ｖ@x.com",
            "v@ｘ.com",
        ] {
            assert_eq!(canonical(variant).as_deref(), Some("v@x.com"), "{variant}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            " ",
            "v",
            "@x.com",
            "v@",
            "v@@x.com",
            "v@x@y.com",
            "v@x.com,a@y.com",
            "<v@x.com>",
            "v@x\0a.com",
            "v\0@x.com",
            "v\r\n@x.com",
            ".v@x.com",
            "v.@x.com",
            "v..w@x.com",
            "v@-x.com",
            "v@x..com",
            "v@127.0.0.1",
            "v@[127.0.0.1]",
            "\"a b\"@x.com",
            "v @x.com",
            "v@xn--example-.org",
            "v\u{202e}@x.com",
            "+254700000000",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
        assert_eq!(canonical(&format!("{}@x.com", "a".repeat(65))), None);
    }

    #[test]
    fn look_alikes_that_are_not_equal_stay_apart() {
        assert_ne!(canonical("mıke@x.com"), canonical("mike@x.com"));
        assert_eq!(canonical("\u{212A}im@x.com"), canonical("kim@x.com"));
        assert_eq!(
            canonical("a@bücher.example").as_deref(),
            Some("a@xn--bcher-kva.example")
        );
    }

    proptest! {
        #[test]
        fn the_short_ways_end_where_the_long_ones_do(
            text in "[ -~]{0,24}",
            domain in "[a-z0-9.-]{1,16}(xn--[a-z0-9]{1,4})?[a-z0-9.]{1,4}",
        ) {
            prop_assert_eq!(folded(&text), folded_by_tables(&text));
            let bare = domain.strip_suffix('.').unwrap_or(&domain);
            prop_assert_eq!(canonical_domain(&domain), idna_domain(bare));
        }

        #[test]
        fn the_canonical_form_is_idempotent(text in "\\PC{1,12}@[a-zA-Z\u{e0}-\u{17f}.]{1,12}") {
            if let Some(once) = canonical(&text) {
                prop_assert_eq!(canonical(&once), Some(once));
            }
        }
    }
}
