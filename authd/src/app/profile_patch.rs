//! What a merge patch does to a profile: the same for users themselves and for those who administer
//! them. Each value is checked as at its making; who may change what is decided elsewhere.

use common::view::{Address, Name};
use domain::profile::{self, InvalidField};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::Error;
use crate::app::patch::Patch;
use crate::app::user::made_name;

/// A change of a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NamePatch {
    #[schemars(length(min = 1, max = profile::NAME_LIMIT))]
    given: Patch<String>,
    #[schemars(length(min = 1, max = profile::NAME_LIMIT))]
    family: Patch<String>,
    #[schemars(length(min = 1, max = profile::NAME_LIMIT))]
    display: Patch<String>,
}

/// A change of a postal address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AddressPatch {
    #[schemars(length(min = 1, max = profile::LINE_LIMIT))]
    line1: Patch<String>,
    #[schemars(length(min = 1, max = profile::LINE_LIMIT))]
    line2: Patch<String>,
    #[schemars(length(min = 1, max = profile::LINE_LIMIT))]
    city: Patch<String>,
    #[schemars(length(min = 1, max = profile::LINE_LIMIT))]
    region: Patch<String>,
    #[schemars(length(min = 1, max = profile::LINE_LIMIT))]
    postal_code: Patch<String>,
    #[schemars(regex(pattern = profile::COUNTRY_PATTERN))]
    country: Patch<String>,
}

/// The name with what was asked for in it.
///
/// # Errors
/// `validation_failed`.
pub fn name(patch: &Patch<NamePatch>, before: &Name) -> Result<Name, Error> {
    let patch = match patch {
        Patch::Keep => return Ok(before.clone()),
        Patch::Unset => return Ok(Name::default()),
        Patch::Set(patch) => patch,
    };
    let mut name = before.clone();
    // A shown name that nobody chose follows the others.
    if before.display == made_name(before)? {
        name.display = None;
    }
    put(&patch.given, &mut name.given);
    put(&patch.family, &mut name.family);
    put(&patch.display, &mut name.display);
    profile::name(&name).map_err(|(path, error)| Error::invalid_field(path, &error))
}

/// The address with what was asked for in it; none where nothing is left.
///
/// # Errors
/// `validation_failed`.
pub fn address(
    patch: &Patch<AddressPatch>,
    before: Option<&Address>,
) -> Result<Option<Address>, Error> {
    let patch = match patch {
        Patch::Keep => return Ok(before.cloned()),
        Patch::Unset => return Ok(None),
        Patch::Set(patch) => patch,
    };
    let mut address = before.cloned().unwrap_or_default();
    put(&patch.line1, &mut address.line1);
    put(&patch.line2, &mut address.line2);
    put(&patch.city, &mut address.city);
    put(&patch.region, &mut address.region);
    put(&patch.postal_code, &mut address.postal_code);
    put(&patch.country, &mut address.country);
    let address =
        profile::address(&address).map_err(|(path, error)| Error::invalid_field(path, &error))?;
    Ok((address != Address::default()).then_some(address))
}

/// A text that is checked with all others of its object.
fn put(patch: &Patch<String>, text: &mut Option<String>) {
    patch.clone().apply(text);
}

/// A text that has a form of its own.
///
/// # Errors
/// `validation_failed` at `path`.
pub fn text(
    patch: &Patch<String>,
    text: &mut Option<String>,
    path: &'static str,
    read: fn(&str) -> Result<String, InvalidField>,
) -> Result<(), Error> {
    match patch {
        Patch::Keep => {}
        Patch::Unset => *text = None,
        Patch::Set(value) => {
            let value = read(value).map_err(|error| Error::invalid_field(path, &error))?;
            *text = Some(value);
        }
    }
    Ok(())
}
