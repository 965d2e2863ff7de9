//! Checked values by key, each with where it came from, and how the sections take them out.
//! A value here has passed the bounds of its key; the sections only turn it into its Rust type.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use common::units::format_duration;

use super::fault::{Fault, Origin};

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// No value, and none by default.
    Unset,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(u64),
    /// A length of time.
    Duration(Duration),
    /// Bytes.
    Size(u64),
    /// A text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
    /// Path prefixes with their time limits; none where there is no limit.
    Timeouts(BTreeMap<String, Option<Duration>>),
}

impl Value {
    /// The value as TOML; empty if unset.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Unset => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Duration(value) => quote(&format_duration(*value)),
            Self::Size(value) => quote(&format_size(*value)),
            Self::Text(value) => quote(value),
            Self::List(values) => {
                let items: Vec<String> = values.iter().map(|value| quote(value)).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Timeouts(limits) if limits.is_empty() => "{}".to_owned(),
            Self::Timeouts(limits) => {
                let pairs: Vec<String> = limits
                    .iter()
                    .map(|(prefix, limit)| {
                        let limit = limit.map_or_else(|| "none".to_owned(), format_duration);
                        format!("{} = {}", quote(prefix), quote(&limit))
                    })
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
        }
    }
}

/// A text as a TOML basic string.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A size with the largest unit that divides it.
pub(super) fn format_size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        let whole = bytes >> shift;
        if whole > 0 && whole << shift == bytes {
            return format!("{whole}{unit}");
        }
    }
    format!("{bytes}B")
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// The values of all keys, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values(BTreeMap<&'static str, Entry>);

impl Values {
    /// Sets a key; the former value is gone, lists are not joined.
    pub fn set(&mut self, key: &'static str, value: Value, origin: Origin) {
        self.0.insert(key, Entry { value, origin });
    }

    /// A key's value and its origin.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    /// Where a key's value came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.entry(key)
            .map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// Whether a key has a value.
    pub fn is_set(&self, key: &str) -> bool {
        self.entry(key)
            .is_some_and(|entry| entry.value != Value::Unset)
    }

    #[cfg(test)]
    pub(super) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// A switch.
    ///
    /// # Errors
    /// A fault of this program: the key is not defined as such. So for all that follow.
    pub fn bool(&self, key: &str) -> Result<bool, Fault> {
        match self.value(key)? {
            Value::Bool(value) => Ok(*value),
            _ => Err(mismatch(key)),
        }
    }

    /// A whole number, of the type asked for.
    ///
    /// # Errors
    /// As [`Values::bool`]; also if the type does not hold the bounds of the key.
    pub fn number<T: TryFrom<u64>>(&self, key: &str) -> Result<T, Fault> {
        match self.value(key)? {
            Value::Integer(value) => T::try_from(*value).map_err(|_| mismatch(key)),
            _ => Err(mismatch(key)),
        }
    }

    /// A length of time.
    ///
    /// # Errors
    /// As [`Values::bool`].
    pub fn duration(&self, key: &str) -> Result<Duration, Fault> {
        match self.value(key)? {
            Value::Duration(value) => Ok(*value),
            _ => Err(mismatch(key)),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// As [`Values::bool`].
    pub fn size(&self, key: &str) -> Result<u64, Fault> {
        match self.value(key)? {
            Value::Size(value) => Ok(*value),
            _ => Err(mismatch(key)),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Values::bool`].
    pub fn text(&self, key: &str) -> Result<String, Fault> {
        match self.value(key)? {
            Value::Text(value) => Ok(value.clone()),
            _ => Err(mismatch(key)),
        }
    }

    /// A text of a key that may be unset.
    ///
    /// # Errors
    /// As [`Values::bool`].
    pub fn optional(&self, key: &str) -> Result<Option<String>, Fault> {
        match self.value(key)? {
            Value::Unset => Ok(None),
            Value::Text(value) => Ok(Some(value.clone())),
            _ => Err(mismatch(key)),
        }
    }

    /// Several texts.
    ///
    /// # Errors
    /// As [`Values::bool`].
    pub fn list(&self, key: &str) -> Result<Vec<String>, Fault> {
        match self.value(key)? {
            Value::List(values) => Ok(values.clone()),
            _ => Err(mismatch(key)),
        }
    }

    /// Path prefixes with their time limits.
    ///
    /// # Errors
    /// As [`Values::bool`].
    pub fn timeouts(&self, key: &str) -> Result<BTreeMap<String, Option<Duration>>, Fault> {
        match self.value(key)? {
            Value::Timeouts(limits) => Ok(limits.clone()),
            _ => Err(mismatch(key)),
        }
    }

    /// A text read by its type.
    ///
    /// # Errors
    /// As [`Values::bool`]; also what the type refuses.
    pub fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, Fault> {
        let text = self.text(key)?;
        text.parse().map_err(|e| self.refused(key, &e))
    }

    /// Several texts, each read by a function.
    ///
    /// # Errors
    /// As [`Values::bool`]; also what the function refuses.
    pub fn each<T, E: Display>(
        &self,
        key: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Fault> {
        self.list(key)?
            .iter()
            .map(|text| read(text).map_err(|e| self.refused(key, &e)))
            .collect()
    }

    /// A fault of a key's value, with the place that the value came from.
    pub fn refused(&self, key: &str, why: &dyn Display) -> Fault {
        Fault::new(format!("\"{key}\" {why}"))
            .of(key)
            .at(self.origin(key))
    }

    fn value(&self, key: &str) -> Result<&Value, Fault> {
        self.entry(key)
            .map(|entry| &entry.value)
            .ok_or_else(|| mismatch(key))
    }
}

/// The definition of a key and the section that takes it do not agree: a defect of this program,
/// which the tests rule out for every key.
fn mismatch(key: &str) -> Fault {
    Fault::new(format!("\"{key}\" is not defined as its section reads it")).of(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_with_the_largest_whole_unit() {
        assert_eq!(format_size(0), "0B");
        assert_eq!(format_size(1 << 20), "1MiB");
        assert_eq!(format_size((1 << 20) + 1024), "1025KiB");
        assert_eq!(format_size(1500), "1500B");
    }

    #[test]
    fn texts_are_quoted_so_that_toml_reads_them_back() {
        for text in ["plain", "quote \" and \\", "ünï", "tab\t", ""] {
            let document = format!("key = {}", Value::Text(text.to_owned()).to_toml());
            let table: toml::Table = document.parse().unwrap();
            assert_eq!(table["key"].as_str(), Some(text));
        }
    }
}
