//! Values from environment variables: `AUTHD_API__LISTEN` is `api.listen`; lists have commas.
//! Takes the variables as given; never asks the process for them.

use common::suggest::nearest;

use super::fault::{Fault, Origin};
use super::key::Key;
use super::read;
use super::value::Values;
use super::{all_keys, find};

/// How every variable of authd begins. Other names with it stop the start.
pub const PREFIX: &str = "AUTHD_";

/// Puts the variables over what is there; returns what is wrong with them.
pub(super) fn apply(variables: &[(String, String)], values: &mut Values) -> Vec<Fault> {
    let mut ours: Vec<_> = variables
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    ours.sort();
    ours.into_iter()
        .filter_map(|(name, text)| apply_one(name, text, values).err())
        .map(|fault| *fault)
        .collect()
}

fn apply_one(name: &str, text: &str, values: &mut Values) -> Result<(), Box<Fault>> {
    let origin = Origin::Environment(name.to_owned());
    let key = key_of(name).ok_or_else(|| Box::new(unknown(name).at(origin.clone())))?;
    let fault = |why: String| {
        let fault = Fault::new(format!("\"{}\" {why}", key.name));
        Box::new(fault.of(key.name).at(origin.clone()))
    };
    if key.names_credential() {
        return Err(Box::new(fault("is not taken from the environment".to_owned()).hint(
            "It says which credential to use: set it in a file, beside LoadCredential= in the unit.",
        )));
    }
    // Also what is left of bytes that were no UTF-8.
    if text.contains('\u{FFFD}') {
        return Err(fault("expected text in UTF-8".to_owned()));
    }
    let value = read::from_text(key.kind, text).map_err(fault)?;
    values.set(key.name, value, origin);
    Ok(())
}

fn key_of(variable: &str) -> Option<&'static Key> {
    let name = variable.strip_prefix(PREFIX)?.replace("__", ".");
    find(&name.to_ascii_lowercase()).filter(|key| key.variable() == variable)
}

fn unknown(name: &str) -> Fault {
    let variables: Vec<String> = all_keys().map(Key::variable).collect();
    let fault = Fault::new("names no key of the configuration").of(name);
    match nearest(name, variables.iter().map(String::as_str)) {
        Some(near) => fault.hint(format!("Did you mean {near}? Reference: man 5 authd.toml")),
        None => fault.hint(
            "Variables that begin with AUTHD_ are settings alone, as AUTHD_API__LISTEN. \
             Reference: man 5 authd.toml",
        ),
    }
}
