//! Pages of lists: how many rows, from where, and the opaque key of the next page.
//! A cursor is the place of the last row, encrypted and bound to the call and its filters: one that was
//! made up or belongs to another list is refused, nobody reads an address in it, and it is good when the
//! row that it stands behind is gone.

use std::sync::Arc;

use common::call::{AdminCall, Paging};
use common::error::ErrorCode;
use common::view::Page;
use data_encoding::BASE64URL_NOPAD;
use store::{PageRequest, StoreError, UserRow};

use crate::app::{Administrator, By, Caller, Error};
use crate::crypto::KeyRing;

/// Most rows of one page, and the number where none is asked for.
pub const LIMIT: u32 = 200;
/// Rows of one page over HTTP, where no number is asked for.
const OWN_LIMIT: u32 = 50;
/// Longest cursor that is looked at, in bytes.
const CURSOR_LIMIT_BYTES: usize = 1024;
/// Reads that one page may take where rows are dropped after reading: then it ends early, with a
/// cursor, so that no call holds a reader for long.
const READS: u32 = 25;

/// The part of one list that was asked for.
pub struct Place {
    keys: Arc<KeyRing>,
    /// Call and filters, which the cursor is bound to.
    query: Vec<u8>,
    limit: usize,
    /// Place of the last row of the page before.
    pub after: Option<String>,
}

impl Place {
    /// Checks what a call asks for.
    ///
    /// # Errors
    /// `validation_failed` for a limit outside 1 to 200, `invalid_cursor` for a cursor of another
    /// list or of nobody.
    pub fn of<C: AdminCall>(keys: &Arc<KeyRing>, call: &C, paging: &Paging) -> Result<Self, Error> {
        let query = query(&[C::NAME.as_bytes(), &filters(call)?]);
        Self::within(keys, query, LIMIT, paging)
    }

    /// Checks what whoever administers asks for. An administrator's cursor is bound to the tenant and
    /// who asks beside the call and its filters.
    ///
    /// # Errors
    /// As [`Place::of`].
    pub fn by<C: AdminCall>(
        keys: &Arc<KeyRing>,
        by: By<'_>,
        call: &C,
        paging: &Paging,
    ) -> Result<Self, Error> {
        let Some(administrator) = by.administrator() else {
            return Self::of(keys, call, paging);
        };
        let query = query(&[
            C::NAME.as_bytes(),
            &filters(call)?,
            administrator.tenant_id.as_bytes(),
            administrator.agent.id_bytes(),
        ]);
        Self::within(keys, query, OWN_LIMIT, paging)
    }

    /// The same for a list that only administrators have, and that no call stands for.
    ///
    /// # Errors
    /// As [`Place::of`].
    pub fn of_administrator(
        keys: &Arc<KeyRing>,
        list: &str,
        administrator: &Administrator,
        paging: &Paging,
    ) -> Result<Self, Error> {
        let query = query(&[
            list.as_bytes(),
            administrator.agent.tenant_id().as_bytes(),
            administrator.agent.id_bytes(),
        ]);
        Self::within(keys, query, OWN_LIMIT, paging)
    }

    /// Checks what a signed-in user asks for of one of its own lists. A cursor is bound to the
    /// list, the tenant and the user.
    ///
    /// # Errors
    /// As [`Place::of`].
    pub fn of_own(
        keys: &Arc<KeyRing>,
        list: &str,
        caller: &Caller,
        paging: &Paging,
    ) -> Result<Self, Error> {
        let query = query(&[
            list.as_bytes(),
            caller.tenant_id.as_bytes(),
            caller.user_id.as_bytes(),
        ]);
        Self::within(keys, query, OWN_LIMIT, paging)
    }

    fn within(
        keys: &Arc<KeyRing>,
        query: Vec<u8>,
        default_limit: u32,
        paging: &Paging,
    ) -> Result<Self, Error> {
        let limit = paging.limit.unwrap_or(default_limit);
        if !(1..=LIMIT).contains(&limit) {
            return Err(Error::field(
                "/limit",
                "out_of_range",
                format!("expected a number from 1 to {LIMIT}"),
            ));
        }
        let mut place = Self {
            keys: Arc::clone(keys),
            query,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            after: None,
        };
        if let Some(cursor) = &paging.cursor {
            place.after = Some(place.open(cursor).ok_or_else(invalid)?);
        }
        Ok(place)
    }

    /// Reads the rows of the page that `keep` keeps, and the place where the next one starts; none
    /// on the last page. `key` is the place of a row as the store sorts them.
    ///
    /// # Errors
    /// Those of `fetch`.
    pub fn collect<R>(
        &self,
        key: impl Fn(&R) -> String,
        keep: impl Fn(&R) -> bool,
        fetch: impl Fn(&PageRequest) -> Result<Vec<R>, StoreError>,
    ) -> Result<(Vec<R>, Option<String>), StoreError> {
        let chunk = self.limit.saturating_add(1).min(LIMIT as usize);
        let mut after = self.after.clone();
        let mut kept = Vec::new();
        for _ in 0..READS {
            let rows = fetch(&PageRequest {
                limit: u32::try_from(chunk).unwrap_or(LIMIT),
                after: after.clone(),
            })?;
            let is_last = rows.len() < chunk;
            for row in rows {
                let keeps = keep(&row);
                if keeps && kept.len() == self.limit {
                    return Ok((kept, after));
                }
                after = Some(key(&row));
                if keeps {
                    kept.push(row);
                }
            }
            if is_last {
                return Ok((kept, None));
            }
        }
        Ok((kept, after))
    }

    /// Most rows of the page.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Puts the page together.
    pub fn page<T>(&self, items: Vec<T>, next: Option<&str>) -> Page<T> {
        Page {
            items,
            next_cursor: next.map(|place| self.seal(place)),
        }
    }

    /// Where no cursor can be made the empty text stands, which the next call refuses: an end that is none
    /// must not look like one.
    fn seal(&self, place: &str) -> String {
        let sealed = self.keys.seal_cursor(&self.query, place.as_bytes());
        sealed.map_or_else(|_| String::new(), |sealed| BASE64URL_NOPAD.encode(&sealed))
    }

    fn open(&self, cursor: &str) -> Option<String> {
        if cursor.len() > CURSOR_LIMIT_BYTES {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let place = self.keys.open_cursor(&self.query, &bytes)?;
        String::from_utf8(place).ok()
    }
}

/// What a call is narrowed to, without the place.
fn filters<C: AdminCall>(call: &C) -> Result<Vec<u8>, Error> {
    let mut filters = serde_json::to_value(call).map_err(Error::internal)?;
    if let Some(fields) = filters.as_object_mut() {
        fields.remove("cursor");
        fields.remove("limit");
    }
    serde_json::to_vec(&filters).map_err(Error::internal)
}

/// The refusal of a cursor that does not belong to the call.
pub fn invalid() -> Error {
    Error::new(
        ErrorCode::InvalidCursor,
        "the cursor does not belong to this call and its filters; start without one",
    )
}

/// Place of a user in the store's order.
pub fn user_key(row: &UserRow) -> String {
    format!("{}/{}", row.tenant, row.user.email)
}

/// What a cursor is bound to, length-prefixed so that nothing can run into what follows.
fn query(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
