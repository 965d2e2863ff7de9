//! Pictures of users as they are kept: made anew from what was uploaded, and named by an address that
//! nobody can guess. Never a decoder.

use std::fmt;
use std::str::FromStr;

use common::time::Time;

/// Path below which pictures are fetched.
pub const PICTURES_PATH: &str = "/v1/pictures/";
/// Longest side of a picture as it is kept, in pixels.
pub const SIDE_LIMIT: u32 = 512;

/// Address of one picture: 128 random bits, new with each picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PictureAddress([u8; 16]);

impl PictureAddress {
    /// From random bytes, or from what was kept.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// As it is kept.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Where the picture is fetched: a path of the HTTP API.
    pub fn path(&self) -> String {
        format!("{PICTURES_PATH}{self}")
    }
}

impl fmt::Display for PictureAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Whoever has the address has the picture, so it does not slip into a log.
impl fmt::Debug for PictureAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PictureAddress(…)")
    }
}

/// The text is no address of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 digits of 0-9 and a-f")]
pub struct InvalidAddress;

impl FromStr for PictureAddress {
    type Err = InvalidAddress;

    /// One spelling is accepted, so that a picture has one address.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let is_plain = text.len() == 32
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let number = is_plain.then(|| u128::from_str_radix(text, 16).ok());
        number
            .flatten()
            .map(|number| Self(number.to_be_bytes()))
            .ok_or(InvalidAddress)
    }
}

/// How a kept picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// Without transparency.
    Jpeg,
    /// With transparency.
    Png,
}

impl PictureKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Jpeg, Self::Png];

    /// As it is kept, and the end of a file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// A picture as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where it is fetched.
    pub address: PictureAddress,
    /// How it is encoded.
    pub kind: PictureKind,
    /// The file.
    pub bytes: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v5_3_1_an_address_has_one_spelling() {
        let address = PictureAddress::from_bytes([0xab; 16]);
        let text = address.to_string();
        assert_eq!(text, "ab".repeat(16));
        assert_eq!(text.parse(), Ok(address));
        assert_eq!(address.path(), format!("/v1/pictures/{text}"));
        assert!(!format!("{address:?}").contains("ab"));
        let low = PictureAddress::from_bytes([0; 16]);
        assert_eq!(low.to_string().parse(), Ok(low));
        for bad in [
            "",
            "ab",
            &"AB".repeat(16),
            &"ag".repeat(16),
            &format!("+{}", "a".repeat(31)),
            &"ab".repeat(17),
            "../../../../../../../etc/passwd",
        ] {
            assert_eq!(bad.parse::<PictureAddress>(), Err(InvalidAddress), "{bad}");
        }
    }
}
