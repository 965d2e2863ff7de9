//! Calls about a user's picture. A file travels within JSON, as text.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::call::{AdminCall, Change, Method, UserRef};

/// Most bytes of a file that any configuration takes (`profile.picture_max`).
pub const LARGEST_FILE: usize = 20 << 20;

/// Bytes of a file; on the wire they are base64 with padding (RFC 4648, section 4).
#[derive(Clone, PartialEq, Eq)]
pub struct FileBytes(pub Vec<u8>);

impl FileBytes {
    /// Bytes on the wire of a file of so many.
    pub const fn encoded(bytes: usize) -> usize {
        bytes.div_ceil(3).saturating_mul(4)
    }
}

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({})", self.0.len())
    }
}

impl Serialize for FileBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes());
        // The text of its error holds a part of what was given.
        bytes
            .map(Self)
            .map_err(|_| de::Error::custom("expected base64 with padding"))
    }
}

/// Puts a picture in the place of the user's present one, whose address dies.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPicture {
    /// The user.
    pub user: UserRef,
    /// JPEG, PNG or WebP; it is made anew.
    pub content: FileBytes,
}

impl AdminCall for SetPicture {
    type Answer = Change;
    const NAME: &'static str = "user picture set";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/picture/set";
}

/// Removes the picture; its address dies.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovePicture {
    /// The user.
    pub user: UserRef,
}

impl AdminCall for RemovePicture {
    type Answer = Change;
    const NAME: &'static str = "user picture remove";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/user/picture/remove";
}

/// Hands the picture out as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetPicture {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or address.
    pub user: String,
}

/// A picture as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PictureFile {
    /// `image/jpeg` or `image/png`.
    pub media_type: String,
    /// The file.
    pub content: FileBytes,
}

impl AdminCall for GetPicture {
    type Answer = PictureFile;
    const NAME: &'static str = "user picture get";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/user/picture/get";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_was_and_as_long_as_was_said() {
        for length in [0, 1, 2, 3, 4, 1000] {
            let file = FileBytes(vec![0xA5; length]);
            let text = serde_json::to_string(&file).unwrap();
            assert_eq!(text.len(), FileBytes::encoded(length) + 2);
            assert_eq!(serde_json::from_str::<FileBytes>(&text).unwrap(), file);
        }
        for text in ["\"YQ\"", "\"YQ=\"", "\"Y Q==\"", "\"YR==\"", "7"] {
            assert!(serde_json::from_str::<FileBytes>(text).is_err(), "{text}");
        }
    }
}
