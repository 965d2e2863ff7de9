//! What is not in a backup, and how the keys of one are opened: with the wrap key as it lies there
//! now, read for the purpose and not kept.

use std::path::Path;
use std::sync::Arc;

use domain::key::StoredKey;

use super::key_source::{CREDSTORE, KeySource};
use crate::app::backup::{Apart, Backups, OpenKeys};
use crate::config::{Config, Loaded, SYSTEM_FOLDER};
use crate::crypto::KeyRing;

/// What the use cases of backups need.
pub(super) fn backups(loaded: &Loaded, pepper: Option<&str>) -> Backups {
    Backups::new(open_keys(&loaded.config), apart(loaded, pepper))
}

/// Opens stored keys with the wrap key at hand.
pub(super) fn open_keys(config: &Config) -> OpenKeys {
    let source = KeySource::of(config);
    Arc::new(move |stored: &[StoredKey]| {
        if let Some(ring) = source
            .waiting()
            .and_then(|wrap| KeyRing::open(stored, &wrap).ok())
        {
            return Ok(ring);
        }
        let wrap = source
            .load()
            .map_err(|failure| failure.message().to_owned())?
            .ok_or_else(|| format!("there is none at {}", source.path().display()))?;
        KeyRing::open(stored, &wrap).map_err(|error| error.to_string())
    })
}

/// What is not in a backup made by this configuration; `pepper` is the id of the one that the database
/// needs.
pub(super) fn apart(loaded: &Loaded, pepper: Option<&str>) -> Apart {
    let source = KeySource::of(&loaded.config);
    let id = match source.load() {
        Ok(Some(wrap)) => wrap.id(),
        _ => "unknown".to_owned(),
    };
    let folder = loaded
        .files
        .first()
        .and_then(|file| file.parent())
        .unwrap_or(Path::new(SYSTEM_FOLDER));
    let mut names = vec![format!("wrap key (id {id})")];
    let mut paths = vec![source.kept_at().display().to_string()];
    if let Some(pepper) = pepper {
        names.push(format!("pepper (id {pepper})"));
        let kept_at = Path::new(CREDSTORE).join(&loaded.config.password.pepper_credential);
        paths.push(kept_at.display().to_string());
    }
    names.push(folder.display().to_string());
    paths.push(folder.display().to_string());
    Apart {
        names,
        command: format!(
            "sudo sh -c 'umask 077; tar czf authd-apart.tar.gz {}'",
            paths.join(" ")
        ),
    }
}
