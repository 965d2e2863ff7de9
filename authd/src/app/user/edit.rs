//! Changing a user over the API by a merge patch: each value is checked as at its making. An e-mail
//! waits for its owner: one that nobody has verified gives no right over it (rule 25).

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::UserRef;
use common::error::ErrorCode;
use common::time::Time;
use common::view::{EmployeeView, UserView};
use domain::profile;
use domain::setting::TenantSettings;
use domain::user::User;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use store::WriteTx;

use super::create::{Paths, references, unseen};
use super::set::{change_and, read};
use super::view::{self, Detail};
use super::{act, again, by_id};
use crate::app::audit::{Act, Record};
use crate::app::email_change::{Wish, Wished};
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::permit::Permit;
use crate::app::profile_patch::{self, AddressPatch, NamePatch, text};
use crate::app::{Administrator, App, By, Error};

/// A merge patch of a user.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "UserPatch")]
pub struct Edit {
    #[schemars(length(min = 3, max = common::email::LIMIT_BYTES))]
    #[schemars(extend("format" = "email"))]
    email: Patch<String>,
    name: Patch<NamePatch>,
    #[schemars(regex(pattern = profile::PHONE_PATTERN))]
    phone: Patch<String>,
    address: Patch<AddressPatch>,
    #[schemars(regex(pattern = profile::LOCALE_PATTERN))]
    locale: Patch<String>,
    employee: Patch<EmployeeEdit>,
    external_refs: Patch<BTreeMap<String, Patch<String>>>,
    #[schemars(extend("x-rule" = 14))]
    is_tenant_admin: Patch<bool>,
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
/// `reauthentication_required` for the flag and the e-mail; `last_admin`; for the e-mail also
/// `email_taken`, or `conflict` for one who may not see users or of a user that is disabled,
/// `rate_limited`, `no_mail_transport`.
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
    let wish = edit.wish(app, record.at())?.map(Arc::new);
    let wished = wish.clone();
    let changed = record
        .write(app, move |tx, permit| {
            let before = again(tx, permit, &act, found.user.id)?;
            expected.check(&view::one(&before, detail))?;
            let after = edit.applied(&before, &settings)?;
            let waits = match &wished {
                Some(wish) => wait(wish, tx, permit, &act, &before)?,
                None => None,
            };
            change_and(tx, permit, &act, &before, after, waits)?;
            Ok(view::one(&by_id(tx, &act, before.id)?, detail))
        })
        .await
        .map_err(|error| unseen(error, administrator))?;
    if let Some(wish) = wish {
        wish.post();
    }
    Ok(changed)
}

/// Lets another address of a user wait for its owner. One's own is changed with one's password alone:
/// who has found a session open gets no further by what its owner may do to others.
fn wait(
    wish: &Wish,
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    act: &Act,
    before: &User,
) -> Result<Option<(Value, Value)>, Error> {
    if wish.is_of(before) {
        return Ok(None);
    }
    if permit.is_by(before.id) {
        return Err(Error::new(
            ErrorCode::PermissionDenied,
            "your own address is changed by POST /v1/me/email, with your password",
        ));
    }
    permit.is_fresh()?;
    match wish.put(tx, &act.tenant, before)? {
        Wished::Waits(before, after) => Ok(Some((before, after))),
        Wished::Same => Ok(None),
        Wished::Capped => Err(wish.capped()),
    }
}

impl Edit {
    fn wish(&self, app: &Arc<App>, now: Time) -> Result<Option<Wish>, Error> {
        match &self.email {
            Patch::Keep => Ok(None),
            Patch::Unset => Err(Error::field("/email", "required", "a user has an address")),
            Patch::Set(email) => Wish::draw(app, email, now).map(Some),
        }
    }

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
