//! Keys as they are kept: wrapped. Nothing here opens one.

use common::id::KeyId;
use common::time::Time;
use domain::key::{KeyPurpose, KeyState, StoredKey};
use rusqlite::params;

use super::row::Columns;
use super::tx::Tx;
use crate::error::StoreError;
use crate::resource::{Keys, KeysRead};

fn read(columns: &mut Columns<'_, '_>) -> Result<StoredKey, StoreError> {
    Ok(StoredKey {
        id: columns.id("keys.id")?,
        purpose: columns.parse("keys.purpose", |text: String| KeyPurpose::from_name(&text))?,
        number: columns.take("keys.number")?,
        algorithm: columns.take("keys.algorithm")?,
        state: columns.parse("keys.state", |text: String| KeyState::from_name(&text))?,
        public: columns.take("keys.public")?,
        wrapped: columns.take("keys.wrapped")?,
        created_at: columns.time("keys.created_at")?,
        activates_at: columns.time("keys.activates_at")?,
        retires_at: columns.time_optional("keys.retires_at")?,
        ends_at: columns.time_optional("keys.ends_at")?,
    })
}

impl KeysRead for Tx<'_> {
    fn all(&self) -> Result<Vec<StoredKey>, StoreError> {
        Tx::all(
            self,
            "keys.all",
            "SELECT id, purpose, number, algorithm, state, public, wrapped, created_at, \
             activates_at, retires_at, ends_at \
             FROM keys WHERE state <> 'gone' ORDER BY purpose, number",
            [],
            read,
        )
    }

    fn of(
        &self,
        purpose: KeyPurpose,
        before: u32,
        limit: u32,
    ) -> Result<Vec<StoredKey>, StoreError> {
        Tx::all(
            self,
            "keys.of",
            "SELECT id, purpose, number, algorithm, state, public, wrapped, created_at, \
             activates_at, retires_at, ends_at \
             FROM keys WHERE purpose = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3",
            params![purpose.as_str(), before, limit],
            read,
        )
    }

    fn by_id(&self, id: KeyId) -> Result<Option<StoredKey>, StoreError> {
        self.one(
            "keys.by_id",
            "SELECT id, purpose, number, algorithm, state, public, wrapped, created_at, \
             activates_at, retires_at, ends_at \
             FROM keys WHERE id = ?1",
            params![id.as_bytes()],
            read,
        )
    }
}

impl Keys for Tx<'_> {
    fn insert(&self, key: &StoredKey) -> Result<(), StoreError> {
        self.run(
            "keys.insert",
            "INSERT INTO keys (id, purpose, number, algorithm, state, public, wrapped, \
             created_at, activates_at, retires_at, ends_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                key.id.as_bytes(),
                key.purpose.as_str(),
                key.number,
                key.algorithm,
                key.state.as_str(),
                key.public,
                key.wrapped,
                key.created_at.millis(),
                key.activates_at.millis(),
                key.retires_at.map(Time::millis),
                key.ends_at.map(Time::millis),
            ],
        )
        .map(drop)
    }

    fn update(&self, key: &StoredKey) -> Result<bool, StoreError> {
        self.run(
            "keys.update",
            "UPDATE keys SET state = ?2, wrapped = ?3, activates_at = ?4, retires_at = ?5, \
             ends_at = ?6 WHERE id = ?1",
            params![
                key.id.as_bytes(),
                key.state.as_str(),
                key.wrapped,
                key.activates_at.millis(),
                key.retires_at.map(Time::millis),
                key.ends_at.map(Time::millis),
            ],
        )
        .map(|changed| changed > 0)
    }
}
