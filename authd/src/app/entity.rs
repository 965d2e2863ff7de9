//! The tag of one entity as it is shown, for `ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1).

use common::error::ErrorCode;
use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::app::Error;
use crate::crypto;

/// Bytes of the digest that make the tag.
const TAG_BYTES: usize = 16;

/// A strong tag of the entity's JSON: the same bytes, the same tag.
pub fn tag(json: &[u8]) -> String {
    let digest = crypto::sha256(json);
    let start = digest.get(..TAG_BYTES).unwrap_or(&digest);
    format!("\"{}\"", HEXLOWER.encode(start))
}

/// The tag of an entity as it is shown.
///
/// # Errors
/// `internal` if it cannot be written as JSON.
pub fn tag_of(view: &impl Serialize) -> Result<String, Error> {
    serde_json::to_vec(view)
        .map(|json| tag(&json))
        .map_err(Error::internal)
}

/// What a change demands of the entity as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IfMatch {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// That it is there, which it is.
    Any,
    /// That it has one of these tags; weak ones are not among them.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Holds the tag of the entity against what was demanded.
    ///
    /// # Errors
    /// `precondition_failed`
    pub fn check(&self, tag: &str) -> Result<(), Error> {
        match self {
            Self::OneOf(tags) if !tags.iter().any(|known| known == tag) => Err(Error::new(
                ErrorCode::PreconditionFailed,
                "the entity is another by now: read it again; nothing was done",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_the_bytes() {
        assert_eq!(tag(b"{}"), tag(b"{}"));
        assert_ne!(tag(b"{}"), tag(b"{ }"));
        assert_eq!(tag(b"{}").len(), 34);
    }

    #[test]
    fn a_change_is_bound_to_what_it_saw() {
        let seen = IfMatch::OneOf(vec!["\"a\"".to_owned(), "\"b\"".to_owned()]);
        assert!(seen.check("\"b\"").is_ok());
        assert_eq!(
            seen.check("\"c\"").unwrap_err().code,
            ErrorCode::PreconditionFailed
        );
        assert!(IfMatch::Any.check("\"c\"").is_ok());
        assert!(IfMatch::Unsaid.check("\"c\"").is_ok());
    }
}
