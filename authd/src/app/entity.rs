//! The tag of one entity as it is shown, for `ETag` and `If-Match` (RFC 9110, 8.8.3).

use data_encoding::HEXLOWER;

use crate::crypto;

/// Bytes of the digest that make the tag.
const TAG_BYTES: usize = 16;

/// A strong tag of the entity's JSON: the same bytes, the same tag.
pub fn tag(json: &[u8]) -> String {
    let digest = crypto::sha256(json);
    let start = digest.get(..TAG_BYTES).unwrap_or(&digest);
    format!("\"{}\"", HEXLOWER.encode(start))
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
}
