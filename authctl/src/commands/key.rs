//! `key list|jwks|rotate|retire|revoke`.

use common::call::Change;
use common::call::key::{Jwks, List, Retire, Revoke, Rotate};
use common::view::KeyView;

use crate::args::Key;
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<KeyView> = Shape {
    kind: "key",
    columns: &[
        Column {
            heading: "KEY",
            shown: Shown::Always,
            cell: |k| Cell::Text(k.id.to_string()),
        },
        Column {
            heading: "ALG",
            shown: Shown::Always,
            cell: |k| Cell::Text(k.alg.clone()),
        },
        Column {
            heading: "STATE",
            shown: Shown::Always,
            cell: |k| Cell::Text(k.state.clone()),
        },
        Column {
            heading: "CREATED",
            shown: Shown::Always,
            cell: |k| Cell::Moment(k.created_at),
        },
        Column {
            heading: "ACTIVATES",
            shown: Shown::Always,
            cell: |k| Cell::Moment(k.activates_at),
        },
        Column {
            heading: "RETIRES",
            shown: Shown::Always,
            cell: |k| Cell::moment(k.retires_at),
        },
        Column {
            heading: "ENDS",
            shown: Shown::Wide,
            cell: |k| Cell::moment(k.ends_at),
        },
    ],
    keys: &[
        "id",
        "alg",
        "state",
        "created_at",
        "activates_at",
        "retires_at",
        "ends_at",
    ],
    id: |k| k.id.to_string(),
    none: "no keys",
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
pub(crate) async fn run(context: &mut Context, command: Key) -> Result<Exit, Error> {
    match command {
        Key::List { list } => context.list(List::default(), &SHAPE, &list, true).await,
        Key::Jwks => jwks(context).await,
        Key::Rotate {
            activate_after,
            reason,
        } => rotate(context, activate_after, reason).await,
        Key::Retire { key, reason } => retire(context, key, reason).await,
        Key::Revoke { key, reason } => revoke(context, key, reason).await,
    }
}

/// JSON whatever the format, for it is the format.
async fn jwks(context: &mut Context) -> Result<Exit, Error> {
    let keys = context.client.call(&Jwks {}).await?;
    let text = serde_json::to_string_pretty(&keys)
        .map_err(|error| Error::new(Exit::Failure, "internal", format!("cannot write: {error}")))?;
    context.printer.text(&format!("{text}\n"))?;
    Ok(Exit::Done)
}

async fn rotate(
    context: &mut Context,
    after: Option<std::time::Duration>,
    reason: Option<String>,
) -> Result<Exit, Error> {
    ask(context, "rotate the signing key", "Rotate the signing key?")?;
    let call = Rotate {
        activate_after_seconds: after.map(|after| after.as_secs()),
        reason,
    };
    let change = context.client.call(&call).await?;
    let subject = &change.subject;
    let done = if after.is_some_and(|after| after.is_zero()) {
        format!("Rotated to key {subject}")
    } else {
        format!("Announced key {subject}")
    };
    tell(context, &change, &done, "is announced so already")
}

async fn retire(context: &mut Context, key: String, reason: Option<String>) -> Result<Exit, Error> {
    ask(
        context,
        &format!("retire key {key}"),
        &format!("Retire key {key}? What it signed stays good for its time."),
    )?;
    let change = context.client.call(&Retire { key, reason }).await?;
    let done = format!("Retired key {}", change.subject);
    tell(context, &change, &done, "is out of use already")
}

async fn revoke(context: &mut Context, key: String, reason: Option<String>) -> Result<Exit, Error> {
    let deed = Deed {
        what: format!("revoke key {key}"),
        question: format!("Every token that {key} signed is refused from now on, everywhere."),
        answer: format!("--confirm={key}"),
    };
    context.ask_name(&deed, &key)?;
    let call = Revoke {
        confirm: Some(key.clone()),
        key,
        reason,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Revoked key {}", change.subject);
    tell(context, &change, &done, "is gone already")
}

fn ask(context: &Context, what: &str, question: &str) -> Result<(), Error> {
    let flags = &context.settings.flags;
    let deed = Deed {
        what: what.to_owned(),
        question: question.to_owned(),
        answer: "--yes".to_owned(),
    };
    deed.ask(flags.yes || flags.dry_run, false)
}

fn tell(context: &mut Context, change: &Change, done: &str, already: &str) -> Result<Exit, Error> {
    let already = format!("Key {} {already}", change.subject);
    let text = sentence(change, done, &already);
    context.printer.change(change, &text)?;
    Ok(Exit::Done)
}
