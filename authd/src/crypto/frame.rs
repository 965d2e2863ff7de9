//! Unambiguous input for keyed hashes: a label, then every part behind its length.
//! Two different lists of parts, or two uses, never give the same bytes.

use aws_lc_rs::{digest, hmac};

/// Writes the label and the parts, each behind its length as eight big-endian bytes.
pub(super) fn frame(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts
        .iter()
        .fold(8 + label.len(), |sum, part| sum + 8 + part.len());
    let mut bytes = Vec::with_capacity(length);
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// HMAC-SHA256 over framed parts.
pub(super) fn keyed(key: &hmac::Key, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    mac(key, &frame(label, parts))
}

/// HMAC-SHA256 over bytes that the caller framed.
pub(super) fn mac(key: &hmac::Key, data: &[u8]) -> [u8; 32] {
    exactly(hmac::sign(key, data).as_ref())
}

/// SHA-256, for naming secrets of 256 bits and verified tokens; never for passwords.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    exactly(digest::digest(&digest::SHA256, data).as_ref())
}

/// Copies an output of SHA-256 or HMAC-SHA256, which has 32 bytes by definition.
fn exactly(output: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(output) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn different_parts_give_different_frames(
            a in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 0..4),
            b in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 0..4),
        ) {
            let slices = |parts: &[Vec<u8>]| -> Vec<u8> {
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                frame("label", &parts)
            };
            prop_assert_eq!(a == b, slices(&a) == slices(&b));
        }
    }

    #[test]
    fn a_border_between_parts_counts() {
        assert_ne!(frame("l", &[b"ab", b"c"]), frame("l", &[b"a", b"bc"]));
        assert_ne!(frame("la", &[b"b"]), frame("l", &[b"ab"]));
    }

    #[test]
    fn sha256_is_that_of_the_standard() {
        let hash = sha256(b"abc");
        assert_eq!(
            data_encoding::HEXLOWER.encode(&hash),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
