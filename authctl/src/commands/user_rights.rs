//! `user grant|revoke|permissions|set`: what a user may do.

use common::call::Change;
use common::call::user::{Grant, Permissions, Revoke, Set};
use common::view::{HeldPermission, Name};

use crate::args::{UserRoles, UserSet, UserWanted};
use crate::commands::{Context, permission, sentence};
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

/// What permissions of a user look like; `user show` has them too.
pub(crate) const SHAPE: Shape<HeldPermission> = Shape {
    kind: "user.permission",
    columns: &[
        Column {
            heading: "PERMISSION",
            shown: Shown::Always,
            cell: |p| Cell::Text(p.permission.clone()),
        },
        Column {
            heading: "VIA",
            shown: Shown::Always,
            cell: |p| permission::via(&p.via),
        },
    ],
    keys: &["permission"],
    id: |p| p.permission.clone(),
    none: "no permissions",
};

/// Grants roles.
pub(crate) async fn grant(context: &mut Context, wanted: UserRoles) -> Result<Exit, Error> {
    let roles = wanted.roles.join(", ");
    let call = Grant {
        user: names::user(&wanted.user, context.settings.tenant.as_deref()),
        roles: wanted.roles,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Granted {roles} to user {}", change.subject);
    let already = format!("User {} already holds {roles}", change.subject);
    tell(context, &change, &done, &already)
}

/// Takes roles away.
pub(crate) async fn revoke(context: &mut Context, wanted: UserRoles) -> Result<Exit, Error> {
    let roles = wanted.roles.join(", ");
    let call = Revoke {
        user: names::user(&wanted.user, context.settings.tenant.as_deref()),
        roles: wanted.roles,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Took {roles} from user {}", change.subject);
    let already = format!("User {} does not hold {roles}", change.subject);
    tell(context, &change, &done, &already)
}

/// Shows what a user may do.
pub(crate) async fn permissions(context: &mut Context, user: &str) -> Result<Exit, Error> {
    context.printer.check_columns(&SHAPE)?;
    let named = names::user(user, context.settings.tenant.as_deref());
    let held = held(context, named.tenant, named.name).await?;
    context.printer.list(&SHAPE, held, None, true)?;
    Ok(Exit::Done)
}

/// Asks what a user may do.
///
/// # Errors
/// Those of the call.
pub(crate) async fn held(
    context: &mut Context,
    tenant: Option<String>,
    user: String,
) -> Result<Vec<HeldPermission>, Error> {
    let page = context.client.call(&Permissions { tenant, user }).await?;
    Ok(page.items)
}

/// Changes a user.
pub(crate) async fn set(context: &mut Context, named: UserSet) -> Result<Exit, Error> {
    let wanted = named.wanted;
    let flag = match (wanted.tenant_admin, wanted.no_tenant_admin) {
        (false, false) => None,
        (is_admin, _) => Some(is_admin),
    };
    let is_flag_alone = flag.is_some() && is_profile_untouched(&wanted);
    let call = Set {
        user: names::user(&named.user, context.settings.tenant.as_deref()),
        tenant_admin: flag,
        name: Name {
            given: wanted.given_name,
            family: wanted.family_name,
            display: wanted.display_name,
        },
        phone: wanted.phone,
        locale: wanted.locale,
        employee_id: wanted.employee_id,
        kra_pin: wanted.kra_pin,
        external_refs: wanted.refs.into_iter().collect(),
        unset: wanted.unset.iter().map(|flag| field(flag)).collect(),
        reason: named.reason,
    };
    let change = context.client.call(&call).await?;
    let subject = &change.subject;
    let (done, already) = match flag.filter(|_| is_flag_alone) {
        Some(true) => (
            format!("Made user {subject} a tenant administrator"),
            format!("User {subject} is a tenant administrator already"),
        ),
        Some(false) => (
            format!("Took the tenant-admin flag from user {subject}"),
            format!("User {subject} is no tenant administrator"),
        ),
        None => (
            format!("Changed user {subject}"),
            format!("User {subject} is already so"),
        ),
    };
    tell(context, &change, &done, &already)
}

fn is_profile_untouched(wanted: &UserWanted) -> bool {
    let texts = [
        &wanted.given_name,
        &wanted.family_name,
        &wanted.display_name,
        &wanted.phone,
        &wanted.employee_id,
        &wanted.kra_pin,
        &wanted.locale,
    ];
    texts.iter().all(|text| text.is_none()) && wanted.refs.is_empty() && wanted.unset.is_empty()
}

/// A field by the name of its flag, as the daemon calls it; the names of references are their own.
fn field(flag: &str) -> String {
    if flag.starts_with("ref.") {
        return flag.to_owned();
    }
    flag.trim_start_matches("--").replace('-', "_")
}

fn tell(context: &mut Context, change: &Change, done: &str, already: &str) -> Result<Exit, Error> {
    context
        .printer
        .change(change, &sentence(change, done, already))?;
    Ok(Exit::Done)
}
