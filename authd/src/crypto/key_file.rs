//! Files of secrets: a systemd credential, or a file of mode 0600; the wrap key's is made once.
//! A file that others may read is refused, never repaired; an existing file is never written.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use common::secret::Secret;
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::wrap::WrapKey;

/// More than any spelling of a key, with room for a line end.
const LIMIT_BYTES: u64 = 256;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// It is a folder, a device or the like.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Others may read or change it (ASVS 13.3.1).
    #[error("{path} has mode {mode:04o}: others than its owner may use it; run: chmod 0600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user, who could put another key there.
    #[error("{path} belongs to uid {uid}, not to this process's user or root")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// It holds something else than a short text.
    #[error("{path} does not hold a text of at most {LIMIT_BYTES} bytes")]
    Text {
        /// The file.
        path: PathBuf,
    },
    /// It holds no key.
    #[error(
        "{path} does not hold a wrap key: 32 bytes as 64 hexadecimal digits or as base64 are expected"
    )]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot create {path}")]
    Create {
        /// The file.
        path: PathBuf,
        /// The system's error; `AlreadyExists` if there is such a file.
        #[source]
        source: io::Error,
    },
}

impl WrapKey {
    /// Reads a key; none if there is no such file.
    ///
    /// Files in `credentials_directory` may be readable by the group, as systemd shows them so.
    ///
    /// # Errors
    /// Any other state of the file than a readable, private, well-formed one.
    pub fn load(
        path: &Path,
        credentials_directory: Option<&Path>,
    ) -> Result<Option<Self>, KeyFileError> {
        opened(path)?
            .map(|file| Self::read(file, path, credentials_directory))
            .transpose()
    }

    /// Reads a key from a file that is open already, perhaps with another user's rights; held to the
    /// same as by [`WrapKey::load`].
    ///
    /// # Errors
    /// As [`WrapKey::load`].
    pub fn read(
        file: File,
        path: &Path,
        credentials_directory: Option<&Path>,
    ) -> Result<Self, KeyFileError> {
        let is_credential = lies_in(path, credentials_directory);
        let form = || KeyFileError::Form {
            path: path.to_owned(),
        };
        let bytes = private_bytes(file, path, is_credential, LIMIT_BYTES)?;
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| form())?;
        Self::from_text(&Secret::new(text.to_owned())).map_err(|_| form())
    }

    /// Reads a key from a stream, such as standard input.
    ///
    /// # Errors
    /// [`CryptoError::NoWrapKey`] for anything but one key.
    pub fn from_reader(from: impl Read) -> Result<Self, CryptoError> {
        let mut text = Zeroizing::new(String::with_capacity(512));
        let read = from.take(LIMIT_BYTES + 1).read_to_string(&mut text);
        if read.is_err() || text.len() as u64 > LIMIT_BYTES {
            return Err(CryptoError::NoWrapKey);
        }
        Self::from_text(&Secret::new(std::mem::take(&mut *text)))
    }

    /// Writes the key to a new file of mode 0600, which is on disk when this returns.
    ///
    /// The file appears whole or not at all, also if the power fails.
    ///
    /// # Errors
    /// [`KeyFileError::Create`]; a file that is there already is left as it is.
    pub fn create_file(&self, path: &Path) -> Result<(), KeyFileError> {
        self.write_new(path).map_err(|source| KeyFileError::Create {
            path: path.to_owned(),
            source,
        })
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Self::forget_draft(path)?;
        let draft = draft_of(path);
        let written = self.write_draft(&draft).and_then(|()| {
            // A link, unlike a rename, fails if the name is taken.
            std::fs::hard_link(&draft, path)
        });
        let removed = std::fs::remove_file(&draft);
        written?;
        removed?;
        File::open(folder)?.sync_all()
    }

    /// Removes what a crash between writing the key and putting it in place has left behind: it may
    /// be a second copy of the key. For who alone uses the folder.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub fn forget_draft(path: &Path) -> io::Result<()> {
        match std::fs::remove_file(draft_of(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write_draft(&self, draft: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(draft)?;
        let text = self.to_text();
        file.write_all(text.expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }
}

/// Opens a file; none if there is none.
fn opened(path: &Path) -> Result<Option<File>, KeyFileError> {
    // Without blocking, so that a named pipe in the file's place cannot stop the start.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyFileError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Reads a secret text of a few bytes as it stands; none if there is no such file.
///
/// Files in `credentials_directory` may be readable by the group, as systemd shows them so.
///
/// # Errors
/// Any other state of the file than a readable, private, short text.
pub fn read_private(
    path: &Path,
    credentials_directory: Option<&Path>,
) -> Result<Option<Secret<String>>, KeyFileError> {
    let Some(file) = opened(path)? else {
        return Ok(None);
    };
    let no_text = || KeyFileError::Text {
        path: path.to_owned(),
    };
    let is_credential = lies_in(path, credentials_directory);
    let bytes = match private_bytes(file, path, is_credential, LIMIT_BYTES) {
        Err(KeyFileError::Form { .. }) => return Err(no_text()),
        read => read?,
    };
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| no_text())?;
    Ok(Some(Secret::new(text.to_owned())))
}

/// Reads a file that nobody but its owner may use, at most so long.
///
/// # Errors
/// [`KeyFileError`]; longer ones have the wrong form.
pub fn private_bytes(
    file: File,
    path: &Path,
    is_credential: bool,
    limit: u64,
) -> Result<Secret<Vec<u8>>, KeyFileError> {
    let owned = || path.to_owned();
    let read = |source| KeyFileError::Read {
        path: path.to_owned(),
        source,
    };
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile { path: owned() });
    }
    if !is_credential {
        let (mode, uid) = (metadata.mode() & 0o7777, metadata.uid());
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Open {
                path: owned(),
                mode,
            });
        }
        if uid != 0 && uid != geteuid().as_raw() {
            return Err(KeyFileError::Foreign { path: owned(), uid });
        }
    }
    let room = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    // Room for all of it, so that no part is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > limit {
        return Err(KeyFileError::Form { path: owned() });
    }
    Ok(Secret::new(std::mem::take(&mut *bytes)))
}

fn lies_in(path: &Path, folder: Option<&Path>) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    match (real(path), folder.and_then(real)) {
        (Some(path), Some(folder)) => path.starts_with(folder),
        _ => false,
    }
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::super::random::SeededRandom;
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn key() -> WrapKey {
        WrapKey::generate(&SeededRandom::new(5)).unwrap()
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a91_a_made_file_is_private_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrap.key");
        assert!(WrapKey::load(&path, None).unwrap().is_none());
        key().create_file(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let loaded = WrapKey::load(&path, None).unwrap().unwrap();
        assert_eq!(loaded.id(), key().id());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a91_a_crash_leaves_no_second_copy_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrap.key");
        let draft = folder.path().join("wrap.key.new");
        write(&draft, key().to_text().expose(), 0o600);
        key().create_file(&path).unwrap();
        assert!(!draft.exists());
        write(&draft, key().to_text().expose(), 0o600);
        WrapKey::forget_draft(&path).unwrap();
        WrapKey::forget_draft(&path).unwrap();
        assert!(!draft.exists() && path.exists());
    }

    #[test]
    fn a91_an_existing_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrap.key");
        write(&path, "kept", 0o600);
        let error = key().create_file(&path).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Create { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn v13_a_file_that_others_may_read_is_refused_unless_it_is_a_credential() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrap.key");
        for mode in [0o640, 0o604, 0o660, 0o644] {
            write(&path, key().to_text().expose(), mode);
            assert!(matches!(
                WrapKey::load(&path, None),
                Err(KeyFileError::Open { mode: found, .. }) if found == mode
            ));
            let elsewhere = tempfile::tempdir().unwrap();
            assert!(WrapKey::load(&path, Some(elsewhere.path())).is_err());
            assert!(WrapKey::load(&path, Some(folder.path())).is_ok());
        }
        let inside = folder.path().join("credentials");
        fs::create_dir(&inside).unwrap();
        let sideways = inside.join("..").join("wrap.key");
        assert!(WrapKey::load(&sideways, Some(&inside)).is_err());
    }

    #[test]
    fn a91_a_file_of_another_form_is_an_error_and_not_an_absent_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrap.key");
        for text in ["", "secret", &"0".repeat(64), &"12".repeat(500)] {
            write(&path, text, 0o600);
            assert!(
                matches!(WrapKey::load(&path, None), Err(KeyFileError::Form { .. })),
                "{text}"
            );
        }
        fs::write(&path, [0xff; 32]).unwrap();
        assert!(matches!(
            WrapKey::load(&path, None),
            Err(KeyFileError::Form { .. })
        ));
        assert!(matches!(
            WrapKey::load(folder.path(), None),
            Err(KeyFileError::NotAFile { .. })
        ));
    }
}
