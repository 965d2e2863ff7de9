//! The pepper at the start: from its first use on the database knows its id, and a start without it,
//! or with another, ends with its name (rule 27). No file of it is ever made.

use std::path::PathBuf;

use store::{Claim, Priority, ReadTx, Store, StoreError};

use super::exit::Failure;
use crate::config::Config;
use crate::crypto::Pepper;

pub(super) use crate::app::key::PEPPER_ID as ID;

/// Fact: what shows that a pepper is the same.
pub(super) const CHECK: &str = "pepper_check";

/// Id and check value of the pepper that a database needs.
pub(super) type Known = (String, Vec<u8>);

/// What a database knows of its pepper.
///
/// # Errors
/// Those of the store.
pub(super) fn known(tx: &dyn ReadTx) -> Result<Option<Known>, Failure> {
    let id = tx.meta().value(ID)?;
    let check = tx.meta().value(CHECK)?;
    let text = |id: Vec<u8>| String::from_utf8_lossy(&id).into_owned();
    Ok(id.map(text).zip(check))
}

/// The pepper at hand, if it is the one that is needed.
///
/// # Errors
/// 78 for one that cannot be read, is missing or differs.
pub(super) fn fitting(config: &Config, known: Option<&Known>) -> Result<Option<Pepper>, Failure> {
    let name = &config.password.pepper_credential;
    let put_back = "Put back the pepper that was in use; without it no password can be checked.";
    match (known, load(config)?) {
        (None, found) => Ok(found),
        (Some((id, _)), None) => Err(Failure::config(
            format!("the pepper {id} is missing: no credential {name}"),
            put_back,
        )),
        (Some((id, check)), Some(pepper)) => {
            if pepper.name() == *id && pepper.check_value().as_slice() == check {
                return Ok(Some(pepper));
            }
            let found = pepper.name();
            Err(Failure::config(
                format!("the pepper {name} is {found}, but the database needs {id}"),
                put_back,
            ))
        }
    }
}

/// Finds the pepper, holds it against what the database knows of it, and has the database know the
/// first.
///
/// # Errors
/// As [`fitting`].
pub(super) async fn open(
    config: &Config,
    store: &Store,
    known: Option<Known>,
) -> Result<Option<Pepper>, Failure> {
    let found = fitting(config, known.as_ref())?;
    if let (None, Some(pepper)) = (known, &found) {
        remember(store, pepper).await?;
        tracing::info!(pepper = %pepper.name(), "a pepper is in use from now on");
    }
    Ok(found)
}

/// Reads the pepper's credential, if there is one.
///
/// # Errors
/// 78 for one that cannot be read.
pub(super) fn load(config: &Config) -> Result<Option<Pepper>, Failure> {
    let name = &config.password.pepper_credential;
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from) else {
        return Ok(None);
    };
    let path = folder.join(name);
    Pepper::load(&path, Some(&folder)).map_err(|error| {
        Failure::config(
            format!("pepper {}: {error}", path.display()),
            format!(
                "It comes from the credential {name}: 32 bytes as hexadecimal digits or base64."
            ),
        )
    })
}

async fn remember(store: &Store, pepper: &Pepper) -> Result<(), Failure> {
    let facts = [
        (ID, pepper.name().into_bytes()),
        (CHECK, pepper.check_value().to_vec()),
    ];
    store
        .write(
            Priority::Normal,
            Claim::detached(),
            move |tx| -> Result<(), StoreError> {
                for (name, value) in &facts {
                    tx.meta_mut().set(name, value)?;
                }
                Ok(())
            },
        )
        .await
        .map_err(Failure::other)
}
