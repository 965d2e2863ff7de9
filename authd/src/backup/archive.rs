//! The file of a backup: the database as it is, or compressed with gzip, which every system unpacks
//! without authd. What a file is, its first bytes say, whatever its name is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use store::sqlite::begins_as_database;

use super::{BackupError, PRIVATE_FILE, Told};

/// Bytes moved at a time.
const PART_BYTES: usize = 256 << 10;
/// First bytes of a gzip file (RFC 1952, 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];
/// Bytes that tell what a file is.
const HEAD_BYTES: usize = 16;

/// A file that was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// Counts and hashes what goes through.
struct Sealed<W> {
    inner: W,
    hash: digest::Context,
    bytes: u64,
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        let more = u64::try_from(count).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(more);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A new file that its owner alone can read; what stood there goes.
pub(super) fn fresh(path: &Path) -> Result<File, BackupError> {
    let failed = |source| BackupError::file(path, source);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(path)
        .map_err(failed)
}

/// Writes a copy of a database into a file, compressed or as it is, and makes sure that it stays.
///
/// # Errors
/// [`BackupError::File`], [`BackupError::Unwanted`].
pub fn pack(copy: &Path, to: &Path, compress: bool, told: Told<'_>) -> Result<Packed, BackupError> {
    let file = fresh(to)?;
    let written = |source| BackupError::file(to, source);
    let sealed = Sealed {
        inner: file,
        hash: digest::Context::new(&digest::SHA256),
        bytes: 0,
    };
    let sealed = if compress {
        // Fast: a database that is packed nightly must not hold a core for long.
        let mut encoder = GzEncoder::new(sealed, Compression::fast());
        pour(copy, &mut encoder, to, told)?;
        encoder.finish().map_err(written)?
    } else {
        let mut sealed = sealed;
        pour(copy, &mut sealed, to, told)?;
        sealed
    };
    sealed.inner.sync_all().map_err(written)?;
    Ok(Packed {
        bytes: sealed.bytes,
        sha256: HEXLOWER.encode(sealed.hash.finish().as_ref()),
    })
}

fn pour(from: &Path, out: &mut dyn Write, to: &Path, told: Told<'_>) -> Result<(), BackupError> {
    let mut file = File::open(from).map_err(|source| BackupError::file(from, source))?;
    let of = file.metadata().ok().map(|metadata| metadata.len());
    let mut part = vec![0; PART_BYTES];
    let mut done = 0_u64;
    loop {
        let count = file
            .read(&mut part)
            .map_err(|source| BackupError::file(from, source))?;
        if count == 0 {
            return Ok(());
        }
        out.write_all(part.get(..count).unwrap_or_default())
            .map_err(|source| BackupError::file(to, source))?;
        done = done.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if !told("packing", done, of) {
            return Err(BackupError::Unwanted);
        }
    }
}

/// Writes the database that is in a backup into a file; tells the hash of the backup as it was read.
///
/// # Errors
/// [`BackupError::NoBackup`] for what is neither a database nor one compressed with gzip, or ends
/// early; [`BackupError::File`].
pub fn unpack(
    source: impl Read,
    name: &Path,
    to: &Path,
    told: Told<'_>,
) -> Result<Packed, BackupError> {
    let read = |source| BackupError::file(name, source);
    let mut source = Hashed {
        inner: BufReader::with_capacity(PART_BYTES, source),
        hash: digest::Context::new(&digest::SHA256),
        bytes: 0,
    };
    let mut head = Vec::with_capacity(HEAD_BYTES);
    (&mut source)
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(read)?;
    let is_packed = head.starts_with(GZIP);
    if !is_packed && !begins_as_database(&head) {
        return Err(BackupError::NoBackup {
            path: name.to_owned(),
            reason: "it begins neither as a database nor as one compressed with gzip".to_owned(),
        });
    }
    let mut file = fresh(to)?;
    let mut whole = head.as_slice().chain(&mut source);
    if is_packed {
        drain(MultiGzDecoder::new(&mut whole), &mut file, name, to, told)?;
    } else {
        drain(&mut whole, &mut file, name, to, told)?;
    }
    file.sync_all()
        .map_err(|source| BackupError::file(to, source))?;
    Ok(Packed {
        bytes: source.bytes,
        sha256: HEXLOWER.encode(source.hash.finish().as_ref()),
    })
}

fn drain(
    mut from: impl Read,
    to: &mut File,
    name: &Path,
    path: &Path,
    told: Told<'_>,
) -> Result<(), BackupError> {
    let mut part = vec![0; PART_BYTES];
    let mut done = 0_u64;
    loop {
        let count = from.read(&mut part).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput => BackupError::NoBackup {
                path: name.to_owned(),
                reason: format!("it is damaged or ends early: {error}"),
            },
            _ => BackupError::file(name, error),
        })?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(part.get(..count).unwrap_or_default())
            .map_err(|source| BackupError::file(path, source))?;
        done = done.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if !told("unpacking", done, None) {
            return Err(BackupError::Unwanted);
        }
    }
}

/// Opens the file of a backup.
///
/// # Errors
/// [`BackupError::File`].
pub fn open(path: &Path) -> Result<File, BackupError> {
    File::open(path).map_err(|source| BackupError::file(path, source))
}

/// Hands a file over in parts; false from `take` ends it.
///
/// # Errors
/// [`BackupError::File`], [`BackupError::Unwanted`].
pub fn parts(path: &Path, take: impl Fn(Vec<u8>) -> bool) -> Result<(), BackupError> {
    let mut file = open(path)?;
    loop {
        let mut part = vec![0; PART_BYTES];
        let count = file
            .read(&mut part)
            .map_err(|source| BackupError::file(path, source))?;
        if count == 0 {
            return Ok(());
        }
        part.truncate(count);
        if !take(part) {
            return Err(BackupError::Unwanted);
        }
    }
}

/// Counts and hashes what is read.
struct Hashed<R> {
    inner: R,
    hash: digest::Context,
    bytes: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        let more = u64::try_from(count).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(more);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn all(_: &str, _: u64, _: Option<u64>) -> bool {
        true
    }

    #[test]
    fn r31_what_was_packed_unpacks_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let mut content = b"SQLite format 3\0".to_vec();
        content.extend((0..600_000_u32).flat_map(|n| (n % 251).to_be_bytes()));
        fs::write(&copy, &content).unwrap();
        for compress in [true, false] {
            let packed = folder.path().join("packed");
            let told = pack(&copy, &packed, compress, &mut all).unwrap();
            assert_eq!(told.bytes, fs::metadata(&packed).unwrap().len());
            assert_eq!(told.bytes < content.len() as u64 / 2, compress);
            let mode = fs::metadata(&packed).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
            let back = folder.path().join("back");
            let source = File::open(&packed).unwrap();
            let read = unpack(source, &packed, &back, &mut all).unwrap();
            assert_eq!(read, told);
            assert_eq!(fs::read(&back).unwrap(), content);
        }
    }

    #[test]
    fn r7_what_is_no_backup_or_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let mut content = b"SQLite format 3\0".to_vec();
        content.extend((0..100_000_u32).flat_map(u32::to_be_bytes));
        fs::write(&copy, &content).unwrap();
        let packed = folder.path().join("packed");
        pack(&copy, &packed, true, &mut all).unwrap();
        let bytes = fs::read(&packed).unwrap();
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x40;
        let back = folder.path().join("back");
        for bad in [
            &bytes[..bytes.len() - 1],
            &bytes[..40],
            &flipped,
            b"",
            b"PK\x03\x04",
        ] {
            let refused = unpack(bad, Path::new("x"), &back, &mut all).unwrap_err();
            assert!(
                matches!(refused, BackupError::NoBackup { .. }),
                "{refused:?}"
            );
        }
    }
}
