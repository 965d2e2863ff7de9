//! `mail status|test|pause|resume` and `mail queue list|show|retry|delete`.

use std::time::Duration;

use common::call::Change;
use common::call::mail::{
    Pause, QueueDelete, QueueList, QueueRetry, QueueShow, Resume, Status, Test,
};
use common::id::MessageId;
use common::units::format_duration_short;
use common::view::{MailStatus, MessageView};

use crate::args::{Format, Mail, Queue, QueueMany};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::table::{Cell, Column, Shown};
use crate::output::time::Moments;
use crate::output::{Shape, json as form};

/// Time for a test mail; the daemon ends the request sooner.
const TEST_PATIENCE: Duration = Duration::from_secs(35);

const SHAPE: Shape<MessageView> = Shape {
    kind: "mail",
    columns: &[
        Column {
            heading: "ID",
            shown: Shown::Always,
            cell: |m| Cell::Text(m.id.to_string()),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |m| Cell::text(m.tenant.as_deref()),
        },
        Column {
            heading: "TEMPLATE",
            shown: Shown::Always,
            cell: |m| Cell::Text(m.template.clone()),
        },
        Column {
            heading: "TO",
            shown: Shown::Always,
            cell: |m| Cell::text(m.to.as_deref()),
        },
        Column {
            heading: "STATE",
            shown: Shown::Always,
            cell: |m| Cell::text(Some(m.state.as_str())),
        },
        Column {
            heading: "TRIES",
            shown: Shown::Always,
            cell: |m| Cell::Number(u64::from(m.tries)),
        },
        Column {
            heading: "NEXT",
            shown: Shown::Always,
            cell: |m| m.next_try_at.map_or(Cell::Nothing, Cell::Until),
        },
        Column {
            heading: "LAST ERROR",
            shown: Shown::Always,
            cell: |m| Cell::text(m.last_error.as_deref()),
        },
        Column {
            heading: "CREATED",
            shown: Shown::Wide,
            cell: |m| Cell::Moment(m.created_at),
        },
        Column {
            heading: "FINISHED",
            shown: Shown::Wide,
            cell: |m| m.finished_at.map_or(Cell::Nothing, Cell::Moment),
        },
    ],
    keys: &[
        "id",
        "tenant",
        "template",
        "to",
        "state",
        "tries",
        "next_try_at",
        "last_error",
        "created_at",
        "finished_at",
    ],
    id: |m| m.id.to_string(),
    none: "no mails in the queue",
};

impl Paged for QueueList {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Mail) -> Result<Exit, Error> {
    match command {
        Mail::Status => status(context).await,
        Mail::Test { address } => test(context, address).await,
        Mail::Pause(why) => {
            let change = context.client.call(&Pause { reason: why.reason }).await?;
            tell(context, &change, "Paused mail", "Mail is already paused")
        }
        Mail::Resume(why) => {
            let change = context.client.call(&Resume { reason: why.reason }).await?;
            tell(context, &change, "Resumed mail", "Mail is not paused")
        }
        Mail::Queue(Queue::List { state, list }) => {
            let tenant = context.settings.list_tenant();
            let one_tenant = tenant.is_some();
            let call = QueueList {
                tenant,
                state,
                ..QueueList::default()
            };
            context.list(call, &SHAPE, &list, one_tenant).await
        }
        Mail::Queue(Queue::Show { id }) => {
            context.printer.check_columns(&SHAPE)?;
            let view = context
                .client
                .call(&QueueShow { id: message(&id)? })
                .await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        Mail::Queue(Queue::Retry(many)) => retry(context, many).await,
        Mail::Queue(Queue::Delete(many)) => delete(context, many).await,
    }
}

fn tell(context: &mut Context, change: &Change, done: &str, already: &str) -> Result<Exit, Error> {
    let text = sentence(change, done, already);
    context.printer.change(change, &text)?;
    Ok(Exit::Done)
}

async fn status(context: &mut Context) -> Result<Exit, Error> {
    let view = context.client.call(&Status {}).await?;
    let printer = &mut context.printer;
    match printer.format {
        Format::Json => printer.text(&form::line(&form::Single::new("mail.status", &view))?)?,
        Format::Jsonl => printer.text(&form::line(&view)?)?,
        Format::Csv => {
            return Err(Error::usage("\"mail status\" has no rows for --output csv")
                .hint("Use table or json."));
        }
        Format::Id => printer.line(word(&view))?,
        Format::Table | Format::Wide => {
            let line = line(&view, &printer.moments);
            printer.line(&line)?;
        }
    }
    Ok(Exit::Done)
}

/// How mail stands, in a word.
pub(super) fn word(view: &MailStatus) -> &'static str {
    match (&view.transport, view.paused) {
        (None, _) => "not configured",
        (Some(_), true) => "paused",
        (Some(_), false) if view.retrying => "retrying",
        (Some(_), false) => "ok",
    }
}

/// That mails are tried in vain, with the reason where it may be seen.
pub(super) fn retrying(view: &MailStatus) -> Option<String> {
    if !view.retrying {
        return None;
    }
    let why = view.last_error.as_deref();
    Some(why.map_or_else(|| "retrying".to_owned(), |why| format!("retrying: {why}")))
}

/// `smtp relay.example.net:587 starttls, last ok 2m ago, queued 3, failed 0`
fn line(view: &MailStatus, moments: &Moments) -> String {
    let transport = view.transport.as_deref().unwrap_or("not configured");
    let paused = if view.paused { ", paused" } else { "" };
    let ago = |time| format_duration_short(moments.now.since(time));
    let sent = view
        .last_sent_at
        .map_or_else(String::new, |at| format!(", last ok {} ago", ago(at)));
    let oldest = view
        .oldest_queued_at
        .map_or_else(String::new, |at| format!(" (the oldest for {})", ago(at)));
    format!(
        "{transport}{paused}{}{sent}, queued {}{oldest}, failed {}",
        retrying(view).map_or_else(String::new, |told| format!(", {told}")),
        view.queued,
        view.failed
    )
}

async fn test(context: &mut Context, address: String) -> Result<Exit, Error> {
    let call = Test {
        address: address.clone(),
    };
    if context.settings.flags.timeout.is_none() {
        context.client.wait_at_least(TEST_PATIENCE);
    }
    let change = context.client.call(&call).await?;
    let done = format!("Sent a test mail to {address}");
    tell(context, &change, &done, "No mail was sent")
}

async fn retry(context: &mut Context, many: QueueMany) -> Result<Exit, Error> {
    let ids = ids(&many)?;
    let call = |text: &str| QueueRetry {
        id: known(text),
        reason: many.reason.clone(),
    };
    let told = |change: &Change| {
        let done = format!("Queued mail {} again", change.subject);
        sentence(change, &done, "The mail is queued already")
    };
    context.each(&ids, call, told).await
}

async fn delete(context: &mut Context, many: QueueMany) -> Result<Exit, Error> {
    let from_stdin = names::from_stdin(&many.ids);
    let ids = ids(&many)?;
    let what = match ids.as_slice() {
        [one] => format!("mail {one}"),
        several => format!("{} mails", several.len()),
    };
    let deed = Deed {
        what: format!("delete {what}"),
        question: format!("Delete {what}? What it would have told nobody will be told."),
        answer: "--yes".to_owned(),
    };
    if !context.settings.flags.dry_run {
        deed.ask(context.settings.flags.yes, from_stdin)?;
    }
    let call = |text: &str| QueueDelete {
        id: known(text),
        reason: many.reason.clone(),
    };
    let told = |change: &Change| {
        let done = format!("Deleted mail {}", change.subject);
        sentence(change, &done, "There is no such mail")
    };
    context.each(&ids, call, told).await
}

/// The ids that were given, each of which is one.
fn ids(many: &QueueMany) -> Result<Vec<String>, Error> {
    let ids = names::expand(&many.ids)?;
    for id in &ids {
        message(id)?;
    }
    Ok(ids)
}

fn message(text: &str) -> Result<MessageId, Error> {
    text.parse().map_err(|_| {
        Error::usage(format!("\"{text}\" is no msg_… id"))
            .hint("List them: authctl mail queue list")
    })
}

/// An id that was read before.
fn known(text: &str) -> MessageId {
    text.parse()
        .unwrap_or_else(|_| MessageId::from_bytes([0; 16]))
}
