//! A setting of a tenant as it is shown.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::time::Time;

/// Where a setting's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// The configuration: the tenant has no value of its own.
    Default,
    /// The operator, for this tenant.
    Operator,
    /// The tenant itself.
    Tenant,
}

impl SettingSource {
    /// The source as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Operator => "operator",
            Self::Tenant => "tenant",
        }
    }
}

/// A setting's value: in JSON of the type that its key has in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SettingValue {
    /// On or off.
    Switch(bool),
    /// A whole number.
    Number(i64),
    /// Whatever has a spelling of its own, such as a duration with its unit.
    Text(String),
    /// Different names.
    Names(Vec<String>),
}

impl SettingValue {
    /// Its type, as an error names it.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Switch(_) => "a boolean",
            Self::Number(_) => "a whole number",
            Self::Text(_) => "a string",
            Self::Names(_) => "an array",
        }
    }
}

impl fmt::Display for SettingValue {
    /// The spelling of a command line: several names are separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => write!(f, "{on}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Names(names) => f.write_str(&names.join(",")),
        }
    }
}

impl<'de> Deserialize<'de> for SettingValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// Reads what may stand in JSON for a value; what its key takes is asked where the key is known.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = SettingValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, a whole number, a string or an array of strings")
    }

    fn visit_bool<E>(self, on: bool) -> Result<SettingValue, E> {
        Ok(SettingValue::Switch(on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<SettingValue, E> {
        Ok(SettingValue::Number(number))
    }

    // What is larger is beyond the bounds of each key all the same.
    fn visit_u64<E>(self, number: u64) -> Result<SettingValue, E> {
        Ok(SettingValue::Number(number.try_into().unwrap_or(i64::MAX)))
    }

    fn visit_str<E>(self, text: &str) -> Result<SettingValue, E> {
        Ok(SettingValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<SettingValue, A::Error> {
        let mut all = Vec::new();
        while let Some(name) = names.next_element()? {
            all.push(name);
        }
        Ok(SettingValue::Names(all))
    }
}

/// What holds for a tenant, one key of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingView {
    /// Slug of the tenant.
    pub tenant: String,
    /// Name of the key, as in the configuration.
    pub key: String,
    /// What holds.
    pub value: SettingValue,
    /// Where that comes from.
    pub source: SettingSource,
    /// Who may set it: `operator`, or `tenant` where the tenant may become stricter by itself.
    pub class: String,
    /// What the tenant may not be looser than; null where it may set nothing, or any that is allowed.
    pub bound: Option<SettingValue>,
    /// The tenant's own value where the bound lets it hold no more: it holds again when that does.
    #[serde(default)]
    pub unused: Option<SettingValue>,
    /// What the operator may set.
    pub allowed: String,
    /// When the value that holds was set for this tenant.
    pub updated_at: Option<Time>,
}
