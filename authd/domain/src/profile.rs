//! Fields of a profile: one parser each, so that what is stored has always passed it (rule 29).

use std::collections::BTreeMap;

use common::text::{self, InvalidText};
use common::view::{Address, Name};

use crate::setting::name_of_reference;

/// Longest part of a name, in code points.
pub const NAME_LIMIT: usize = 100;
/// Longest line of an address, in code points.
pub const LINE_LIMIT: usize = 200;
/// Longest employee id, in code points.
pub const EMPLOYEE_ID_LIMIT: usize = 64;
/// Most external references.
pub const REFS_LIMIT: usize = 16;

/// Form of a telephone number as it is kept (JSON Schema, ECMA-262).
pub const PHONE_PATTERN: &str = r"^\+[1-9][0-9]{7,14}$";
/// Form of a language tag.
pub const LOCALE_PATTERN: &str = "^[a-z]{2,3}(-([A-Z]{2}|[A-Za-z]{4}|[0-9]{3})){0,2}$";
/// Form of a country (ISO 3166-1 alpha-2).
pub const COUNTRY_PATTERN: &str = "^[A-Z]{2}$";
/// Form of a KRA PIN as it is kept.
pub const KRA_PIN_PATTERN: &str = "^[AP][0-9]{9}[A-Z]$";
/// Form of the value of a reference.
pub const REFERENCE_PATTERN: &str = "^[A-Za-z0-9._-]{1,64}$";

/// Why a field was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidField {
    /// A text that is empty, too long or holds forbidden characters.
    #[error("{0}")]
    Text(#[from] InvalidText),
    /// Not E.164.
    #[error("expected a number with its country code, like +254700000000")]
    Phone,
    /// Not a language tag.
    #[error("expected a language tag, like en or sw-KE")]
    Locale,
    /// Not a tax number.
    #[error("expected a letter A or P, nine digits and a letter")]
    KraPin,
    /// Not a country.
    #[error("expected two capital letters, like KE")]
    Country,
    /// A reference's name or value.
    #[error(
        "expected a name of a-z, 0-9 and _ and a value of 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-'"
    )]
    Reference,
}

impl InvalidField {
    /// Stable reason for the `fields` of an error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(InvalidText::Empty) => "empty",
            Self::Text(InvalidText::TooLong { .. }) => "too_long",
            Self::Text(InvalidText::Forbidden) => "forbidden_characters",
            Self::Phone => "invalid_phone",
            Self::Locale => "invalid_locale",
            Self::KraPin => "invalid_kra_pin",
            Self::Country => "invalid_country",
            Self::Reference => "invalid_reference",
        }
    }

    /// The number of code points that the rule is about.
    pub const fn limit(&self) -> Option<usize> {
        match self {
            Self::Text(InvalidText::TooLong { limit }) => Some(*limit),
            _ => None,
        }
    }
}

/// Reads a telephone number in E.164: a plus sign and 8 to 15 digits, the first not zero.
///
/// # Errors
/// [`InvalidField::Phone`].
pub fn phone(given: &str) -> Result<String, InvalidField> {
    let compact: String = given
        .trim()
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '(' | ')'))
        .collect();
    let digits = compact.strip_prefix('+').ok_or(InvalidField::Phone)?;
    let fits = (8..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if fits {
        Ok(compact)
    } else {
        Err(InvalidField::Phone)
    }
}

/// Reads a language tag of language, and optionally script and region (BCP 47's common part).
///
/// # Errors
/// [`InvalidField::Locale`].
pub fn locale(given: &str) -> Result<String, InvalidField> {
    let mut parts = given.trim().split('-');
    let language = parts.next().unwrap_or_default();
    let language_fits =
        (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    let rest: Vec<&str> = parts.collect();
    let rest_fits = rest.len() <= 2
        && rest.iter().all(|part| {
            let is_region = part.len() == 2 && part.bytes().all(|b| b.is_ascii_uppercase());
            let is_script = part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphabetic());
            let is_area = part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit());
            is_region || is_script || is_area
        });
    if language_fits && rest_fits {
        Ok(given.trim().to_owned())
    } else {
        Err(InvalidField::Locale)
    }
}

/// Reads a KRA PIN: a letter A or P, nine digits, a letter; capitals.
///
/// # Errors
/// [`InvalidField::KraPin`].
pub fn kra_pin(given: &str) -> Result<String, InvalidField> {
    let pin = given.trim().to_ascii_uppercase();
    let bytes = pin.as_bytes();
    let fits = bytes.len() == 11
        && matches!(bytes.first(), Some(b'A' | b'P'))
        && bytes.last().is_some_and(u8::is_ascii_uppercase)
        && bytes
            .get(1..10)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    if fits {
        Ok(pin)
    } else {
        Err(InvalidField::KraPin)
    }
}

/// The PIN for those who may not see it: `A•••••••••X`.
pub fn masked_kra_pin(pin: &str) -> String {
    let mut chars = pin.chars();
    let first = chars.next().unwrap_or('•');
    let last = chars.next_back().unwrap_or('•');
    format!("{first}{}{last}", "•".repeat(chars.count()))
}

/// Digits at the end of a telephone number that a masked one shows.
const PHONE_END: usize = 2;
/// Characters at its beginning that a masked one shows.
const PHONE_START: usize = 4;

/// The telephone number for those who may not see it: `+254•••••••00`.
pub fn masked_phone(phone: &str) -> String {
    let length = phone.chars().count();
    let hidden = PHONE_START..length.saturating_sub(PHONE_END);
    let cover = |(place, shown)| {
        if hidden.contains(&place) {
            '•'
        } else {
            shown
        }
    };
    phone.chars().enumerate().map(cover).collect()
}

fn optional(given: Option<&str>, limit: usize) -> Result<Option<String>, InvalidField> {
    given
        .map(|text| text::sanitize(text, limit))
        .transpose()
        .map_err(Into::into)
}

/// Reads a name; the shown one is made of the other two where it is absent.
///
/// # Errors
/// The field's path and what is wrong with it.
pub fn name(given: &Name) -> Result<Name, (&'static str, InvalidField)> {
    let given_name =
        optional(given.given.as_deref(), NAME_LIMIT).map_err(|e| ("/name/given", e))?;
    let family = optional(given.family.as_deref(), NAME_LIMIT).map_err(|e| ("/name/family", e))?;
    let shown = optional(given.display.as_deref(), NAME_LIMIT).map_err(|e| ("/name/display", e))?;
    let composed = match (&given_name, &family) {
        (Some(given), Some(family)) => Some(format!("{given} {family}")),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    Ok(Name {
        given: given_name,
        family,
        display: shown.or(composed),
    })
}

/// Reads a postal address.
///
/// # Errors
/// The field's path and what is wrong with it.
pub fn address(given: &Address) -> Result<Address, (&'static str, InvalidField)> {
    let country = given
        .country
        .as_deref()
        .map(|country| {
            let fits = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
            if fits {
                Ok(country.to_owned())
            } else {
                Err(("/address/country", InvalidField::Country))
            }
        })
        .transpose()?;
    let line = |given: &Option<String>, path| {
        optional(given.as_deref(), LINE_LIMIT).map_err(|error| (path, error))
    };
    Ok(Address {
        line1: line(&given.line1, "/address/line1")?,
        line2: line(&given.line2, "/address/line2")?,
        city: line(&given.city, "/address/city")?,
        region: line(&given.region, "/address/region")?,
        postal_code: line(&given.postal_code, "/address/postal_code")?,
        country,
    })
}

/// Reads an employee id.
///
/// # Errors
/// [`InvalidField::Text`].
pub fn employee_id(given: &str) -> Result<String, InvalidField> {
    text::sanitize(given, EMPLOYEE_ID_LIMIT).map_err(Into::into)
}

/// Reads references to other services; their names must be among `allowed`.
///
/// # Errors
/// [`InvalidField::Reference`].
pub fn external_refs(
    given: &BTreeMap<String, String>,
    allowed: &[String],
) -> Result<BTreeMap<String, String>, InvalidField> {
    let fits = given.len() <= REFS_LIMIT
        && given.iter().all(|(name, value)| {
            allowed.contains(name)
                && (1..=64).contains(&value.len())
                && value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
        });
    if fits {
        Ok(given.clone())
    } else {
        Err(InvalidField::Reference)
    }
}

/// Reads which references users of a list have: `branch_id:7,restaurant_id:12`, all of them. The
/// characters of [`external_refs`] leave colon and comma for this.
///
/// # Errors
/// [`InvalidField::Reference`].
pub fn wanted_refs(text: &str) -> Result<Vec<(String, String)>, InvalidField> {
    let mut wanted = Vec::new();
    for pair in text.split(',') {
        let (name, value) = pair.split_once(':').ok_or(InvalidField::Reference)?;
        let one = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        if name_of_reference(name).is_err() || wanted.len() == REFS_LIMIT {
            return Err(InvalidField::Reference);
        }
        wanted.extend(external_refs(&one, &[name.to_owned()])?);
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s16_wanted_references_are_read_as_pairs() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            wanted_refs("branch_id:b-1,restaurant_id:12"),
            Ok(vec![pair("branch_id", "b-1"), pair("restaurant_id", "12")])
        );
        for bad in [
            "",
            "branch_id",
            "branch_id:",
            ":7",
            "branch_id:7,",
            "branch_id:7:8",
            "Branch:7",
            "branch_id:a b",
            "branch_id:' OR 1=1--",
            "$.x:7",
        ] {
            assert_eq!(wanted_refs(bad), Err(InvalidField::Reference), "{bad}");
        }
    }

    #[test]
    fn phones_are_international() {
        assert_eq!(phone("+254 700-000 000").as_deref(), Ok("+254700000000"));
        for bad in [
            "0700000000",
            "+0700000000",
            "+254",
            "+2547000000000000",
            "+25470000000a",
            "",
        ] {
            assert_eq!(phone(bad), Err(InvalidField::Phone), "{bad}");
        }
    }

    #[test]
    fn pins_have_their_form() {
        assert_eq!(kra_pin("a123456789x").as_deref(), Ok("A123456789X"));
        for bad in [
            "B123456789X",
            "A12345678X",
            "A1234567890",
            "A123456789",
            "Ä123456789X",
        ] {
            assert_eq!(kra_pin(bad), Err(InvalidField::KraPin), "{bad}");
        }
        assert_eq!(masked_kra_pin("A123456789X"), "A•••••••••X");
    }

    #[test]
    fn a_masked_phone_shows_its_country_and_its_end() {
        assert_eq!(masked_phone("+254700123456"), "+254•••••••56");
        // The shortest there is.
        assert_eq!(masked_phone("+12345678"), "+123•••78");
    }

    #[test]
    fn a_name_is_shown_as_its_parts() {
        let given = Name {
            given: Some(" Bob ".to_owned()),
            family: Some("Otieno".to_owned()),
            display: None,
        };
        assert_eq!(name(&given).unwrap().display.as_deref(), Some("Bob Otieno"));
        let bad = Name {
            given: Some("a\u{202E}b".to_owned()),
            ..Name::default()
        };
        assert_eq!(name(&bad).unwrap_err().0, "/name/given");
    }

    #[test]
    fn references_need_a_known_name() {
        let allowed = ["branch_id".to_owned()];
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert!(external_refs(&one("branch_id", "br_3"), &allowed).is_ok());
        assert!(external_refs(&one("adm", "1"), &allowed).is_err());
        assert!(external_refs(&one("branch_id", "a b"), &allowed).is_err());
    }

    #[test]
    fn locales_are_tags() {
        for good in ["en", "sw-KE", "zh-Hant-TW", "es-419"] {
            assert!(locale(good).is_ok(), "{good}");
        }
        for bad in ["", "e", "EN", "en_US", "en-us", "../en"] {
            assert!(locale(bad).is_err(), "{bad}");
        }
    }
}
