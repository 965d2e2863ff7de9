//! `authd keys list|generate|import|export-public`: the keys, and another one that signs, while no
//! daemon runs. What concerns the wrap key stands in `wrapping.rs`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::time::{Clock, SystemClock, Time};
use domain::audit::Actor;
use domain::key::{KeyPolicy, KeyPurpose, KeyState, SigningAlgorithm, StoredKey};
use serde_json::json;
use store::sqlite::Still;
use store::{Priority, Store, StoreError, WriteTx};

use super::{Ask, Say, actor, become_owner, entry, hold, open_store, opened, wrapping};
use crate::app::audit;
use crate::app::key::{next_number, succeed, write_succession};
use crate::config::{DatabaseUrl, Loaded};
use crate::crypto::{CryptoError, KeyRing, SystemRandom, WrapKey, pkcs8, private_bytes};
use crate::startup::exit::Failure;
use crate::startup::key_source::{self, KeySource};
use crate::startup::process;

/// Longest private key that is read: many times an RSA key of 16384 bits.
const LONGEST_KEY: u64 = 64 << 10;
/// Signing keys of before that an import is held against.
const FORMER: u32 = 1000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyTask {
    /// Say which keys there are.
    List,
    /// Make a signing key that takes over at once.
    Generate {
        /// How it signs; as configured where none is given.
        algorithm: Option<SigningAlgorithm>,
    },
    /// Let a signing key from elsewhere take over at once.
    Import {
        /// The private key, PKCS#8.
        file: PathBuf,
    },
    /// Print what verifiers need.
    ExportPublic,
    /// Put all keys under another wrap key.
    Rewrap {
        /// The new one; `-` for standard input.
        new: Option<PathBuf>,
    },
    /// Make all keys anew, for the wrap key is lost.
    Renew {
        /// The new one; `-` for standard input.
        new: Option<PathBuf>,
    },
}

/// Does what is asked.
///
/// # Errors
/// [`Failure`] with its exit status.
pub fn run(task: &KeyTask, loaded: &Loaded, say: Say<'_>, ask: Ask<'_>) -> Result<(), Failure> {
    process::harden()?;
    let DatabaseUrl::Sqlite(database) = &loaded.config.database.url;
    // The caller's own files are opened with the caller's own rights.
    let input = match task {
        KeyTask::Import { file } => Some(open(file)?),
        KeyTask::Rewrap { new: Some(file) } | KeyTask::Renew { new: Some(file) }
            if file.as_os_str() != "-" =>
        {
            Some(open(file)?)
        }
        _ => None,
    };
    if matches!(task, KeyTask::Renew { .. }) {
        // Looked for with the caller's rights, too.
        key_source::nothing_hidden(&loaded.config)?;
    }
    let actor = actor();
    become_owner(database)?;
    match task {
        KeyTask::List => list(database, say),
        KeyTask::Generate { algorithm } => {
            let algorithm = algorithm.unwrap_or(loaded.config.token.algorithm);
            take_over(database, loaded, actor, Origin::Made(algorithm), say)
        }
        KeyTask::Import { file } => {
            let private = read_private(input, file)?;
            take_over(database, loaded, actor, Origin::Brought(private), say)
        }
        KeyTask::ExportPublic => export_public(database, loaded, say),
        KeyTask::Rewrap { new } => {
            let new = new.as_deref().map(|path| wrapping::read(path, input));
            wrapping::rewrap(database, loaded, actor, new.transpose()?, say)
        }
        KeyTask::Renew { new } => {
            let new = new.as_deref().map(|path| wrapping::read(path, input));
            wrapping::renew(database, loaded, actor, new.transpose()?, say, ask)
        }
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::unreadable(path, &error))
}

fn list(database: &Path, say: Say<'_>) -> Result<(), Failure> {
    let held = hold(database, "Use: authctl key list")?;
    let still = opened(Still::open(database))?;
    let keys = still.read(|tx| tx.keys().all()).map_err(Failure::other)?;
    drop(still);
    held.release();
    say(&line([
        "KEY",
        "PURPOSE",
        "ALG",
        "STATE",
        "CREATED",
        "ACTIVATES",
        "RETIRES",
    ]));
    for key in &keys {
        let retires = key
            .retires_at
            .map_or_else(|| "-".to_owned(), |time| time.to_string());
        say(&line([
            &key.id.to_string(),
            key.purpose.as_str(),
            &key.algorithm,
            key.state.as_str(),
            &key.created_at.to_string(),
            &key.activates_at.to_string(),
            &retires,
        ]));
    }
    Ok(())
}

fn line([key, purpose, algorithm, state, created, activates, retires]: [&str; 7]) -> String {
    format!(
        "{key:<30}  {purpose:<7}  {algorithm:<11}  {state:<9}  {created:<24}  {activates:<24}  {retires}"
    )
}

fn export_public(database: &Path, loaded: &Loaded, say: Say<'_>) -> Result<(), Failure> {
    let held = hold(database, "Use: authctl key jwks")?;
    let still = opened(Still::open(database))?;
    let wrap = still.read(|tx| KeySource::of(&loaded.config).opens(tx))?;
    let stored = still.read(|tx| tx.keys().all()).map_err(Failure::other)?;
    drop(still);
    held.release();
    let ring = KeyRing::open(&stored, &wrap)?;
    say(&ring.jwks().to_string());
    Ok(())
}

/// Where a signing key comes from.
enum Origin {
    Made(SigningAlgorithm),
    Brought(common::secret::Secret<Vec<u8>>),
}

impl Origin {
    const fn action(&self) -> &'static str {
        match self {
            Self::Made(_) => "key.generate",
            Self::Brought(_) => "key.import",
        }
    }

    fn key(self, now: Time, wrap: &WrapKey, number: u32) -> Result<StoredKey, CryptoError> {
        match self {
            Self::Made(algorithm) => {
                KeyRing::new_signing_key(&SystemRandom, now, wrap, algorithm, number)
            }
            Self::Brought(private) => {
                KeyRing::import_signing_key(&SystemRandom, now, wrap, private, number)
            }
        }
    }
}

fn read_private(
    input: Option<File>,
    path: &Path,
) -> Result<common::secret::Secret<Vec<u8>>, Failure> {
    let Some(input) = input else {
        return Err(Failure::data("there is no file to import"));
    };
    private_bytes(input, path, false, LONGEST_KEY)
        .map_err(Failure::other)
        .and_then(|bytes| pkcs8(bytes).map_err(|_| no_key()))
}

fn no_key() -> Failure {
    Failure::refused(
        "the file holds no key that authd can use; nothing was changed",
        "Expected is one private key as PKCS#8, PEM or DER, not encrypted: Ed25519, P-256, or RSA of 2048 bits and more.",
    )
}

/// What an offline change of keys begins with: the database, its keys, and what opens them.
pub(super) struct Begun {
    pub(super) store: Store,
    pub(super) source: KeySource,
    pub(super) wrap: WrapKey,
    pub(super) stored: Vec<StoredKey>,
    pub(super) ring: Arc<KeyRing>,
}

impl Begun {
    /// Where a daemon runs, `instead` says what can be done.
    pub(super) fn open(database: &Path, loaded: &Loaded, instead: &str) -> Result<Self, Failure> {
        let store = open_store(database, loaded, instead)?;
        let source = KeySource::of(&loaded.config);
        let (id, check) = store.read_blocking(|tx| key_source::facts(tx))?;
        source.settle(&id, &check)?;
        let wrap = source.at_hand(&id, &check)?;
        let stored: Vec<StoredKey> =
            store.read_blocking(|tx| -> Result<_, StoreError> { tx.keys().all() })?;
        let ring = Arc::new(KeyRing::open(&stored, &wrap)?);
        Ok(Self {
            store,
            source,
            wrap,
            stored,
            ring,
        })
    }
}

/// Lets a signing key take over at once.
fn take_over(
    database: &Path,
    loaded: &Loaded,
    actor: Actor,
    origin: Origin,
    say: Say<'_>,
) -> Result<(), Failure> {
    let begun = Begun::open(
        database,
        loaded,
        "Stop it first, or use: authctl key rotate",
    )?;
    let now = SystemClock.now();
    let action = origin.action();
    let new = fresh(&begun, origin, now)?;
    let policy = policy(loaded);
    let (id, algorithm) = (new.id, new.algorithm.clone());
    let changed = succeed(&begun.stored, new, &policy, now).ok_or_else(|| {
        Failure::refused(
            "too many keys are retiring; nothing was changed",
            "Wait until one has left, or revoke one with authd running: authctl key revoke",
        )
    })?;
    let former = changed
        .iter()
        .find(|key| key.state == KeyState::Retiring)
        .cloned();
    // What does not open is never stored.
    let others = begun
        .stored
        .iter()
        .filter(|key| !changed.iter().any(|new| new.id == key.id));
    let all: Vec<StoredKey> = others.chain(&changed).cloned().collect();
    KeyRing::open(&all, &begun.wrap)?;
    let before = former.as_ref().map(|key| key.id.to_string());
    let payload = json!({
        "before": { "active": before },
        "after": { "active": id.to_string(), "alg": algorithm },
        "reason": null,
    });
    let entry = entry(now, actor, action, &id.to_string(), payload)?;
    let ring = Arc::clone(&begun.ring);
    let write = move |tx: &dyn WriteTx| -> Result<(), StoreError> {
        write_succession(tx, &changed)?;
        audit::append(tx, &ring, &entry).map(drop)
    };
    begun.store.write_blocking(Priority::Urgent, write)?;
    begun.store.close();
    tell((&id.to_string(), &algorithm), former.as_ref(), &policy, say);
    Ok(())
}

/// Makes or takes the key that is to sign; one that was here before has had its life.
fn fresh(begun: &Begun, origin: Origin, now: Time) -> Result<StoredKey, Failure> {
    let (number, former) = begun.store.read_blocking(|tx| -> Result<_, StoreError> {
        let former = tx.keys().of(KeyPurpose::Signing, u32::MAX, FORMER)?;
        Ok((next_number(tx, KeyPurpose::Signing)?, former))
    })?;
    let new = origin
        .key(now, &begun.wrap, number)
        .map_err(|error| match error {
            CryptoError::Foreign => no_key(),
            error => Failure::other(error),
        })?;
    match former.iter().find(|key| key.public == new.public) {
        None => Ok(new),
        Some(same) => Err(Failure::refused(
            format!(
                "that key is {} already ({}); nothing was changed",
                same.id,
                same.state.as_str()
            ),
            "A key has one life: make a new one.",
        )),
    }
}

/// What is so from now on.
fn tell(
    (id, algorithm): (&str, &str),
    former: Option<&StoredKey>,
    policy: &KeyPolicy,
    say: Say<'_>,
) {
    say(&format!("{id} ({algorithm}) signs from the next start on"));
    if let Some((former, end)) = former.and_then(|key| Some((key.id, key.ends_at?))) {
        say(&format!(
            "{former} is retiring: what it signed is good until {end}"
        ));
    }
    if algorithm != policy.algorithm.as_str() {
        say(&format!(
            "token.algorithm is {}: the next start announces a key of that again",
            policy.algorithm.as_str()
        ));
    }
}

fn policy(loaded: &Loaded) -> KeyPolicy {
    let keys = &loaded.config.keys;
    KeyPolicy {
        algorithm: loaded.config.token.algorithm,
        rotate_every: keys.rotate_every,
        announce: keys.announce,
        overlap: keys.overlap,
    }
}
