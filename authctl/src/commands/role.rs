//! `role list|show|members|create|set|allow|deny|delete`.

use common::call::Change;
use common::call::role::{Allow, Create, Delete, Deny, List, RoleRef, Set, Show};
use common::call::user;
use common::view::RoleView;

use crate::args::{ListArgs, Permissions, Role};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<RoleView> = Shape {
    kind: "role",
    columns: &[
        Column {
            heading: "ROLE",
            shown: Shown::Always,
            cell: |r| Cell::Text(r.name.clone()),
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |r| Cell::Text(r.id.to_string()),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |r| Cell::text(r.tenant.as_deref()),
        },
        Column {
            heading: "PERMISSIONS",
            shown: Shown::Always,
            cell: permissions,
        },
        Column {
            heading: "MEMBERS",
            shown: Shown::Always,
            cell: |r| Cell::Number(r.members),
        },
        Column {
            heading: "DESCRIPTION",
            shown: Shown::Wide,
            cell: |r| Cell::text(r.description.as_deref()),
        },
        Column {
            heading: "GRANTS",
            shown: Shown::Wide,
            cell: |r| Cell::many(&r.permissions),
        },
        Column {
            heading: "CREATED",
            shown: Shown::Wide,
            cell: |r| Cell::Moment(r.created_at),
        },
        Column {
            heading: "UPDATED",
            shown: Shown::Wide,
            cell: |r| Cell::Moment(r.updated_at),
        },
    ],
    keys: &[
        "id",
        "name",
        "tenant",
        "description",
        "permissions",
        "members",
        "created_at",
        "updated_at",
    ],
    id: |r| r.id.to_string(),
    none: "no roles",
};

/// How many there are, or the one that stands for all.
fn permissions(role: &RoleView) -> Cell {
    if role
        .permissions
        .iter()
        .any(|name| name == "ALL_PERMISSIONS")
    {
        return Cell::Text("ALL_PERMISSIONS".to_owned());
    }
    Cell::Number(u64::try_from(role.permissions.len()).unwrap_or(u64::MAX))
}

impl Paged for List {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Role) -> Result<Exit, Error> {
    match command {
        Role::List { system, list } => {
            let tenant = context.settings.list_tenant();
            let one_tenant = tenant.is_some() || system;
            let call = List {
                tenant,
                system,
                ..List::default()
            };
            context.list(call, &SHAPE, &list, one_tenant).await
        }
        Role::Show { role } => {
            context.printer.check_columns(&SHAPE)?;
            let view = seen(context, &role).await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        Role::Members { role, list } => members(context, &role, &list).await,
        Role::Create {
            name,
            description,
            permissions,
        } => create(context, name, description, permissions).await,
        Role::Set {
            role,
            description,
            permissions,
        } => {
            let call = Set {
                role: named(context, &role)?,
                description,
                permissions: Some(permissions).filter(|names| !names.is_empty()),
            };
            let change = context.client.call(&call).await?;
            let subject = &change.subject;
            tell(
                context,
                &change,
                &format!("Changed role {subject}"),
                "is so already",
            )
        }
        Role::Allow(wanted) => allow(context, wanted).await,
        Role::Deny(wanted) => deny(context, wanted).await,
        Role::Delete { role, reassign } => delete(context, &role, reassign).await,
    }
}

fn tell(context: &mut Context, change: &Change, done: &str, state: &str) -> Result<Exit, Error> {
    let already = format!("Role {} {state}", change.subject);
    context
        .printer
        .change(change, &sentence(change, done, &already))?;
    Ok(Exit::Done)
}

/// The role that the words name; a bare name lives in the tenant of the run.
fn named(context: &Context, text: &str) -> Result<RoleRef, Error> {
    let reference = names::role(text, context.settings.tenant.as_deref());
    if reference.tenant.is_none() && !names::is_role_anywhere(&reference.name) {
        context
            .settings
            .required_tenant()
            .map_err(|error| error.hint("A system role is written system:NAME."))?;
    }
    Ok(reference)
}

async fn seen(context: &mut Context, text: &str) -> Result<RoleView, Error> {
    let RoleRef { tenant, name } = named(context, text)?;
    context.client.call(&Show { tenant, role: name }).await
}

async fn members(context: &mut Context, text: &str, list: &ListArgs) -> Result<Exit, Error> {
    let RoleRef { tenant, name } = named(context, text)?;
    let one_tenant = tenant.is_some();
    let call = user::List {
        tenant,
        role: Some(name),
        ..user::List::default()
    };
    context
        .list(call, &super::user::SHAPE, list, one_tenant)
        .await
}

async fn create(
    context: &mut Context,
    name: String,
    description: Option<String>,
    permissions: Vec<String>,
) -> Result<Exit, Error> {
    let RoleRef { tenant, name } = named(context, &name)?;
    let call = Create {
        tenant,
        name,
        description,
        permissions,
    };
    let change = context.client.call(&call).await?;
    let id = change.id.as_deref().unwrap_or("-");
    let done = format!("Created role {} ({id})", change.subject);
    tell(context, &change, &done, "exists already")
}

async fn allow(context: &mut Context, wanted: Permissions) -> Result<Exit, Error> {
    let what = wanted.permissions.join(", ");
    let call = Allow {
        role: named(context, &wanted.role)?,
        permissions: wanted.permissions,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Added {what} to role {}", change.subject);
    tell(context, &change, &done, &format!("grants {what} already"))
}

async fn deny(context: &mut Context, wanted: Permissions) -> Result<Exit, Error> {
    let what = wanted.permissions.join(", ");
    let call = Deny {
        role: named(context, &wanted.role)?,
        permissions: wanted.permissions,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Removed {what} from role {}", change.subject);
    tell(context, &change, &done, &format!("does not grant {what}"))
}

async fn delete(
    context: &mut Context,
    text: &str,
    reassign: Option<String>,
) -> Result<Exit, Error> {
    let reference = named(context, text)?;
    let yes = context.settings.flags.yes;
    let is_system =
        reference.name.starts_with(names::SYSTEM_ROLE) || reference.name.starts_with("rol_");
    let mut deed = Deed {
        what: format!("delete role {text}"),
        question: format!("Delete role {text}?"),
        answer: "--yes".to_owned(),
    };
    let mut confirm = None;
    if !is_system {
        deed.needs_answer(yes, false)?;
    }
    if is_system || !yes {
        let view = seen(context, text).await?;
        deed.question = question(&view, reassign.as_deref());
        if view.name.starts_with(names::SYSTEM_ROLE) {
            deed.answer = format!("--confirm={}", view.name);
            deed.ask_name(&view.name, context.settings.flags.confirm.as_deref())?;
            confirm = Some(view.name);
        } else {
            deed.ask(yes, false)?;
        }
    }
    let call = Delete {
        role: reference,
        reassign,
        confirm,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Deleted role {}", change.subject);
    tell(context, &change, &done, "is gone already")
}

fn question(role: &RoleView, reassign: Option<&str>) -> String {
    let place = role
        .tenant
        .as_ref()
        .map(|tenant| format!(" in tenant {tenant}"));
    let fate = match (role.members, reassign) {
        (0, _) => "Nobody holds it.".to_owned(),
        (1, None) => "1 user loses it.".to_owned(),
        (many, None) => format!("{many} users lose it."),
        (1, Some(other)) => format!("1 user gets {other} instead."),
        (many, Some(other)) => format!("{many} users get {other} instead."),
    };
    format!(
        "Delete role {}{}? {fate}",
        role.name,
        place.unwrap_or_default()
    )
}
