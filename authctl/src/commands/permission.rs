//! `permission list|check|define|undefine` and `who-can`.

use common::call::permission::{Check, Define, List, Undefine, Verdict, WhoCan};
use common::call::{Change, UserRef};
use common::view::{HolderView, PermissionView, Via};

use crate::args::{Format, ListArgs, Permission};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::table::{Cell, Column, Shown};
use crate::output::{Shape, json as form};

const SHAPE: Shape<PermissionView> = Shape {
    kind: "permission",
    columns: &[
        Column {
            heading: "PERMISSION",
            shown: Shown::Always,
            cell: |p| Cell::Text(p.permission.clone()),
        },
        Column {
            heading: "SCOPE",
            shown: Shown::Always,
            cell: |p| Cell::text(Some(p.scope.as_str())),
        },
        Column {
            heading: "DESCRIPTION",
            shown: Shown::Always,
            cell: |p| Cell::text(p.description.as_deref()),
        },
        Column {
            heading: "ROLES",
            shown: Shown::Always,
            cell: |p| Cell::Number(p.roles),
        },
        Column {
            heading: "CREATED",
            shown: Shown::Wide,
            cell: |p| Cell::moment(p.created_at),
        },
    ],
    keys: &[
        "permission",
        "scope",
        "description",
        "roles",
        "created_at",
        "updated_at",
    ],
    id: |p| p.permission.clone(),
    none: "no permissions",
};

const HOLDERS: Shape<HolderView> = Shape {
    kind: "holder",
    columns: &[
        Column {
            heading: "USER",
            shown: Shown::Always,
            cell: |h| Cell::Text(h.email.clone()),
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |h| Cell::Text(h.user_id.to_string()),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |h| Cell::Text(h.tenant.clone()),
        },
        Column {
            heading: "VIA",
            shown: Shown::Always,
            cell: |h| via(&h.via),
        },
    ],
    keys: &["user_id", "email", "tenant"],
    id: |h| h.user_id.to_string(),
    none: "nobody",
};

/// Roles by name, and the flag in words.
pub(crate) fn via(via: &[Via]) -> Cell {
    Cell::many(&via.iter().map(one_via).collect::<Vec<_>>())
}

fn one_via(via: &Via) -> String {
    via.role
        .clone()
        .unwrap_or_else(|| "tenant-admin".to_owned())
}

impl Paged for List {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

impl Paged for WhoCan {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Permission) -> Result<Exit, Error> {
    match command {
        Permission::List { resource, list } => {
            let call = List {
                tenant: context.settings.list_tenant(),
                resource,
                ..List::default()
            };
            context.list(call, &SHAPE, &list, true).await
        }
        Permission::Check { user, permission } => check(context, &user, permission).await,
        Permission::Define { name, description } => {
            let call = Define {
                tenant: context.settings.list_tenant(),
                name,
                description,
            };
            let change = context.client.call(&call).await?;
            tell(context, &change, "Defined")
        }
        Permission::Undefine { name } => undefine(context, name).await,
    }
}

/// Runs `who-can`.
pub(crate) async fn who_can(
    context: &mut Context,
    permission: String,
    list: &ListArgs,
) -> Result<Exit, Error> {
    let tenant = match context.settings.list_tenant() {
        None if !context.settings.flags.all_tenants => {
            let asked = context.settings.required_tenant();
            Some(asked.map_err(|error| error.hint("Or ask for all of them: --all-tenants"))?)
        }
        tenant => tenant,
    };
    let one_tenant = tenant.is_some();
    let call = WhoCan {
        tenant,
        permission,
        limit: None,
        cursor: None,
    };
    context.list(call, &HOLDERS, list, one_tenant).await
}

async fn check(context: &mut Context, user: &str, permission: String) -> Result<Exit, Error> {
    let UserRef { tenant, name } = names::user(user, context.settings.tenant.as_deref());
    let call = Check {
        tenant,
        user: name,
        permission,
    };
    let verdict: Verdict = context.client.call(&call).await?;
    let printer = &mut context.printer;
    match printer.format {
        Format::Json => {
            printer.text(&form::line(&form::Single::new(
                "permission.check",
                &verdict,
            ))?)?;
        }
        Format::Jsonl => printer.text(&form::line(&verdict)?)?,
        Format::Table | Format::Wide | Format::Csv | Format::Id => printer.line(&told(&verdict))?,
    }
    Ok(if verdict.allowed {
        Exit::Done
    } else {
        Exit::Refused
    })
}

fn told(verdict: &Verdict) -> String {
    if !verdict.allowed {
        return "denied".to_owned();
    }
    let reasons: Vec<String> = verdict
        .via
        .iter()
        .map(|via| match &via.role {
            Some(role) => format!("role {role}"),
            None => "tenant-admin flag".to_owned(),
        })
        .collect();
    format!("allowed ({})", reasons.join(", "))
}

async fn undefine(context: &mut Context, name: String) -> Result<Exit, Error> {
    let tenant = context.settings.list_tenant();
    let place = match &tenant {
        Some(tenant) => format!("of tenant {tenant}"),
        None => "of all tenants".to_owned(),
    };
    let deed = Deed {
        what: format!("remove permission {name} {place}"),
        question: format!("Remove permission {name} {place}? Roles that grant it lose it."),
        answer: "--yes".to_owned(),
    };
    deed.ask(context.settings.flags.yes, false)?;
    let call = Undefine { tenant, name };
    let change = context.client.call(&call).await?;
    tell(context, &change, "Removed")
}

fn tell(context: &mut Context, change: &Change, verb: &str) -> Result<Exit, Error> {
    let place = match change.tenant {
        Some(_) => "",
        None => " of all tenants",
    };
    let done = format!("{verb} permission {}{place}", change.subject);
    let already = format!("Permission {} is so already", change.subject);
    context
        .printer
        .change(change, &sentence(change, &done, &already))?;
    Ok(Exit::Done)
}
