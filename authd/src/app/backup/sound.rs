//! Whether a copy can be the database: the key at hand opens its keys, and its audit chains are whole.

use store::{ReadTx, StoreError};

use super::OpenKeys;
use crate::app::audit;
use crate::app::key::WRAP_KEY_ID;

/// Id of the key that wraps the keys of a copy.
///
/// # Errors
/// Those of the store.
pub fn wrap_key_id(tx: &dyn ReadTx) -> Result<Option<String>, StoreError> {
    let id = tx.meta().value(WRAP_KEY_ID)?;
    Ok(id.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// What stands against a copy, a line each.
pub fn soundness(tx: &dyn ReadTx, open_keys: &OpenKeys) -> Vec<String> {
    match look(tx, open_keys) {
        Ok(problems) => problems,
        Err(error) => vec![format!("it cannot be read: {error}")],
    }
}

fn look(tx: &dyn ReadTx, open_keys: &OpenKeys) -> Result<Vec<String>, StoreError> {
    let stored = tx.keys().all()?;
    let keys = match open_keys(&stored) {
        Ok(keys) => keys,
        Err(why) => {
            let id = wrap_key_id(tx)?.unwrap_or_else(|| "?".to_owned());
            return Ok(vec![format!(
                "the wrap key at hand does not open its keys, which {id} wraps: {why}"
            )]);
        }
    };
    audit::broken_chains(tx, &keys)
}
