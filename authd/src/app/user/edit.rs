//! Changing a user over the API by a merge patch: each value is checked as at its making. The e-mail
//! is not among them: one that nobody has verified gives no right over it (rule 25).

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::UserRef;
use common::view::{Address, EmployeeView, Name, UserView};
use domain::profile::{self, InvalidField};
use domain::setting::TenantSettings;
use domain::user::User;
use schemars::JsonSchema;
use serde::Deserialize;

use super::create::{Paths, references};
use super::set::{change, made_of, read};
use super::view::{self, Detail};
use super::{act, again, by_id};
use crate::app::audit::Record;
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::{Administrator, App, By, Error};

/// A merge patch of a user.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "UserPatch")]
pub struct Edit {
    name: Patch<NameEdit>,
    #[schemars(regex(pattern = profile::PHONE_PATTERN))]
    phone: Patch<String>,
    address: Patch<AddressEdit>,
    #[schemars(regex(pattern = profile::LOCALE_PATTERN))]
    locale: Patch<String>,
    employee: Patch<EmployeeEdit>,
    external_refs: Patch<BTreeMap<String, Patch<String>>>,
    #[schemars(extend("x-rule" = 14))]
    is_tenant_admin: Patch<bool>,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct NameEdit {
    #[schemars(length(min = 1, max = profile::NAME_LIMIT))]
    given: Patch<String>,
    #[schemars(length(min = 1, max = profile::NAME_LIMIT))]
    family: Patch<String>,
    #[schemars(length(min = 1, max = profile::NAME_LIMIT))]
    display: Patch<String>,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct AddressEdit {
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

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct EmployeeEdit {
    #[schemars(length(min = 1, max = profile::EMPLOYEE_ID_LIMIT))]
    employee_id: Patch<String>,
    #[schemars(regex(pattern = profile::KRA_PIN_PATTERN))]
    kra_pin: Patch<String>,
}

/// Changes what a patch names of a user; sessions go on.
///
/// # Errors
/// `not_found`; `precondition_failed`; `validation_failed`; `permission_denied`,
/// `reauthentication_required` for the flag; `last_admin`.
pub async fn edit(
    app: &Arc<App>,
    administrator: &Administrator,
    reference: UserRef,
    edit: Edit,
    expected: Expected,
) -> Result<UserView, Error> {
    let by = By::Administrator(administrator);
    let record = Record::draw(app, by, app.now(), None)?;
    let (found, settings) = read(app, by.reach(), reference).await?;
    let (act, detail) = (act("user.set", &found), Detail::of_one(administrator));
    record
        .write(app, move |tx, permit| {
            let before = again(tx, permit, &act, found.user.id)?;
            expected.check(&view::one(&before, detail))?;
            let after = edit.applied(&before, &settings)?;
            change(tx, permit, &act, &before, after)?;
            Ok(view::one(&by_id(tx, &act, before.id)?, detail))
        })
        .await
}

impl Edit {
    fn applied(&self, before: &User, settings: &TenantSettings) -> Result<User, Error> {
        let mut after = before.clone();
        after.name = self.named(&before.name)?;
        text(&self.phone, &mut after.phone, "/phone", profile::phone)?;
        text(&self.locale, &mut after.locale, "/locale", profile::locale)?;
        after.address = self.addressed(before.address.clone())?;
        self.employ(&mut after.employee)?;
        self.refer(&mut after.external_refs, settings)?;
        after.is_tenant_admin = match self.is_tenant_admin {
            Patch::Keep => before.is_tenant_admin,
            Patch::Unset => false,
            Patch::Set(flag) => flag,
        };
        Ok(after)
    }

    fn named(&self, before: &Name) -> Result<Name, Error> {
        let edit = match &self.name {
            Patch::Keep => return Ok(before.clone()),
            Patch::Unset => return Ok(Name::default()),
            Patch::Set(edit) => edit,
        };
        let mut name = before.clone();
        // A shown name that nobody chose follows the others.
        if before.display == made_of(before)? {
            name.display = None;
        }
        put(&edit.given, &mut name.given);
        put(&edit.family, &mut name.family);
        put(&edit.display, &mut name.display);
        profile::name(&name).map_err(|(path, error)| Error::invalid_field(path, &error))
    }

    fn addressed(&self, before: Option<Address>) -> Result<Option<Address>, Error> {
        let edit = match &self.address {
            Patch::Keep => return Ok(before),
            Patch::Unset => return Ok(None),
            Patch::Set(edit) => edit,
        };
        let mut address = before.unwrap_or_default();
        put(&edit.line1, &mut address.line1);
        put(&edit.line2, &mut address.line2);
        put(&edit.city, &mut address.city);
        put(&edit.region, &mut address.region);
        put(&edit.postal_code, &mut address.postal_code);
        put(&edit.country, &mut address.country);
        let address = profile::address(&address)
            .map_err(|(path, error)| Error::invalid_field(path, &error))?;
        Ok((address != Address::default()).then_some(address))
    }

    fn employ(&self, employee: &mut EmployeeView) -> Result<(), Error> {
        let (id, pin) = (&mut employee.employee_id, &mut employee.kra_pin);
        let edit = match &self.employee {
            Patch::Keep => return Ok(()),
            Patch::Unset => {
                (*id, *pin) = (None, None);
                return Ok(());
            }
            Patch::Set(edit) => edit,
        };
        let paths = Paths::NESTED;
        text(
            &edit.employee_id,
            id,
            paths.employee_id,
            profile::employee_id,
        )?;
        text(&edit.kra_pin, pin, paths.kra_pin, profile::kra_pin)
    }

    fn refer(
        &self,
        refs: &mut BTreeMap<String, String>,
        settings: &TenantSettings,
    ) -> Result<(), Error> {
        let edit = match &self.external_refs {
            Patch::Keep => return Ok(()),
            Patch::Unset => {
                refs.clear();
                return Ok(());
            }
            Patch::Set(edit) => edit,
        };
        let mut given = BTreeMap::new();
        for (name, value) in edit {
            match value {
                Patch::Keep => {}
                Patch::Unset => drop(refs.remove(name)),
                Patch::Set(value) => drop(given.insert(name.clone(), value.clone())),
            }
        }
        refs.extend(references(settings, &given)?);
        Ok(())
    }
}

/// A text that is checked with all others of its object.
fn put(patch: &Patch<String>, text: &mut Option<String>) {
    match patch {
        Patch::Keep => {}
        Patch::Unset => *text = None,
        Patch::Set(value) => *text = Some(value.clone()),
    }
}

/// A text that has a form of its own.
fn text(
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
