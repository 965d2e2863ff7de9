//! Members of a JSON Merge Patch (RFC 7396): absent ones keep, null takes away, anything else is set.
//! The structs of a patch are `#[serde(default)]`, which makes what is absent.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// What a patch says of one member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Nothing.
    #[default]
    Keep,
    /// It goes.
    Unset,
    /// It becomes this, or where it is an object it is patched by this.
    Set(T),
}

impl<T> Patch<T> {
    /// Changes a value that may be absent.
    pub fn apply(self, value: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Unset => *value = None,
            Self::Set(new) => *value = Some(new),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Patch_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<T>::deserialize(deserializer)?;
        Ok(value.map_or(Self::Unset, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Sample {
        name: Patch<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let name = |text: &str| serde_json::from_str::<Sample>(text).unwrap().name;
        assert_eq!(name("{}"), Patch::Keep);
        assert_eq!(name(r#"{"name": null}"#), Patch::Unset);
        assert_eq!(name(r#"{"name": "new"}"#), Patch::Set("new".to_owned()));
        let after = |text: &str| {
            let mut value = Some("was".to_owned());
            name(text).apply(&mut value);
            value
        };
        assert_eq!(after("{}").as_deref(), Some("was"));
        assert_eq!(after(r#"{"name": null}"#), None);
        assert_eq!(after(r#"{"name": "new"}"#).as_deref(), Some("new"));
    }
}
