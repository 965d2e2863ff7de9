//! Reads the columns of a row in order, and says which one is damaged.
//! Knows types and names of columns, no statements.

use std::str::FromStr;

use common::email::Email;
use common::id::{Id, Kind};
use common::time::Time;
use domain::device::{Device, DeviceType};
use domain::lockout::CounterKey;
use domain::tenant::Slug;
use rusqlite::Row;
use rusqlite::types::{FromSql, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::resource::PageRequest;

/// The columns of one row, taken from left to right.
pub(super) struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub(super) fn new(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as the driver converts it; `what` is its table and name.
    pub(super) fn take<T: FromSql>(&mut self, what: &'static str) -> Result<T, StoreError> {
        let index = self.next;
        self.next = self.next.saturating_add(1);
        self.row
            .get(index)
            .map_err(|_| StoreError::Damaged { what })
    }

    /// The next column by a parser that may refuse it.
    pub(super) fn parse<T: FromSql, R>(
        &mut self,
        what: &'static str,
        parser: impl FnOnce(T) -> Option<R>,
    ) -> Result<R, StoreError> {
        parser(self.take(what)?).ok_or(StoreError::Damaged { what })
    }

    /// The next column by a parser, NULL as none.
    pub(super) fn parse_optional<T: FromSql, R>(
        &mut self,
        what: &'static str,
        parser: impl FnOnce(T) -> Option<R>,
    ) -> Result<Option<R>, StoreError> {
        self.take::<Option<T>>(what)?
            .map(|value| parser(value).ok_or(StoreError::Damaged { what }))
            .transpose()
    }

    pub(super) fn id<K: Kind>(&mut self, what: &'static str) -> Result<Id<K>, StoreError> {
        self.take(what).map(Id::from_bytes)
    }

    pub(super) fn id_optional<K: Kind>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<Id<K>>, StoreError> {
        Ok(self.take::<Option<[u8; 16]>>(what)?.map(Id::from_bytes))
    }

    pub(super) fn time(&mut self, what: &'static str) -> Result<Time, StoreError> {
        self.take(what).map(Time::from_millis)
    }

    pub(super) fn time_optional(&mut self, what: &'static str) -> Result<Option<Time>, StoreError> {
        Ok(self.take::<Option<i64>>(what)?.map(Time::from_millis))
    }

    pub(super) fn key(&mut self, what: &'static str) -> Result<CounterKey, StoreError> {
        self.take(what).map(CounterKey::from_bytes)
    }

    pub(super) fn slug(&mut self, what: &'static str) -> Result<Slug, StoreError> {
        self.parse(what, |text: String| text.parse().ok())
    }

    pub(super) fn email(&mut self, what: &'static str) -> Result<Email, StoreError> {
        self.parse(what, |text: String| text.parse().ok())
    }

    pub(super) fn json<T: DeserializeOwned>(
        &mut self,
        what: &'static str,
    ) -> Result<T, StoreError> {
        self.parse(what, |text: String| serde_json::from_str(&text).ok())
    }

    pub(super) fn json_optional<T: DeserializeOwned>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, StoreError> {
        self.parse_optional(what, |text: String| serde_json::from_str(&text).ok())
    }

    /// What `group_concat` put together, sorted; NULL as nothing. No element has a comma.
    pub(super) fn sorted<T: FromStr + Ord>(
        &mut self,
        what: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let found = self.parse_optional(what, |text: String| {
            text.split(',')
                .map(|part| part.parse().ok())
                .collect::<Option<Vec<T>>>()
        })?;
        let mut found = found.unwrap_or_default();
        found.sort();
        Ok(found)
    }

    /// The three columns of a device: id, name, type.
    pub(super) fn device(&mut self, what: &'static str) -> Result<Option<Device>, StoreError> {
        let id: Option<String> = self.take(what)?;
        let name: Option<String> = self.take(what)?;
        let kind = self.parse_optional(what, |text: String| DeviceType::from_name(&text))?;
        match (id, kind) {
            (Some(id), Some(kind)) => Ok(Some(Device { id, name, kind })),
            (None, None) => Ok(None),
            _ => Err(StoreError::Damaged { what }),
        }
    }
}

/// An unsigned number for a column.
pub(super) fn integer(value: u64, what: &'static str) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Damaged { what })
}

/// A value as JSON text for a column.
pub(super) fn json(value: &impl Serialize, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Damaged { what })
}

/// The id that the page before ended with.
pub(super) fn after_id<K: Kind>(page: &PageRequest) -> Result<Option<Id<K>>, StoreError> {
    page.after
        .as_ref()
        .map(|text| text.parse().map_err(|_| BAD_AFTER))
        .transpose()
}

/// A place in a list that no list of ours gave out.
pub(super) const BAD_AFTER: StoreError = StoreError::Damaged { what: "page.after" };

/// The conditions of a list, put together from fixed texts; values go in as parameters only.
pub(super) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    pub(super) fn new() -> Self {
        Self {
            sql: String::from("1"),
            values: Vec::new(),
        }
    }

    /// Adds a condition whose question marks stand for the values.
    pub(super) fn and(&mut self, condition: &'static str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// Adds a condition where there is a value for it.
    pub(super) fn and_some(&mut self, condition: &'static str, value: Option<Value>) {
        if let Some(value) = value {
            self.and(condition, [value]);
        }
    }

    /// The conditions, to stand after WHERE.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// The values of the conditions, then that of a LIMIT behind them.
    pub(super) fn limited(mut self, limit: u32) -> Vec<Value> {
        self.values.push(Value::Integer(limit.into()));
        self.values
    }
}

/// An id as a value of a condition.
pub(super) fn id_value<K: Kind>(id: Id<K>) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// A counter's key as a value of a condition.
pub(super) fn key_value(key: CounterKey) -> Value {
    Value::Blob(key.as_bytes().to_vec())
}

/// A time as a value of a condition.
pub(super) fn time_value(time: Time) -> Value {
    Value::Integer(time.millis())
}

/// A text as a value of a condition.
pub(super) fn text_value(text: &str) -> Value {
    Value::Text(text.to_owned())
}
