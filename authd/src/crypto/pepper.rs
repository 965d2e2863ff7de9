//! The pepper: a key outside of the database that goes into every password hash, so that who has the
//! database alone can guess at no password. It serves through derived values only, so that its id
//! and check value can be stored beside what it protects.

use std::fmt;
use std::path::Path;

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::key_file::KeyFileError;
use super::wrap::WrapKey;

/// Bytes of an id: as many as the `keyid` of a PHC string of argon2 may have.
pub(super) const ID_BYTES: usize = 8;

/// The pepper of an installation.
pub struct Pepper {
    secret: Zeroizing<[u8; 32]>,
    id: [u8; ID_BYTES],
    check: [u8; 16],
}

impl Pepper {
    /// Reads a pepper; none if there is no such file. It is written as a wrap key is, and held to
    /// the same secrecy.
    ///
    /// # Errors
    /// Any other state of the file than a readable, private, well-formed one.
    pub fn load(
        path: &Path,
        credentials_directory: Option<&Path>,
    ) -> Result<Option<Self>, KeyFileError> {
        let root = WrapKey::load(path, credentials_directory)?;
        Ok(root.as_ref().map(Self::of))
    }

    /// Derives what is used of a pepper from its root.
    pub fn of(root: &WrapKey) -> Self {
        let first = |label| root.derive(label);
        let id = first("authd pepper: id");
        let check = first("authd pepper: check value");
        Self {
            secret: root.derive("authd pepper: argon2"),
            id: id.first_chunk().copied().unwrap_or_default(),
            check: check.first_chunk().copied().unwrap_or_default(),
        }
    }

    /// Names the pepper for the operator; tells nothing about it.
    pub fn name(&self) -> String {
        HEXLOWER.encode(&self.id)
    }

    /// Shows that a pepper is the same as before; tells nothing about it.
    pub const fn check_value(&self) -> [u8; 16] {
        self.check
    }

    pub(super) const fn id(&self) -> [u8; ID_BYTES] {
        self.id
    }

    pub(super) fn secret(&self) -> &[u8] {
        self.secret.as_ref()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}
