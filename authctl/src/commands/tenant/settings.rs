//! `tenant settings list|get|set|unset`.

use common::call::setting::{Get, List, Set, Unset};
use common::view::{SettingValue, SettingView};

use crate::args::TenantSettings;
use crate::commands::{Context, Paged, sentence};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<SettingView> = Shape {
    kind: "tenant.setting",
    columns: &[
        Column {
            heading: "KEY",
            shown: Shown::Always,
            cell: |s| Cell::Text(s.key.clone()),
        },
        Column {
            heading: "VALUE",
            shown: Shown::Always,
            cell: |s| named(Some(&s.value)),
        },
        Column {
            heading: "SOURCE",
            shown: Shown::Always,
            cell: |s| match &s.unused {
                Some(_) => Cell::Text(format!("{}, own unused", s.source.as_str())),
                None => Cell::text(Some(s.source.as_str())),
            },
        },
        Column {
            heading: "CLASS",
            shown: Shown::Always,
            cell: |s| Cell::Text(s.class.clone()),
        },
        Column {
            heading: "BOUND",
            shown: Shown::Always,
            cell: |s| named(s.bound.as_ref()),
        },
        Column {
            heading: "UNUSED",
            shown: Shown::Wide,
            cell: |s| named(s.unused.as_ref()),
        },
        Column {
            heading: "ALLOWED",
            shown: Shown::Wide,
            cell: |s| Cell::Text(s.allowed.clone()),
        },
        Column {
            heading: "UPDATED",
            shown: Shown::Wide,
            cell: |s| Cell::moment(s.updated_at),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |s| Cell::Text(s.tenant.clone()),
        },
    ],
    keys: &[
        "tenant",
        "key",
        "value",
        "source",
        "class",
        "bound",
        "unused",
        "allowed",
        "updated_at",
    ],
    id: |s| s.key.clone(),
    none: "no settings",
};

impl Paged for List {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(super) async fn run(context: &mut Context, command: TenantSettings) -> Result<Exit, Error> {
    match command {
        TenantSettings::List { name, list } => {
            let tenant = match name {
                Some(name) => name,
                None => context.settings.required_tenant()?,
            };
            let call = List {
                tenant,
                ..List::default()
            };
            context.list(call, &SHAPE, &list, true).await
        }
        TenantSettings::Get { key } => {
            let tenant = context.settings.required_tenant()?;
            context.printer.check_columns(&SHAPE)?;
            let view = context.client.call(&Get { tenant, key }).await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        TenantSettings::Set { key, value, reason } => {
            let done = format!("Set {key} to {}", shown(&value));
            let already = format!("{key} is already {}", shown(&value));
            let call = Set {
                tenant: context.settings.required_tenant()?,
                key,
                value,
                reason,
            };
            let change = context.client.call(&call).await?;
            let text = sentence(&change, &done, &already);
            context.printer.change(&change, &text)?;
            Ok(Exit::Done)
        }
        TenantSettings::Unset { key, reason } => {
            let done = format!("Removed the value of {key}");
            let already = format!("{key} has no value of its own");
            let call = Unset {
                tenant: context.settings.required_tenant()?,
                key,
                reason,
            };
            let change = context.client.call(&call).await?;
            let text = sentence(&change, &done, &already);
            context.printer.change(&change, &text)?;
            Ok(Exit::Done)
        }
    }
}

/// A value as `set` takes it; the empty list of names is none.
fn named(value: Option<&SettingValue>) -> Cell {
    let text = value.map(ToString::to_string);
    Cell::text(text.as_deref().filter(|text| !text.is_empty()))
}

/// The empty list of names needs a word.
fn shown(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}
