//! Changing a user over the API by a merge patch: each value is checked as at its making. The e-mail
//! is not among them: one that nobody has verified gives no right over it (rule 25).

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::UserRef;
use common::view::{EmployeeView, UserView};
use domain::profile;
use domain::setting::TenantSettings;
use domain::user::User;
use serde::Deserialize;

use super::create::{Paths, references};
use super::set::{change, read};
use super::view::{self, Detail};
use super::{act, again, by_id};
use crate::app::audit::Record;
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::profile_patch::{self, AddressPatch, NamePatch, text};
use crate::app::{Administrator, App, By, Error};

/// A merge patch of a user.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edit {
    name: Patch<NamePatch>,
    phone: Patch<String>,
    address: Patch<AddressPatch>,
    locale: Patch<String>,
    employee: Patch<EmployeeEdit>,
    external_refs: Patch<BTreeMap<String, Patch<String>>>,
    is_tenant_admin: Patch<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EmployeeEdit {
    employee_id: Patch<String>,
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
        after.name = profile_patch::name(&self.name, &before.name)?;
        text(&self.phone, &mut after.phone, "/phone", profile::phone)?;
        text(&self.locale, &mut after.locale, "/locale", profile::locale)?;
        after.address = profile_patch::address(&self.address, before.address.as_ref())?;
        self.employ(&mut after.employee)?;
        self.refer(&mut after.external_refs, settings)?;
        after.is_tenant_admin = match self.is_tenant_admin {
            Patch::Keep => before.is_tenant_admin,
            Patch::Unset => false,
            Patch::Set(flag) => flag,
        };
        Ok(after)
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
