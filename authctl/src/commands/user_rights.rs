//! `user grant|revoke|permissions|set`: what a user may do.

use common::call::Change;
use common::call::user::{Grant, Permissions, Revoke, Set};
use common::view::HeldPermission;

use crate::args::{UserRoles, UserSet};
use crate::commands::{Context, permission, sentence};
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<HeldPermission> = Shape {
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
    let call = Permissions {
        tenant: named.tenant,
        user: named.name,
    };
    let page = context.client.call(&call).await?;
    context.printer.list(&SHAPE, page.items, None, true)?;
    Ok(Exit::Done)
}

/// Sets or clears the tenant-admin flag.
pub(crate) async fn set(context: &mut Context, wanted: UserSet) -> Result<Exit, Error> {
    let call = Set {
        user: names::user(&wanted.user, context.settings.tenant.as_deref()),
        tenant_admin: Some(wanted.tenant_admin && !wanted.no_tenant_admin),
    };
    let change = context.client.call(&call).await?;
    let subject = &change.subject;
    let (done, already) = if wanted.tenant_admin {
        (
            format!("Made user {subject} a tenant administrator"),
            format!("User {subject} is a tenant administrator already"),
        )
    } else {
        (
            format!("Took the tenant-admin flag from user {subject}"),
            format!("User {subject} is no tenant administrator"),
        )
    };
    tell(context, &change, &done, &already)
}

fn tell(context: &mut Context, change: &Change, done: &str, already: &str) -> Result<Exit, Error> {
    context
        .printer
        .change(change, &sentence(change, done, already))?;
    Ok(Exit::Done)
}
