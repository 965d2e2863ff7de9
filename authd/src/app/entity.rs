//! The tag of one entity as it is shown, for `ETag` and `If-Match` (RFC 9110, 8.8.3).

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

/// What `If-Match` says of the entity that is to be changed (RFC 9110, 13.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: it may be as it is.
    #[default]
    Anything,
    /// That it is there.
    Something,
    /// That it has one of these strong tags.
    OneOf(Vec<String>),
}

impl Expected {
    /// Compares with the entity as the caller is shown it, in the transaction that changes it.
    ///
    /// # Errors
    /// `precondition_failed`.
    pub fn check<T: Serialize>(&self, shown: &T) -> Result<(), Error> {
        let Self::OneOf(tags) = self else {
            return Ok(());
        };
        let json = serde_json::to_vec(shown).map_err(Error::internal)?;
        if tags.contains(&tag(&json)) {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::PreconditionFailed,
            "the entity has another tag by now; nothing was done",
        ))
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
    fn an_entity_is_changed_under_its_own_tag_alone() {
        let own = Expected::OneOf(vec!["\"x\"".to_owned(), tag(b"[1]")]);
        for good in [&own, &Expected::Anything, &Expected::Something] {
            assert!(good.check(&[1]).is_ok(), "{good:?}");
        }
        for bad in [&own, &Expected::OneOf(Vec::new())] {
            let error = bad.check(&[2]).unwrap_err();
            assert_eq!(error.code, ErrorCode::PreconditionFailed, "{bad:?}");
        }
    }
}
