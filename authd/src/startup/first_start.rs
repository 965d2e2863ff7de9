//! What the first start makes and every later one must find again: wrap key, keys, issuer and the
//! `system` tenant (rules 16 and 27; architecture.md, decision 9).

use std::path::{Path, PathBuf};

use common::id::TenantId;
use common::time::Time;
use domain::key::StoredKey;
use domain::tenant::{Slug, Tenant, TenantStatus};
use store::{Priority, ReadTx, Store, StoreError};

use super::exit::Failure;
use super::pepper;
use crate::config::{Config, DatabaseUrl};
use crate::crypto::{self, KeyFileError, KeyRing, Pepper, Random, WrapKey};

const ISSUER: &str = "issuer";
const WRAP_KEY_ID: &str = "wrap_key_id";
const WRAP_KEY_CHECK: &str = "wrap_key_check";

/// What every start takes from the database.
pub(super) struct Opened {
    pub(super) keys: KeyRing,
    pub(super) issuer: String,
    pub(super) hash_schemes: Vec<String>,
    pub(super) pepper: Option<Pepper>,
}

/// What the database says of earlier starts.
struct Facts {
    issuer: Option<String>,
    wrap_key_id: Option<String>,
    wrap_key_check: Option<Vec<u8>>,
    keys: Vec<StoredKey>,
    hash_schemes: Vec<String>,
    pepper_id: Option<String>,
    pepper_check: Option<Vec<u8>>,
}

/// Opens the keys, making them if the database is empty.
pub(super) async fn open(
    config: &Config,
    store: &Store,
    random: &dyn Random,
    now: Time,
) -> Result<Opened, Failure> {
    let source = KeySource::of(config);
    // The store's lock is held: nobody else is making a key here.
    WrapKey::forget_draft(&source.file).map_err(|error| Failure::file(&source.file, &error))?;
    let facts = read(store).await?;
    let Some(expected_id) = &facts.wrap_key_id else {
        let wrap = source.load_or_make(random)?;
        make(config, store, random, &wrap, now).await?;
        let facts = read(store).await?;
        return finish(config, store, facts, &wrap).await;
    };
    let check = facts.wrap_key_check.as_deref().unwrap_or_default();
    let wrap = source.expect(expected_id, check)?;
    finish(config, store, facts, &wrap).await
}

async fn finish(
    config: &Config,
    store: &Store,
    facts: Facts,
    wrap: &WrapKey,
) -> Result<Opened, Failure> {
    let keys = KeyRing::open(&facts.keys, wrap).map_err(Failure::other)?;
    let issuer = facts.issuer.unwrap_or_default();
    let wanted = &config.token.issuer;
    if *wanted != issuer {
        return Err(Failure::config(
            format!(
                "token.issuer is {wanted:?}, but this database's tokens are issued by {issuer:?}"
            ),
            format!(
                "An issuer never changes. Set it in the configuration: token.issuer = {issuer:?}"
            ),
        ));
    }
    let known = facts.pepper_id.zip(facts.pepper_check);
    let pepper = pepper::open(config, store, known).await?;
    Ok(Opened {
        keys,
        issuer,
        hash_schemes: facts.hash_schemes,
        pepper,
    })
}

async fn read(store: &Store) -> Result<Facts, Failure> {
    let text =
        |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    store
        .read(move |tx| -> Result<Facts, StoreError> {
            let meta = tx.meta();
            Ok(Facts {
                issuer: text(meta.value(ISSUER)?),
                wrap_key_id: text(meta.value(WRAP_KEY_ID)?),
                wrap_key_check: meta.value(WRAP_KEY_CHECK)?,
                keys: tx.keys().all()?,
                hash_schemes: meta.hash_schemes()?,
                pepper_id: text(meta.value(pepper::ID)?),
                pepper_check: meta.value(pepper::CHECK)?,
            })
        })
        .await
        .map_err(Failure::other)
}

/// Writes everything that a first start makes, in one transaction.
async fn make(
    config: &Config,
    store: &Store,
    random: &dyn Random,
    wrap: &WrapKey,
    now: Time,
) -> Result<(), Failure> {
    let keys =
        KeyRing::first_keys(random, now, wrap, config.token.algorithm).map_err(Failure::other)?;
    let id: TenantId = crypto::new_id(random, now).map_err(Failure::other)?;
    let system = Tenant {
        id,
        slug: Slug::system(),
        name: "System".to_owned(),
        status: TenantStatus::Active,
        time_zone: "UTC".to_owned(),
        plan: "system".to_owned(),
        ends_at: None,
        max_users: None,
        created_at: now,
        updated_at: now,
    };
    let facts = [
        (ISSUER, config.token.issuer.clone().into_bytes()),
        (WRAP_KEY_ID, wrap.id().into_bytes()),
        (WRAP_KEY_CHECK, wrap.check_value().to_vec()),
    ];
    store
        .write(
            Priority::Normal,
            store::Claim::detached(),
            move |tx| -> Result<(), StoreError> {
                for (name, value) in &facts {
                    tx.meta_mut().set(name, value)?;
                }
                for key in &keys {
                    tx.keys_mut().insert(key)?;
                }
                tx.tenants_mut().insert(&system)
            },
        )
        .await
        .map_err(Failure::other)
}

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
            Some(_) => Path::new("/etc/credstore").join(&self.name),
            None => self.file.clone(),
        }
    }

    pub(super) fn load(&self) -> Result<Option<WrapKey>, Failure> {
        WrapKey::load(self.path(), self.credentials_directory.as_deref())
            .map_err(|e| self.unreadable(&e))
    }

    /// The key of that id, or why it is not at hand.
    fn expect(&self, id: &str, check: &[u8]) -> Result<WrapKey, Failure> {
        let wrap = self.load()?.ok_or_else(|| self.missing(id))?;
        if wrap.id() != id || wrap.check_value().as_slice() != check {
            return Err(self.different(id, &wrap.id()));
        }
        Ok(wrap)
    }

    /// The key that opens the keys of a database, or why it is not at hand.
    pub(super) fn opens(&self, tx: &dyn ReadTx) -> Result<WrapKey, Failure> {
        let value = |name| tx.meta().value(name).map_err(Failure::other);
        let id = value(WRAP_KEY_ID)?.unwrap_or_default();
        let check = value(WRAP_KEY_CHECK)?.unwrap_or_default();
        self.expect(&String::from_utf8_lossy(&id), &check)
    }

    fn load_or_make(&self, random: &dyn Random) -> Result<WrapKey, Failure> {
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
            "Put back the key that was in use when the database was made; no other one opens it.",
        )
    }

    fn different(&self, expected: &str, found: &str) -> Failure {
        Failure::config(
            format!(
                "the wrap key {} is {found}, but the database needs {expected}",
                self.path().display()
            ),
            "Put back the key that was in use when the database was made; no other one opens it.",
        )
    }
}
