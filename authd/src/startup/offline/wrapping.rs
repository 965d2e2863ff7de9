//! `authd keys rewrap|renew`: another wrap key for the same keys, or new keys for one that is lost.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use common::time::{Clock, SystemClock, Time};
use domain::audit::Actor;
use domain::key::KeyPurpose;
use serde_json::json;
use store::{Priority, Store, StoreError, WriteTx, sqlite};

use super::keys::Begun;
use super::{Ask, STOP, Say, entry, open_store, opened};
use crate::app::audit;
use crate::app::key::{Making, Renewal, Renewed, WRAP_KEY_CHECK, WRAP_KEY_ID, rewrapped};
use crate::config::Loaded;
use crate::crypto::{SystemRandom, WrapKey};
use crate::startup::exit::Failure;
use crate::startup::key_source::{self, KeySource};

/// Reads a wrap key from a file of the caller's, or from standard input.
pub(super) fn read(path: &Path, input: Option<File>) -> Result<WrapKey, Failure> {
    let no_key = || {
        Failure::config(
            "standard input holds no wrap key",
            "Expected are 32 bytes as 64 hexadecimal digits or as base64: head -c 32 /dev/urandom | base64",
        )
    };
    if let Some(file) = input {
        return WrapKey::read(file, path, None).map_err(|error| {
            Failure::config(
                format!("{}: {error}", path.display()),
                "Nothing was changed. Make one: (umask 077; head -c 32 /dev/urandom | base64 > FILE)",
            )
        });
    }
    WrapKey::from_reader(io::stdin().lock()).map_err(|_| no_key())
}

/// Where a new wrap key goes.
enum Place {
    /// To the file beside the database.
    File,
    /// Wherever the operator keeps it: it is at hand already, or must be put there.
    Operator { is_at_hand: bool },
}

/// The new wrap key takes its place, or the operator is told to put it there.
fn settle(
    source: &KeySource,
    place: &Place,
    new: &WrapKey,
    name: &str,
    say: Say<'_>,
) -> Result<(), Failure> {
    match place {
        Place::File => {
            let former = source.put_in_place()?;
            say(&format!(
                "{} holds the new wrap key, {}",
                source.path().display(),
                new.id()
            ));
            if let Some(former) = former {
                say(&format!(
                    "the former one is {}: backups of before need it; keep it apart with them, or remove it",
                    former.display()
                ));
            }
        }
        Place::Operator { is_at_hand: true } => {
            let path = source.path().display();
            say(&format!("the wrap key is that at {path}, {}", new.id()));
        }
        Place::Operator { is_at_hand: false } => {
            say(&format!(
                "before the next start: put the new wrap key, {}, in the place of the credential {name}",
                new.id()
            ));
            say(&format!(
                "  {}, or encrypted: systemd-creds encrypt --name={name} - /etc/credstore.encrypted/{name}",
                source.kept_at().display()
            ));
            say("backups of before need the former one: keep it apart with them");
        }
    }
    Ok(())
}

/// Puts every key under another wrap key.
pub(super) fn rewrap(
    database: &Path,
    loaded: &Loaded,
    actor: Actor,
    new: Option<WrapKey>,
    say: Say<'_>,
) -> Result<(), Failure> {
    let begun = Begun::open(database, loaded, STOP)?;
    let source = &begun.source;
    let (new, place) = new_key(source, new, false)?;
    if new.id() == begun.wrap.id() {
        return Err(Failure::refused(
            format!("{} is the wrap key in use; nothing was changed", new.id()),
            "Give another one, or none to have it made.",
        ));
    }
    let now = SystemClock.now();
    let keys = rewrapped(&SystemRandom, begun.stored, &begun.wrap, &new)?;
    let count = keys.len();
    let payload = json!({
        "before": { "wrap_key": begun.wrap.id() },
        "after": { "wrap_key": new.id(), "keys": count },
        "reason": null,
    });
    let entry = entry(now, actor, "keys.rewrap", "keys", payload)?;
    if matches!(place, Place::File) {
        source.prepare(&new)?;
    }
    let (ring, id, check) = (Arc::clone(&begun.ring), new.id(), new.check_value());
    let write = move |tx: &dyn WriteTx| -> Result<(), StoreError> {
        for key in &keys {
            tx.keys_mut().update(key)?;
        }
        tx.meta_mut().set(WRAP_KEY_ID, id.as_bytes())?;
        tx.meta_mut().set(WRAP_KEY_CHECK, &check)?;
        audit::append(tx, &ring, &entry).map(drop)
    };
    begun.store.write_blocking(Priority::Urgent, write)?;
    let name = &loaded.config.keys.wrap_credential;
    // Still under the lock of the database: nobody starts in between.
    settle(source, &place, &new, name, say)?;
    begun.store.close();
    say(&format!(
        "{count} keys are wrapped anew; no token and no session ended"
    ));
    Ok(())
}

/// The new wrap key and where it goes; made where a file is used and none was given.
fn new_key(
    source: &KeySource,
    given: Option<WrapKey>,
    may_use_what_is_at_hand: bool,
) -> Result<(WrapKey, Place), Failure> {
    let at_hand = if may_use_what_is_at_hand {
        source.load().ok().flatten()
    } else {
        None
    };
    match (given, at_hand) {
        (Some(new), Some(other)) if source.is_credential() && new.id() == other.id() => {
            Ok((new, Place::Operator { is_at_hand: true }))
        }
        (Some(new), _) if source.is_credential() => {
            Ok((new, Place::Operator { is_at_hand: false }))
        }
        (Some(new), _) => Ok((new, Place::File)),
        (None, Some(other)) => Ok((other, Place::Operator { is_at_hand: true })),
        (None, _) if source.is_credential() => Err(Failure::config(
            "the wrap key is a credential, which authd cannot write",
            "Give the new one: a FILE of mode 0600, or - for standard input. Nothing was changed.",
        )),
        (None, _) => Ok((WrapKey::generate(&SystemRandom)?, Place::File)),
    }
}

/// Makes all keys anew.
pub(super) fn renew(
    database: &Path,
    loaded: &Loaded,
    actor: Actor,
    new: Option<WrapKey>,
    say: Say<'_>,
    ask: Ask<'_>,
) -> Result<(), Failure> {
    let store = open_store(database, loaded, STOP)?;
    let source = KeySource::of(&loaded.config);
    let (id, check) = store.read_blocking(|tx| key_source::facts(tx))?;
    source.settle(&id, &check)?;
    let (new, place) = confirmed(&source, (&id, &check), new, ask)?;
    let now = SystemClock.now();
    let kept = database.with_file_name(format!("pre-renew-{}.db", now.millis()));
    opened(sqlite::snapshot(database, &kept, &mut |_| true))?;
    let renewal = draw(&store, loaded, &new, &actor, now)?;
    let payload = json!({
        "before": { "wrap_key": id },
        "after": { "wrap_key": new.id() },
        "reason": null,
    });
    let entry = entry(now, actor, "keys.renew", "keys", payload)?;
    if matches!(place, Place::File) {
        source.prepare(&new)?;
    }
    let wrap = new.clone();
    let write = move |tx: &dyn WriteTx| -> Result<Renewed, StoreError> {
        let renewed = renewal.write(tx, &wrap)?;
        audit::append(tx, renewal.ring(), &entry)?;
        Ok(renewed)
    };
    let renewed = store.write_blocking(Priority::Urgent, write)?;
    let name = &loaded.config.keys.wrap_credential;
    // Still under the lock of the database: nobody starts in between.
    settle(&source, &place, &new, name, say)?;
    store.close();
    tell(&renewed, say);
    say(&format!(
        "the database of before is {}: it is of use if the wrap key {id} is found; else remove it",
        kept.display()
    ));
    Ok(())
}

/// The new wrap key and its place, once somebody said yes to what is lost.
fn confirmed(
    source: &KeySource,
    (id, check): (&str, &[u8]),
    new: Option<WrapKey>,
    ask: Ask<'_>,
) -> Result<(WrapKey, Place), Failure> {
    let found = source.at_hand(id, check);
    let state = match &found {
        Ok(_) => format!("The wrap key {id} is at hand: authd keys rewrap would keep everything."),
        Err(failure) => format!("{}.", capitalised(failure.message())),
    };
    let chosen = new_key(source, new, found.is_err())?;
    let question = format!(
        "{state} Make all keys anew? Everybody is signed out, locks of unknown names go, and the audit log of before cannot be proven any more."
    );
    if ask(&question) {
        return Ok(chosen);
    }
    Err(Failure::refused(
        format!("not confirmed; nothing was changed. {state}"),
        "In scripts: authd keys renew --yes",
    ))
}

fn draw(
    store: &Store,
    loaded: &Loaded,
    new: &WrapKey,
    actor: &Actor,
    now: Time,
) -> Result<Renewal, Failure> {
    let algorithm = loaded.config.token.algorithm;
    let (wrap, actor) = (new.clone(), actor.clone());
    store.read_blocking(move |tx| {
        let none = |_: KeyPurpose| Ok::<_, Failure>(0);
        let row = || entry(now, actor.clone(), audit::BEGINNING, "chain", json!(null));
        let making = Making {
            random: &SystemRandom,
            wrap: &wrap,
            algorithm,
            now,
        };
        Renewal::draw(tx, &making, &none, &row)
    })
}

/// What ended, for who asked.
pub(super) fn tell(renewed: &Renewed, say: Say<'_>) {
    let counters = &renewed.counters;
    say("all keys are new: every token of before is refused");
    say(&format!("ended: {} sessions", renewed.sessions));
    say(&format!(
        "names of {} users were computed anew, with their locks; {} counters of others went, {} locks by hand among them",
        counters.users, counters.forgotten, counters.locks_forgotten
    ));
    say(&format!(
        "{} audit chains begin anew: rows of before are held against changes from now on, and not proven for the time before",
        renewed.chains
    ));
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// For a restore: the key at hand, or a new one that is to be put in place afterwards.
pub(super) fn for_new_keys(source: &KeySource) -> Result<(WrapKey, bool), Failure> {
    if let Some(at_hand) = source.load()? {
        return Ok((at_hand, false));
    }
    let new = WrapKey::generate(&SystemRandom)?;
    source.prepare(&new)?;
    Ok((new, true))
}

/// Whether a name is that of a database kept by a renewal.
pub(super) fn is_kept(name: &str) -> bool {
    name.starts_with("pre-renew-")
}
