//! `db status|migrations|check|optimize|vacuum`.

use common::call::db::{Check, Migrations, Optimize, Status, Vacuum};
use common::view::{DatabaseView, MigrationView, VacuumView};

use crate::args::{Db, Format};
use crate::commands::backup::{Deaf, check};
use crate::commands::status::size;
use crate::commands::{Context, Paged};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::json;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<DatabaseView> = Shape {
    kind: "db",
    columns: &[
        Column {
            heading: "BACKEND",
            shown: Shown::Always,
            cell: |d| Cell::Text(d.backend.clone()),
        },
        Column {
            heading: "PATH",
            shown: Shown::Always,
            cell: |d| Cell::Text(d.path.clone()),
        },
        Column {
            heading: "SIZE",
            shown: Shown::Always,
            cell: |d| Cell::Text(size(d.bytes)),
        },
        Column {
            heading: "WAL",
            shown: Shown::Always,
            cell: |d| Cell::Text(size(d.wal_bytes)),
        },
        Column {
            heading: "UNUSED",
            shown: Shown::Always,
            cell: |d| Cell::Text(size(d.unused_bytes)),
        },
        Column {
            heading: "FREE",
            shown: Shown::Always,
            cell: |d| Cell::Text(size(d.free_bytes)),
        },
        Column {
            heading: "MIN-FREE",
            shown: Shown::Always,
            cell: |d| Cell::Text(size(d.min_free_bytes)),
        },
        Column {
            heading: "SCHEMA",
            shown: Shown::Always,
            cell: |d| Cell::Number(d.schema.into()),
        },
        Column {
            heading: "PENDING",
            shown: Shown::Always,
            cell: |d| Cell::Number(d.pending.into()),
        },
    ],
    keys: &[],
    id: |d| d.path.clone(),
    none: "no database",
};

const STEPS: Shape<MigrationView> = Shape {
    kind: "migration",
    columns: &[
        Column {
            heading: "VERSION",
            shown: Shown::Always,
            cell: |m| Cell::Number(m.version.into()),
        },
        Column {
            heading: "NAME",
            shown: Shown::Always,
            cell: |m| Cell::Text(m.name.clone()),
        },
        Column {
            heading: "APPLIED",
            shown: Shown::Always,
            cell: |m| Cell::moment(m.applied_at),
        },
    ],
    keys: &["version", "name", "applied_at"],
    id: |m| m.version.to_string(),
    none: "no steps",
};

impl Paged for Migrations {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Db) -> Result<Exit, Error> {
    match command {
        Db::Status => {
            context.printer.check_columns(&SHAPE)?;
            let view = context.client.call(&Status {}).await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        Db::Migrations { list } => {
            let call = Migrations::default();
            context.list(call, &STEPS, &list, true).await
        }
        Db::Check => {
            let checked = context.client.job(&Check {}, &mut Deaf).await?;
            check(context, "db.check", &checked)
        }
        Db::Optimize => {
            let view = context.client.job(&Optimize {}, &mut Deaf).await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        Db::Vacuum => {
            let vacuumed = context.client.job(&Vacuum {}, &mut Deaf).await?;
            tell(context, &vacuumed)?;
            Ok(Exit::Done)
        }
    }
}

fn tell(context: &mut Context, vacuumed: &VacuumView) -> Result<(), Error> {
    let printer = &mut context.printer;
    if matches!(printer.format, Format::Json | Format::Jsonl) {
        return printer.text(&json::line(&json::Single::new("db.vacuum", vacuumed))?);
    }
    printer.line(&format!(
        "Gave back {}; the file has {}.",
        size(vacuumed.bytes_given_back),
        size(vacuumed.bytes)
    ))?;
    vacuumed
        .notes
        .iter()
        .try_for_each(|note| printer.note(note))
}
