//! `tenant create|list|show`; what changes a tenant is in a file of its own below.

mod settings;
mod state;

use common::call::tenant::{Create, List, Show};
use common::view::TenantView;

use crate::args::Tenant;
use crate::commands::{Context, Paged};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<TenantView> = Shape {
    kind: "tenant",
    columns: &[
        Column {
            heading: "TENANT",
            shown: Shown::Always,
            cell: |t| Cell::Text(t.slug.clone()),
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |t| Cell::Text(t.id.to_string()),
        },
        Column {
            heading: "NAME",
            shown: Shown::Always,
            cell: |t| Cell::Text(t.name.clone()),
        },
        Column {
            heading: "STATUS",
            shown: Shown::Always,
            cell: |t| Cell::text(Some(t.status.as_str())),
        },
        Column {
            heading: "PLAN",
            shown: Shown::Always,
            cell: |t| Cell::Text(t.subscription.plan.clone()),
        },
        Column {
            heading: "USERS",
            shown: Shown::Always,
            cell: users,
        },
        Column {
            heading: "ENDS",
            shown: Shown::Always,
            cell: ends,
        },
        Column {
            heading: "TIME ZONE",
            shown: Shown::Wide,
            cell: |t| Cell::Text(t.time_zone.clone()),
        },
        Column {
            heading: "CREATED",
            shown: Shown::Wide,
            cell: |t| Cell::Moment(t.created_at),
        },
        Column {
            heading: "UPDATED",
            shown: Shown::Wide,
            cell: |t| Cell::Moment(t.updated_at),
        },
        Column {
            heading: "PURGED",
            shown: Shown::Wide,
            cell: |t| t.purge_at.map_or(Cell::Nothing, Cell::Moment),
        },
    ],
    keys: &[
        "id",
        "slug",
        "name",
        "status",
        "time_zone",
        "subscription.plan",
        "subscription.ends_at",
        "subscription.max_users",
        "subscription.users",
        "created_at",
        "updated_at",
        "purge_at",
    ],
    id: |t| t.id.to_string(),
    none: "no tenants; make one: authctl tenant create NAME",
};

fn users(tenant: &TenantView) -> Cell {
    let plan = &tenant.subscription;
    match plan.max_users {
        Some(limit) => Cell::Text(format!("{}/{limit}", plan.users)),
        None => Cell::Number(u64::from(plan.users)),
    }
}

fn ends(tenant: &TenantView) -> Cell {
    tenant
        .subscription
        .ends_at
        .map_or(Cell::Nothing, |end| Cell::Day {
            end,
            zone: tenant.time_zone.clone(),
        })
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
pub(crate) async fn run(context: &mut Context, command: Tenant) -> Result<Exit, Error> {
    match command {
        Tenant::Create {
            slug,
            display_name,
            plan,
            max_users,
            ends,
            time_zone,
            admin_email,
            print_link,
        } => {
            let call = Create {
                slug,
                name: display_name,
                plan,
                max_users,
                ends,
                time_zone,
                admin_email,
                print_link,
            };
            create(context, &call).await
        }
        Tenant::List {
            status,
            plan,
            ending,
            list,
        } => {
            let call = List {
                status,
                plan,
                ending_seconds: ending.map(|ending| ending.as_secs()),
                ..List::default()
            };
            context.list(call, &SHAPE, &list, false).await
        }
        Tenant::Show { name } => {
            let tenant = match name {
                Some(name) => name,
                None => context.settings.required_tenant()?,
            };
            context.printer.check_columns(&SHAPE)?;
            let view = context.client.call(&Show { tenant }).await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        Tenant::Set(wanted) => state::set(context, wanted).await,
        Tenant::Suspend(wanted) => state::suspend(context, wanted).await,
        Tenant::Resume(wanted) => state::resume(context, wanted).await,
        Tenant::Settings(command) => settings::run(context, command).await,
        Tenant::Delete(wanted) => state::delete(context, wanted).await,
        Tenant::Restore(wanted) => state::restore(context, wanted).await,
        Tenant::Export(wanted) => crate::commands::apply::export(context, wanted).await,
        Tenant::Usage { name, list } => state::usage(context, name, &list).await,
    }
}

async fn create(context: &mut Context, call: &Create) -> Result<Exit, Error> {
    let change = context.client.call(call).await?;
    let id = change.id.as_deref().unwrap_or("-");
    let invited = match &call.admin_email {
        Some(address) if change.dry_run => format!(" for its administrator {address}"),
        Some(address) if !call.print_link => format!("; invitation sent to {address}"),
        Some(address) => format!("; the link for {address}, good once, follows"),
        None => String::new(),
    };
    let done = format!("Created tenant {} ({id}){invited}", change.subject);
    let already = format!("Tenant {} exists already", change.subject);
    state::tell(context, change, &done, &already)
}
