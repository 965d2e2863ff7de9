//! A configuration for a daemon that runs: what a reload takes from the files as they are now, what
//! stays until the next start, and what the two differ in.

use super::fault::{Faults, Origin, Severity};
use super::key::{Change, Key};
use super::load::{Loaded, Source, derive, load};
use super::value::{Value, Values};
use super::{Config, all_keys, check};

/// One key whose value is another than the one that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Name of the key.
    pub key: &'static str,
    /// The value that runs, as TOML; empty if unset.
    pub before: String,
    /// The value that is asked for.
    pub after: String,
    /// When it takes effect.
    pub change: Change,
}

/// A configuration that may take the place of the one that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// What holds from now on: keys that need a restart have the value that runs.
    pub loaded: Loaded,
    /// What was changed, in the order of the keys.
    pub changed: Vec<Changed>,
}

/// Reads everything again as at the start and holds it against what runs.
///
/// # Errors
/// Every fault: of the files as they are, and of what would run with those keys left as they are
/// that need a restart.
pub fn reload(source: &Source, runs: &Loaded) -> Result<Reloaded, Faults> {
    let asked = load(source)?;
    let values = merged(&asked, runs);
    let (errors, warnings): (Vec<_>, Vec<_>) = check::whole(&values, source.dev.is_some())
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    if !errors.is_empty() {
        return Err(Faults(errors));
    }
    let config = Config::build(&values).map_err(|fault| Faults(vec![fault]))?;
    let changed = all_keys()
        .filter_map(|key| changed(key, &asked.values, &values, runs))
        .collect();
    let loaded = Loaded {
        config,
        values,
        files: asked.files,
        warnings,
    };
    Ok(Reloaded { loaded, changed })
}

/// What is asked for, but for keys that need a restart, and for what follows those.
fn merged(asked: &Loaded, runs: &Loaded) -> Values {
    let mut values = asked.values.clone();
    for key in all_keys() {
        let Some(old) = runs.values.entry(key.name) else {
            continue;
        };
        if key.change == Change::Restart {
            values.set(key.name, old.value.clone(), old.origin.clone());
        } else if matches!(values.origin(key.name), Origin::Derived(_)) {
            values.set(key.name, Value::Unset, Origin::Default);
        }
    }
    derive(&mut values);
    values
}

fn changed(key: &Key, asked: &Values, merged: &Values, runs: &Loaded) -> Option<Changed> {
    let old = runs.values.entry(key.name)?;
    let new = match key.change {
        Change::Reload => merged.entry(key.name)?,
        // What follows another key is no change of its own.
        Change::Restart => asked
            .entry(key.name)
            .filter(|entry| !matches!(entry.origin, Origin::Derived(_)))?,
    };
    (old.value != new.value).then(|| Changed {
        key: key.name,
        before: old.value.to_toml(),
        after: new.value.to_toml(),
        change: key.change,
    })
}
