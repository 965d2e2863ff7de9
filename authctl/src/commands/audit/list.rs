//! `audit list|show`: administrative changes, and one of them whole.

use common::call::audit::{List, Show};
use common::time::Time;
use common::view::{ActorView, AuditView};
use serde_json::Value;

use crate::args::{AuditList, Format, ListArgs};
use crate::commands::attempt::moment;
use crate::commands::follow::{self, Followed};
use crate::commands::{Context, Paged};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<AuditView> = Shape {
    kind: "audit",
    columns: &[
        Column {
            heading: "TIME",
            shown: Shown::Always,
            cell: |row| Cell::Moment(row.at),
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |row| Cell::Text(row.id.to_string()),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |row| Cell::text(row.tenant.as_deref()),
        },
        Column {
            heading: "NUMBER",
            shown: Shown::Wide,
            cell: |row| Cell::Number(row.number),
        },
        Column {
            heading: "ACTION",
            shown: Shown::Always,
            cell: |row| Cell::Text(row.action.clone()),
        },
        Column {
            heading: "SUBJECT",
            shown: Shown::Always,
            cell: |row| Cell::Text(row.email.clone().unwrap_or_else(|| row.object.clone())),
        },
        Column {
            heading: "BY",
            shown: Shown::Always,
            cell: |row| row.actor.as_ref().map_or(Cell::Nothing, by),
        },
        Column {
            heading: "OBJECT",
            shown: Shown::Wide,
            cell: |row| Cell::Text(row.object.clone()),
        },
        Column {
            heading: "REASON",
            shown: Shown::Always,
            cell: |row| Cell::text(row.reason.as_deref()),
        },
    ],
    keys: &[
        "id",
        "at",
        "tenant",
        "number",
        "action",
        "object",
        "email",
        "actor.uid",
        "actor.user",
        "actor.sudo_uid",
        "actor.pid",
        "actor.channel",
        "reason",
        "erased",
    ],
    id: |row| row.id.to_string(),
    none: "no changes",
};

/// `jane(1001)`; what is not known is left out, and a claim of sudo stands behind.
pub(crate) fn by(actor: &ActorView) -> Cell {
    let uid = actor.uid.map(|uid| format!("({uid})")).unwrap_or_default();
    let claim = actor.sudo_uid.map(|uid| format!(" sudo {uid}"));
    let client = actor.client_id.map(|id| id.to_string());
    let account = actor.user_id.map(|id| id.to_string()).or(client);
    let user = match (&actor.user, actor.uid) {
        (Some(user), _) => user.as_str(),
        (None, Some(_)) => "",
        (None, None) => account.as_deref().unwrap_or(&actor.channel),
    };
    Cell::Text(format!("{user}{uid}{}", claim.unwrap_or_default()))
}

impl Paged for List {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Lists changes.
///
/// # Errors
/// Those of [`Context::list`]; a time that is none.
pub(super) async fn list(context: &mut Context, wanted: AuditList) -> Result<Exit, Error> {
    let tenant = context.settings.list_tenant();
    let one_tenant = tenant.is_some();
    let moments = &context.printer.moments;
    let read = |flag: &str, text: Option<String>| {
        let time = text.map(|text| moment(flag, &text, moments));
        time.transpose()
    };
    let call = List {
        tenant,
        actor: wanted.actor,
        action: wanted.action,
        object: wanted.object,
        since: read("--since", wanted.since)?,
        until: read("--until", wanted.until)?,
        ..List::default()
    };
    let list = ListArgs {
        limit: Some(wanted.limit),
        filters: wanted.filters,
    };
    if wanted.follow {
        return follow::run(context, call, &SHAPE, &list, one_tenant).await;
    }
    context.list(call, &SHAPE, &list, one_tenant).await
}

impl Followed<AuditView> for List {
    fn since(&self, _: Time) -> Self {
        // Sorted by time: reading ends where it is reached, instead of looking through all rows.
        Self {
            cursor: None,
            ..self.clone()
        }
    }
    fn is_before(row: &AuditView, time: Time) -> bool {
        row.at < time
    }
    fn mark(row: &AuditView) -> String {
        row.id.to_string()
    }
}

/// Shows one change; for people what differs stands below it, a line a field.
///
/// # Errors
/// Those of the call and of writing.
pub(super) async fn show(context: &mut Context, id: String) -> Result<Exit, Error> {
    context.printer.check_columns(&SHAPE)?;
    let row = context.client.call(&Show { id }).await?;
    let printer = &mut context.printer;
    printer.item(&SHAPE, &row)?;
    if matches!(printer.format, Format::Table | Format::Wide) {
        if row.erased {
            printer.note("what was before and after it was erased; the chain holds its digest")?;
        }
        for (mark, part) in [('-', &row.before), ('+', &row.after)] {
            for line in part.iter().flat_map(fields) {
                printer.line(&format!("{mark} {line}"))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn fields(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect(),
        other => vec![other.to_string()],
    }
}
