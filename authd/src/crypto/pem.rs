//! Private keys as other programs write them: PKCS#8, as DER or as PEM (RFC 7468).

use common::secret::Secret;
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::error::CryptoError;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The DER of a file with one PKCS#8 key. What is no PEM is taken for DER; whether it is a key shows
/// when it is opened.
///
/// # Errors
/// [`CryptoError::Foreign`] for a PEM of another kind: encrypted, PKCS#1, SEC 1, or more than one.
pub fn pkcs8(file: Secret<Vec<u8>>) -> Result<Secret<Vec<u8>>, CryptoError> {
    let text = match std::str::from_utf8(file.expose()) {
        Ok(text) if text.contains("-----BEGIN ") => text,
        _ => return Ok(file),
    };
    if text.matches("-----BEGIN ").count() != 1 {
        return Err(CryptoError::Foreign);
    }
    let inner = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(inner, _)| inner)
        .ok_or(CryptoError::Foreign)?;
    let mut packed = Zeroizing::new(Vec::with_capacity(inner.len()));
    packed.extend(inner.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    BASE64
        .decode(&packed)
        .map(Secret::new)
        .map_err(|_| CryptoError::Foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<u8>, CryptoError> {
        pkcs8(Secret::new(text.as_bytes().to_vec())).map(|der| der.expose().clone())
    }

    #[test]
    fn rfc7468_one_private_key_is_found_among_remarks_and_der_is_left_as_it_is() {
        let text = format!("remark\n{BEGIN}\r\nAQID\nBA==\r\n{END}\nmore\n");
        assert_eq!(of(&text).unwrap(), [1, 2, 3, 4]);
        let der = pkcs8(Secret::new(vec![0x30, 0x82, 0xff])).unwrap();
        assert_eq!(der.expose(), &[0x30, 0x82, 0xff]);
    }

    #[test]
    fn rfc7468_other_kinds_are_refused() {
        for kind in [
            "ENCRYPTED PRIVATE KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "PUBLIC KEY",
        ] {
            let text = format!("-----BEGIN {kind}-----\nAQID\n-----END {kind}-----\n");
            assert!(matches!(of(&text), Err(CryptoError::Foreign)), "{kind}");
        }
        let twice = format!("{BEGIN}\nAQID\n{END}\n{BEGIN}\nAQID\n{END}\n");
        assert!(of(&twice).is_err());
        assert!(of(&format!("{BEGIN}\nAQ*D\n{END}\n")).is_err());
        assert!(of(&format!("{BEGIN}\nAQID\n")).is_err());
    }
}
