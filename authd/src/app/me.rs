//! The signed-in user's own account: to read, and what of its profile a user may change.

use domain::profile;
use domain::user::User;
use schemars::JsonSchema;
use serde::Deserialize;
use store::Priority;

use crate::app::again::{self, Who};
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::profile_patch::{self, AddressPatch, NamePatch, text};
use crate::app::user::own;
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
            let mut after = with(&before, &patch)?;
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
fn with(before: &User, patch: &ProfilePatch) -> Result<User, Error> {
    let mut after = before.clone();
    after.name = profile_patch::name(&patch.name, &before.name)?;
    after.address = profile_patch::address(&patch.address, before.address.as_ref())?;
    text(&patch.phone, &mut after.phone, "/phone", profile::phone)?;
    text(&patch.locale, &mut after.locale, "/locale", profile::locale)?;
    Ok(after)
}
