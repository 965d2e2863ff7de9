//! The signed-in user's own account: to read, and what of its profile a user may change.

use common::view::{Address, Name};
use domain::profile::{self, InvalidField};
use domain::user::User;
use schemars::JsonSchema;
use serde::Deserialize;
use store::Priority;

use crate::app::again::{self, Who};
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::user::{made_name, own};
use crate::app::{App, Caller, Error};

/// A change of one's own profile: these fields and no other (rule 29).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProfilePatch {
    /// Name of the person; its members are merged.
    pub name: Patch<NamePatch>,
    /// E.164.
    #[schemars(regex(pattern = profile::PHONE_PATTERN))]
    pub phone: Patch<String>,
    /// Postal address; its members are merged.
    pub address: Patch<AddressPatch>,
    /// BCP 47 tag.
    #[schemars(regex(pattern = profile::LOCALE_PATTERN))]
    pub locale: Patch<String>,
}

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

/// The caller's own user.
///
/// # Errors
/// `not_found` if it was deleted this very moment; `unavailable`.
pub async fn show(app: &App, caller: &Caller) -> Result<User, Error> {
    let (tenant, user) = (caller.tenant_id, caller.user_id);
    app.store
        .read(move |tx| tx.tenant(tenant).users().by_id(user))
        .await
        .map_err(Error::from)?
        .ok_or_else(Error::not_found)
}

/// Changes the caller's own profile; the answer is the user as it is then.
///
/// # Errors
/// `validation_failed` for a value that breaks a rule, `precondition_failed` if the user is another
/// than `expected` knows; whatever ended the session meanwhile.
pub async fn update(
    app: &App,
    caller: &Caller,
    patch: ProfilePatch,
    expected: Expected,
) -> Result<User, Error> {
    let now = app.now();
    let grace = app.settings().expiry_grace;
    let by = caller.clone();
    app.store
        .write(Priority::Normal, caller.client.claim.clone(), move |tx| {
            let (_, before) = again::look(tx, Who::from(&by), now, grace)??;
            expected.check(&own(&before))?;
            let mut after = with(&before, patch.clone())?;
            if after != before {
                after.updated_at = now;
                let rows = tx.tenant_mut(by.tenant_id);
                rows.users_mut().set_profile(&after)?;
            }
            Ok(after)
        })
        .await
}

/// The user with what was asked for in it, each value checked.
fn with(before: &User, patch: ProfilePatch) -> Result<User, Error> {
    let mut after = before.clone();
    after.name = name(&before.name, patch.name)?;
    after.address = address(before.address.as_ref(), patch.address)?;
    checked("/phone", patch.phone, profile::phone)?.apply(&mut after.phone);
    checked("/locale", patch.locale, profile::locale)?.apply(&mut after.locale);
    Ok(after)
}

fn checked(
    path: &'static str,
    patch: Patch<String>,
    read: impl Fn(&str) -> Result<String, InvalidField>,
) -> Result<Patch<String>, Error> {
    match patch {
        Patch::Set(given) => read(&given)
            .map(Patch::Set)
            .map_err(|error| Error::invalid_field(path, &error)),
        other => Ok(other),
    }
}

fn name(before: &Name, patch: Patch<NamePatch>) -> Result<Name, Error> {
    let mut after = before.clone();
    match patch {
        Patch::Keep => return Ok(after),
        Patch::Unset => after = Name::default(),
        Patch::Set(patch) => {
            // A shown name that nobody chose follows the others.
            if after.display == made_name(before)? {
                after.display = None;
            }
            patch.given.apply(&mut after.given);
            patch.family.apply(&mut after.family);
            patch.display.apply(&mut after.display);
        }
    }
    profile::name(&after).map_err(|(path, error)| Error::invalid_field(path, &error))
}

fn address(before: Option<&Address>, patch: Patch<AddressPatch>) -> Result<Option<Address>, Error> {
    let mut after = before.cloned().unwrap_or_default();
    match patch {
        Patch::Keep => return Ok(before.cloned()),
        Patch::Unset => return Ok(None),
        Patch::Set(patch) => {
            patch.line1.apply(&mut after.line1);
            patch.line2.apply(&mut after.line2);
            patch.city.apply(&mut after.city);
            patch.region.apply(&mut after.region);
            patch.postal_code.apply(&mut after.postal_code);
            patch.country.apply(&mut after.country);
        }
    }
    let after =
        profile::address(&after).map_err(|(path, error)| Error::invalid_field(path, &error))?;
    Ok((after != Address::default()).then_some(after))
}
