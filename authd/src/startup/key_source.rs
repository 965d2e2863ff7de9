//! Where the wrap key is kept, and how another one takes its place: the new one is written beside it,
//! the database is committed, then the file is renamed. Whatever is killed in between leaves a
//! database and a file beside it that open each other; the next who holds the lock tidies up.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use store::ReadTx;

use super::exit::Failure;
use crate::app::key::{WRAP_KEY_CHECK, WRAP_KEY_ID};
use crate::config::{Config, DatabaseUrl};
use crate::crypto::{KeyFileError, Random, WrapKey};

/// Where an operator keeps credentials.
pub(super) const CREDSTORE: &str = "/etc/credstore";
/// Where a service manager looks for credentials.
const CREDSTORES: [&str; 2] = [CREDSTORE, "/etc/credstore.encrypted"];
const PUT_BACK: &str = "Put back the key that the database names; no other one opens it. Lost for good: sudo authd keys renew";

/// Where the wrap key is kept: a credential, else a file beside the database.
pub(super) struct KeySource {
    credential: Option<PathBuf>,
    credentials_directory: Option<PathBuf>,
    file: PathBuf,
    name: String,
}

impl KeySource {
    pub(super) fn of(config: &Config) -> Self {
        let name = config.keys.wrap_credential.clone();
        let credentials_directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let credential = credentials_directory
            .as_ref()
            .map(|folder| folder.join(&name))
            .filter(|path| path.exists());
        let DatabaseUrl::Sqlite(path) = &config.database.url;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self {
            credential,
            credentials_directory,
            file: folder.join("authd.wrap-key"),
            name,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.credential.as_deref().unwrap_or(&self.file)
    }

    /// Where an operator finds it to copy it: systemd's folder for a credential, else the file.
    pub(super) fn kept_at(&self) -> PathBuf {
        match &self.credential {
            Some(_) => Path::new(CREDSTORE).join(&self.name),
            None => self.file.clone(),
        }
    }

    pub(super) fn load(&self) -> Result<Option<WrapKey>, Failure> {
        WrapKey::load(self.path(), self.credentials_directory.as_deref())
            .map_err(|e| self.unreadable(&e))
    }

    /// Whether a credential is used, which only the operator can exchange.
    pub(super) const fn is_credential(&self) -> bool {
        self.credential.is_some()
    }

    /// The key of that id, or why it is not at hand. One that is about to take the file's place counts.
    pub(super) fn at_hand(&self, id: &str, check: &[u8]) -> Result<WrapKey, Failure> {
        let found = self.load();
        if let Ok(Some(wrap)) = &found
            && fits(wrap, id, check)
        {
            return Ok(wrap.clone());
        }
        if let Some(next) = self.waiting()
            && fits(&next, id, check)
        {
            return Ok(next);
        }
        let other = found?.ok_or_else(|| self.missing(id))?;
        Err(self.different(id, &other.id()))
    }

    /// The key that is about to take the file's place, where an exchange was cut short.
    pub(super) fn waiting(&self) -> Option<WrapKey> {
        WrapKey::load(&self.next(), None).ok().flatten()
    }

    /// The key that opens the keys of a database, or why it is not at hand.
    pub(super) fn opens(&self, tx: &dyn ReadTx) -> Result<WrapKey, Failure> {
        let (id, check) = facts(tx)?;
        self.at_hand(&id, &check)
    }

    /// Where a key waits to take the file's place.
    fn next(&self) -> PathBuf {
        self.file.with_extension("wrap-key-next")
    }

    /// Removes what a crash while a key was written has left. The caller holds the database's lock.
    pub(super) fn forget_draft(&self) -> Result<(), Failure> {
        for path in [&self.file, &self.next()] {
            WrapKey::forget_draft(path).map_err(|error| Failure::file(path, &error))?;
        }
        Ok(())
    }

    /// Finishes an exchange of the file that was cut short: the key that waits takes its place if the
    /// database names it, and goes if not. The caller holds the database's lock.
    pub(super) fn settle(&self, id: &str, check: &[u8]) -> Result<(), Failure> {
        self.forget_draft()?;
        let next = self.next();
        match WrapKey::load(&next, None) {
            Ok(Some(key)) if fits(&key, id, check) => self.put_in_place().map(drop),
            Ok(Some(_)) => fs::remove_file(&next).map_err(|error| Failure::file(&next, &error)),
            Ok(None) => Ok(()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// Writes the key that is to take the file's place; on disk when this returns.
    pub(super) fn prepare(&self, key: &WrapKey) -> Result<(), Failure> {
        key.create_file(&self.next())
            .map_err(|error| self.unreadable(&error))
    }

    /// Lets the key that waits take the file's place, once the database names it. The former one stays
    /// under the name that this gives, for backups that it wraps.
    pub(super) fn put_in_place(&self) -> Result<Option<PathBuf>, Failure> {
        let former = match WrapKey::load(&self.file, None) {
            Ok(Some(former)) => Some(former.id()),
            Ok(None) => None,
            Err(_) => Some("unreadable".to_owned()),
        };
        let kept = former.map(|id| self.file.with_extension(format!("wrap-key-{id}")));
        self.exchange(kept.as_deref())
            .map_err(|error| Failure::file(&self.file, &error))?;
        Ok(kept)
    }

    fn exchange(&self, kept: Option<&Path>) -> io::Result<()> {
        if let Some(kept) = kept {
            match fs::hard_link(&self.file, kept) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        fs::rename(self.next(), &self.file)?;
        let folder = self.file.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    pub(super) fn load_or_make(&self, random: &dyn Random) -> Result<WrapKey, Failure> {
        if let Some(key) = self.load()? {
            return Ok(key);
        }
        let key = WrapKey::generate(random).map_err(Failure::other)?;
        key.create_file(&self.file)
            .map_err(|error| self.unreadable(&error))?;
        Ok(key)
    }

    fn unreadable(&self, error: &KeyFileError) -> Failure {
        Failure::config(
            format!("wrap key {}: {error}", self.path().display()),
            format!(
                "It comes from the credential {} or a file of mode 0600.",
                self.name
            ),
        )
    }

    fn missing(&self, expected: &str) -> Failure {
        Failure::config(
            format!(
                "the wrap key {expected} is missing: no credential {} and no file {}",
                self.name,
                self.file.display()
            ),
            PUT_BACK,
        )
    }

    fn different(&self, expected: &str, found: &str) -> Failure {
        Failure::config(
            format!(
                "the wrap key {} is {found}, but the database needs {expected}",
                self.path().display()
            ),
            PUT_BACK,
        )
    }
}

/// A wrap key that only the service manager shows is not lost: nobody may make another on the word of
/// a process that was started without it.
pub(super) fn nothing_hidden(config: &Config) -> Result<(), Failure> {
    let name = &config.keys.wrap_credential;
    match kept_for_the_service(name) {
        None => Ok(()),
        Some(path) => Err(Failure::config(
            format!(
                "{} is not lost, but not shown to this process",
                path.display()
            ),
            format!(
                "Run it as the unit would: systemd-run --pty --wait -p User=authd -p LoadCredential={name} authd keys …"
            ),
        )),
    }
}

/// Where systemd finds a credential for the service, if this process is not the service.
pub(super) fn kept_for_the_service(name: &str) -> Option<PathBuf> {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(_) => None,
        None => hidden(name, &CREDSTORES.map(Path::new)),
    }
}

fn hidden(name: &str, stores: &[&Path]) -> Option<PathBuf> {
    let mut paths = stores.iter().map(|store| store.join(name));
    paths.find(|path| path.exists())
}

fn fits(key: &WrapKey, id: &str, check: &[u8]) -> bool {
    key.id() == id && key.check_value().as_slice() == check
}

/// Id and check value of the wrap key that a database names.
pub(super) fn facts(tx: &dyn ReadTx) -> Result<(String, Vec<u8>), Failure> {
    let value = |name| tx.meta().value(name).map_err(Failure::other);
    let id = value(WRAP_KEY_ID)?.unwrap_or_default();
    let check = value(WRAP_KEY_CHECK)?.unwrap_or_default();
    Ok((String::from_utf8_lossy(&id).into_owned(), check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a91_a_credential_that_is_not_shown_is_found_and_not_taken_for_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, encrypted) = (folder.path().join("a"), folder.path().join("b"));
        fs::create_dir(&encrypted).unwrap();
        let stores = [plain.as_path(), encrypted.as_path()];
        assert_eq!(hidden("authd.wrap-key", &stores), None);
        fs::write(encrypted.join("authd.wrap-key"), "x").unwrap();
        assert_eq!(
            hidden("authd.wrap-key", &stores),
            Some(encrypted.join("authd.wrap-key"))
        );
    }
}
