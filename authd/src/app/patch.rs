//! One member of a JSON Merge Patch (RFC 7396): absent, null, or a value.

use serde::{Deserialize, Deserializer};

/// What is to become of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// It was not named, and stays.
    #[default]
    Keep,
    /// It was null, and goes.
    Remove,
    /// It is replaced, or merged into where it has members.
    Set(T),
}

impl<T> Patch<T> {
    /// Changes a value that may be absent.
    pub fn apply(self, value: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Remove => *value = None,
            Self::Set(new) => *value = Some(new),
        }
    }
}

/// Absence is the default of the member; what stands there is null or a value.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Self::Remove, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Body {
        name: Patch<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let of = |text: &str| serde_json::from_str::<Body>(text).unwrap().name;
        assert_eq!(of("{}"), Patch::Keep);
        assert_eq!(of("{\"name\":null}"), Patch::Remove);
        assert_eq!(of("{\"name\":\"a\"}"), Patch::Set("a".to_owned()));
        let after = |text: &str| {
            let mut value = Some("was".to_owned());
            of(text).apply(&mut value);
            value
        };
        assert_eq!(after("{}").as_deref(), Some("was"));
        assert_eq!(after("{\"name\":null}"), None);
        assert_eq!(after("{\"name\":\"a\"}").as_deref(), Some("a"));
    }
}
