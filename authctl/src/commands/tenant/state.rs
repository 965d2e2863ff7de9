//! `tenant set|suspend|resume|delete|restore|usage`.

use common::call::Change;
use common::call::tenant::{Delete, Restore, Resume, Set, Show, Suspend, Usage};
use common::view::TenantUsageView;

use crate::args::{ListArgs, TenantNamed, TenantSet};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const USAGE: Shape<TenantUsageView> = Shape {
    kind: "tenant.usage",
    columns: &[
        Column {
            heading: "TENANT",
            shown: Shown::Always,
            cell: |u| Cell::Text(u.tenant.clone()),
        },
        Column {
            heading: "USERS",
            shown: Shown::Always,
            cell: |u| Cell::Number(u64::from(u.users)),
        },
        Column {
            heading: "MAX",
            shown: Shown::Always,
            cell: |u| {
                u.max_users
                    .map_or(Cell::Nothing, |most| Cell::Number(u64::from(most)))
            },
        },
        Column {
            heading: "SESSIONS",
            shown: Shown::Always,
            cell: |u| Cell::Number(u.sessions),
        },
        Column {
            heading: "LOGINS/24H",
            shown: Shown::Always,
            cell: |u| Cell::Number(u.logins_24h),
        },
        Column {
            heading: "FAILED/24H",
            shown: Shown::Always,
            cell: |u| Cell::Number(u.failed_24h),
        },
    ],
    keys: &[
        "tenant",
        "users",
        "max_users",
        "sessions",
        "logins_24h",
        "failed_24h",
    ],
    id: |u| u.tenant.clone(),
    none: "no tenants; make one: authctl tenant create NAME",
};

impl Paged for Usage {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Tells what tenants use.
pub(super) async fn usage(
    context: &mut Context,
    name: Option<String>,
    list: &ListArgs,
) -> Result<Exit, Error> {
    let call = Usage {
        tenant: name.or_else(|| context.settings.list_tenant()),
        ..Usage::default()
    };
    context.list(call, &USAGE, list, false).await
}

/// Changes what was given of a tenant.
pub(super) async fn set(context: &mut Context, wanted: TenantSet) -> Result<Exit, Error> {
    let call = Set {
        tenant: named(context, wanted.name)?,
        name: wanted.wanted.display_name,
        plan: wanted.wanted.plan,
        max_users: wanted.wanted.max_users,
        ends: wanted.wanted.ends,
        time_zone: wanted.wanted.time_zone,
        reason: wanted.reason,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Changed tenant {}", change.subject);
    let already = format!("Tenant {} is already so", change.subject);
    tell(context, change, &done, &already)
}

/// Closes a tenant, after a question that names it.
pub(super) async fn suspend(context: &mut Context, wanted: TenantNamed) -> Result<Exit, Error> {
    let tenant = named(context, wanted.name)?;
    let yes = context.settings.flags.yes;
    let mut deed = Deed {
        what: format!("suspend tenant {tenant}"),
        question: String::new(),
        answer: "--yes".to_owned(),
    };
    deed.needs_answer(yes, false)?;
    if !yes {
        let call = Show {
            tenant: tenant.clone(),
        };
        let view = context.client.call(&call).await?;
        deed.question = format!(
            "Suspend tenant {} ({})? {} users are refused until it is resumed.",
            view.slug, view.name, view.subscription.users
        );
    }
    deed.ask(yes, false)?;
    let call = Suspend {
        tenant,
        reason: wanted.reason,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Suspended tenant {}", change.subject);
    let already = format!("Tenant {} is already suspended", change.subject);
    tell(context, change, &done, &already)
}

/// Opens a suspended tenant.
pub(super) async fn resume(context: &mut Context, wanted: TenantNamed) -> Result<Exit, Error> {
    let call = Resume {
        tenant: named(context, wanted.name)?,
        reason: wanted.reason,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Resumed tenant {}", change.subject);
    let already = format!("Tenant {} is not suspended", change.subject);
    tell(context, change, &done, &already)
}

/// Deletes a tenant after its slug was typed, or given by `--confirm`.
pub(super) async fn delete(context: &mut Context, wanted: TenantNamed) -> Result<Exit, Error> {
    let call = Show {
        tenant: named(context, wanted.name)?,
    };
    let view = context.client.call(&call).await?;
    let slug = view.slug;
    let deed = Deed {
        what: format!("delete tenant {slug} ({} users)", view.subscription.users),
        question: format!(
            "Delete tenant {slug} ({}) with {} users? Nobody can sign in from now on.",
            view.name, view.subscription.users
        ),
        answer: format!("--confirm={slug}"),
    };
    context.ask_name(&deed, &slug)?;
    let call = Delete {
        tenant: call.tenant,
        confirm: Some(slug),
        reason: wanted.reason,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Deleted tenant {}", change.subject);
    let already = format!("Tenant {} is already deleted", change.subject);
    tell(context, change, &done, &already)
}

/// Brings back a deleted tenant.
pub(super) async fn restore(context: &mut Context, wanted: TenantNamed) -> Result<Exit, Error> {
    let call = Restore {
        tenant: named(context, wanted.name)?,
        reason: wanted.reason,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Restored tenant {}", change.subject);
    let already = format!("Tenant {} is not deleted", change.subject);
    tell(context, change, &done, &already)
}

/// The tenant named, or that of the flag: one that is merely in force is not changed by accident.
fn named(context: &Context, name: Option<String>) -> Result<String, Error> {
    name.or_else(|| context.settings.flags.tenant.clone())
        .ok_or_else(|| Error::usage("no tenant given").hint("Name it. List: authctl tenant list"))
}

/// The tenant is the object itself here, so it is not named as the place too.
pub(super) fn tell(
    context: &mut Context,
    mut change: Change,
    done: &str,
    already: &str,
) -> Result<Exit, Error> {
    let place = change.tenant.take();
    let text = sentence(&change, done, already);
    change.tenant = place;
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}
