//! `--filter KEY=VALUE` on the fields of an item, as they stand in its JSON.
//! A key that the list does not have is an error with the names, never an empty answer.

use std::str::FromStr;

use serde_json::Value;

use crate::error::Error;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    /// `KEY=VALUE`
    Is,
    /// `KEY!=VALUE`
    IsNot,
    /// `KEY~=PART`, in any case of letters.
    Contains,
}

/// One test of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Field, with dots between levels.
    pub(crate) key: String,
    /// How it is compared.
    pub(crate) test: Test,
    /// With what.
    pub(crate) value: String,
}

impl FromStr for Filter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "expected KEY=VALUE, KEY!=VALUE or KEY~=PART";
        let (left, value) = text.split_once('=').ok_or(FORM)?;
        let (key, test) = match left.strip_suffix('!') {
            Some(key) => (key, Test::IsNot),
            None => match left.strip_suffix('~') {
                Some(key) => (key, Test::Contains),
                None => (left, Test::Is),
            },
        };
        if key.trim().is_empty() {
            return Err(FORM);
        }
        Ok(Self {
            key: key.trim().to_owned(),
            test,
            value: value.to_owned(),
        })
    }
}

impl Filter {
    /// Whether an item passes.
    pub(crate) fn passes(&self, item: &Value) -> bool {
        let texts = texts(field(item, &self.key));
        match self.test {
            Test::Is => texts.contains(&self.value),
            Test::IsNot => !texts.contains(&self.value),
            Test::Contains => {
                let part = self.value.to_lowercase();
                texts.iter().any(|text| text.to_lowercase().contains(&part))
            }
        }
    }
}

/// Refuses a filter whose key none of the list's items can have.
///
/// # Errors
/// A wrong command line, with the names.
pub(crate) fn check(filters: &[Filter], keys: &[&'static str]) -> Result<(), Error> {
    for filter in filters {
        // A key that ends in a dot stands for names that the data chooses.
        let known = keys
            .iter()
            .any(|key| *key == filter.key || (key.ends_with('.') && filter.key.starts_with(key)));
        if known {
            continue;
        }
        let error = Error::usage(format!("unknown key \"{}\" in --filter", filter.key));
        let error = match common::suggest::nearest(&filter.key, keys.iter().copied()) {
            Some(near) => error.hint(format!("Did you mean \"{near}\"?")),
            None => error,
        };
        return Err(error.hint(format!("Keys: {}", keys.join(", "))));
    }
    Ok(())
}

fn field<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(item, |value, part| value.get(part))
}

/// The texts that a field stands for; nothing set is the empty text.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        None | Some(Value::Null) => vec![String::new()],
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(values)) => values.iter().flat_map(|v| texts(Some(v))).collect(),
        Some(other) => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passes(filter: &str) -> bool {
        let item = json!({"email": "Bob@acme.test", "roles": ["a", "b"], "admin": true,
            "name": {"given": null}, "count": 3});
        filter.parse::<Filter>().unwrap().passes(&item)
    }

    #[test]
    fn fields_are_compared_as_they_stand_in_json() {
        for filter in [
            "email~=bob",
            "roles=b",
            "roles!=c",
            "admin=true",
            "name.given=",
            "count=3",
            "count!=4",
        ] {
            assert!(passes(filter), "{filter}");
        }
        for filter in [
            "email=bob",
            "roles=c",
            "roles!=a",
            "name.given~=x",
            "admin=yes",
        ] {
            assert!(!passes(filter), "{filter}");
        }
    }

    #[test]
    fn unknown_keys_name_the_known_ones() {
        let filter: Filter = "emial=x".parse().unwrap();
        let error = check(&[filter], &["email", "external_refs."]).unwrap_err();
        let text = error.render(false, false);
        assert!(
            text.contains("Did you mean \"email\"?") && text.contains("Keys: email"),
            "{text}"
        );
        check(&["external_refs.x=1".parse().unwrap()], &["external_refs."]).unwrap();
        assert!("novalue".parse::<Filter>().is_err() && "=x".parse::<Filter>().is_err());
    }
}
