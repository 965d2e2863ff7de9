//! The folder of backups: each a file, and a manifest of the same name beside it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use common::time::Time;
use common::view::BackupView;

use super::archive::fresh;
use super::{BackupError, PRIVATE_FOLDER};

/// What every name begins with.
const PREFIX: &str = "authd-";
/// What a name ends with.
const ENDINGS: [&str; 2] = [".db.gz", ".db"];
/// What is added for the manifest.
const MANIFEST: &str = ".json";
/// Backups that one second may have.
const SAME_SECOND: u32 = 1000;
/// Largest manifest.
const MANIFEST_LIMIT: u64 = 64 << 10;

/// The folder of `backup.dir`.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Names it; nothing is made.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, for its owner alone.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn ensure(&self) -> Result<(), BackupError> {
        if self.path.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_FOLDER)
            .create(&self.path)
            .map_err(|source| BackupError::file(&self.path, source))
    }

    /// The backups, the newest first; none where there is no folder.
    ///
    /// # Errors
    /// [`BackupError::File`] for a folder that cannot be read.
    pub fn list(&self) -> Result<Vec<BackupView>, BackupError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BackupError::file(&self.path, error)),
        };
        let mut found: Vec<BackupView> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| is_name(name))
            .filter_map(|name| self.look(name))
            .collect();
        found.sort_by(|one, other| {
            (other.created_at, &other.name).cmp(&(one.created_at, &one.name))
        });
        Ok(found)
    }

    /// The file of a listed backup; none for any other name, which could be a path.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let path = self.path.join(name);
        (is_name(name) && path.is_file()).then_some(path)
    }

    /// What the manifest says, or what the file alone does.
    fn look(&self, name: String) -> Option<BackupView> {
        let path = self.path.join(&name);
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .map(Time::from_millis);
        if let Some(view) = self.manifest(&name)
            && view.bytes == metadata.len()
        {
            return Some(BackupView {
                name: Some(name),
                ..view
            });
        }
        Some(BackupView {
            created_at: modified.unwrap_or_default(),
            bytes: metadata.len(),
            schema: None,
            wrap_key_id: None,
            sha256: None,
            verified: false,
            compressed: name.ends_with(ENDINGS[0]),
            version: None,
            name: Some(name),
        })
    }

    fn manifest(&self, name: &str) -> Option<BackupView> {
        let path = self.path.join(format!("{name}{MANIFEST}"));
        let metadata = fs::metadata(&path).ok()?;
        if metadata.len() > MANIFEST_LIMIT {
            return None;
        }
        serde_json::from_slice(&fs::read(&path).ok()?).ok()
    }

    /// Gives a packed file its name, with the manifest first: a file that has none was never whole.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn add(&self, packed: &Path, view: &BackupView) -> Result<BackupView, BackupError> {
        let schema = view.schema.unwrap_or_default();
        let ending = if view.compressed { ".db.gz" } else { ".db" };
        let stem = format!("{PREFIX}{}-s{schema}", stamp(view.created_at));
        // Two within one second.
        let name = (0..SAME_SECOND)
            .map(|number| match number {
                0 => format!("{stem}{ending}"),
                more => format!("{stem}-{more}{ending}"),
            })
            .find(|name| !self.path.join(name).exists())
            .ok_or_else(|| BackupError::file(&self.path, io::ErrorKind::AlreadyExists.into()))?;
        let view = BackupView {
            name: Some(name.clone()),
            ..view.clone()
        };
        let manifest = self.path.join(format!("{name}{MANIFEST}"));
        write_manifest(&manifest, &view)?;
        let place = self.path.join(&name);
        fs::rename(packed, &place)
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|source| BackupError::file(&place, source))?;
        Ok(view)
    }

    /// Names of the backups beyond the newest `keep`, of which one stays at least.
    ///
    /// # Errors
    /// As [`Folder::list`].
    pub fn excess(&self, keep: usize) -> Result<Vec<String>, BackupError> {
        let mut names: Vec<String> = self
            .list()?
            .into_iter()
            .skip(keep.max(1))
            .filter_map(|view| view.name)
            .collect();
        names.reverse();
        Ok(names)
    }

    /// Removes one.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn remove(&self, name: &str) -> Result<(), BackupError> {
        let Some(path) = self.file(name) else {
            return Ok(());
        };
        fs::remove_file(&path).map_err(|source| BackupError::file(&path, source))?;
        let manifest = self.path.join(format!("{name}{MANIFEST}"));
        match fs::remove_file(&manifest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(BackupError::file(&manifest, error))
            }
            _ => Ok(()),
        }
    }

    /// Removes all beyond the newest `keep`; tells which.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn prune(&self, keep: usize) -> Result<Vec<String>, BackupError> {
        let names = self.excess(keep)?;
        for name in &names {
            self.remove(name)?;
        }
        Ok(names)
    }
}

fn write_manifest(path: &Path, view: &BackupView) -> Result<(), BackupError> {
    let failed = |source| BackupError::file(path, source);
    let mut text = serde_json::to_vec_pretty(view).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let mut file = fresh(path)?;
    file.write_all(&text)
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

/// `20261123T020000Z`.
fn stamp(at: Time) -> String {
    let text = at.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    let plain: String = seconds
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    format!("{}Z", plain.trim_end_matches('Z'))
}

fn is_name(name: &str) -> bool {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let ends = ENDINGS.iter().any(|ending| name.ends_with(ending));
    is_plain && ends && name.starts_with(PREFIX) && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(at: i64) -> BackupView {
        BackupView {
            name: None,
            created_at: Time::from_millis(at),
            bytes: 3,
            schema: Some(2),
            wrap_key_id: Some("ab".to_owned()),
            sha256: Some("cd".to_owned()),
            verified: true,
            compressed: true,
            version: None,
        }
    }

    fn add(folder: &Folder, at: i64) -> String {
        let packed = folder.path().join("x.partial");
        fs::write(&packed, "abc").unwrap();
        folder.add(&packed, &view(at)).unwrap().name.unwrap()
    }

    #[test]
    fn names_sort_by_time_and_never_collide() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::new(&outer.path().join("backups"));
        assert_eq!(folder.list().unwrap(), []);
        folder.ensure().unwrap();
        let first = add(&folder, 1_790_000_000_000);
        let second = add(&folder, 1_790_000_000_500);
        assert_eq!(first, "authd-20260921T141320Z-s2.db.gz");
        assert_eq!(second, "authd-20260921T141320Z-s2-1.db.gz");
        let names: Vec<_> = folder.list().unwrap().into_iter().map(|v| v.name).collect();
        assert_eq!(names, [Some(second.clone()), Some(first.clone())]);
        assert_eq!(folder.prune(0).unwrap().join(" "), first);
        assert!(folder.file(&first).is_none());
        assert!(!folder.path().join(format!("{first}.json")).exists());
        assert!(folder.file(&second).is_some());
    }

    #[test]
    fn no_name_leads_out_of_the_folder_and_no_half_file_is_listed() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::new(outer.path());
        fs::write(outer.path().join("authd-1.db.partial"), "x").unwrap();
        fs::write(outer.path().join("authd.db"), "x").unwrap();
        assert_eq!(folder.list().unwrap(), []);
        for name in [
            "../authd-1.db",
            "authd-/../x.db",
            "authd-..db",
            "/etc/authd-1.db",
            "",
        ] {
            assert!(folder.file(name).is_none(), "{name}");
        }
        // A file that changed since is told by what it is.
        let name = add(&folder, 5);
        fs::write(outer.path().join(&name), "longer").unwrap();
        let listed = folder.list().unwrap();
        assert_eq!(
            (listed[0].verified, listed[0].sha256.clone()),
            (false, None)
        );
    }
}
