//! `client list|show|create|rotate|delete`.

use common::call::client::{ClientRef, Create, Delete, List, Rotate, Show};
use common::call::{Change, UserRef};
use common::view::ClientView;

use crate::args::{Client, ClientCreate, Format};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<ClientView> = Shape {
    kind: "client",
    columns: &[
        Column {
            heading: "CLIENT",
            shown: Shown::Always,
            cell: |c| Cell::Text(c.id.to_string()),
        },
        Column {
            heading: "NAME",
            shown: Shown::Always,
            cell: |c| Cell::text(c.name.as_deref()),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |c| Cell::text(c.tenant.as_deref()),
        },
        Column {
            heading: "SCOPES",
            shown: Shown::Always,
            cell: |c| Cell::many(&c.scopes),
        },
        Column {
            heading: "ROLES",
            shown: Shown::Always,
            cell: |c| Cell::many(&c.roles),
        },
        Column {
            heading: "SECRETS",
            shown: Shown::Always,
            cell: |c| Cell::Number(u64::try_from(c.secrets.len()).unwrap_or(u64::MAX)),
        },
        Column {
            heading: "EXPIRES",
            shown: Shown::Always,
            cell: |c| Cell::moment(c.expires_at),
        },
        Column {
            heading: "LAST USE",
            shown: Shown::Always,
            cell: |c| Cell::moment(c.last_used_at),
        },
        Column {
            heading: "CREATED",
            shown: Shown::Wide,
            cell: |c| Cell::Moment(c.created_at),
        },
        Column {
            heading: "UPDATED",
            shown: Shown::Wide,
            cell: |c| Cell::Moment(c.updated_at),
        },
    ],
    keys: &[
        "id",
        "name",
        "tenant",
        "scopes",
        "roles",
        "secrets",
        "expires_at",
        "last_used_at",
        "created_at",
        "updated_at",
    ],
    id: |c| c.id.to_string(),
    none: "no clients",
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
pub(crate) async fn run(context: &mut Context, command: Client) -> Result<Exit, Error> {
    match command {
        Client::List { list } => {
            let tenant = context.settings.list_tenant();
            let one_tenant = tenant.is_some();
            let call = List {
                tenant,
                ..List::default()
            };
            context.list(call, &SHAPE, &list, one_tenant).await
        }
        Client::Show { client } => {
            context.printer.check_columns(&SHAPE)?;
            let ClientRef { tenant, name } = named(context, &client)?;
            let call = Show {
                tenant,
                client: name,
            };
            let view = context.client.call(&call).await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        Client::Create(wanted) => create(context, wanted).await,
        Client::Rotate {
            client,
            now,
            reason,
        } => rotate(context, &client, now, reason).await,
        Client::Delete { client, reason } => delete(context, &client, reason).await,
    }
}

/// The client that the words name; a bare name lives in the tenant of the run.
fn named(context: &Context, text: &str) -> Result<ClientRef, Error> {
    let UserRef { tenant, name } = names::user(text, context.settings.tenant.as_deref());
    if tenant.is_none() && !name.starts_with("cli_") {
        context.settings.required_tenant()?;
    }
    Ok(ClientRef { tenant, name })
}

async fn create(context: &mut Context, wanted: ClientCreate) -> Result<Exit, Error> {
    let UserRef { tenant, name } = names::user(&wanted.name, context.settings.tenant.as_deref());
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => context.settings.required_tenant()?,
    };
    let call = Create {
        tenant,
        name,
        scopes: wanted.scopes,
        roles: wanted.roles,
        expires_seconds: wanted.expires.map(|time| time.as_secs()),
    };
    let change = context.client.call(&call).await?;
    let id = change.id.as_deref().unwrap_or("-");
    let done = format!("Created client {} ({id})", change.subject);
    shown_once(context, &change, &done)
}

async fn rotate(
    context: &mut Context,
    text: &str,
    now: bool,
    reason: Option<String>,
) -> Result<Exit, Error> {
    let call = Rotate {
        client: named(context, text)?,
        now,
        reason,
    };
    let change = context.client.call(&call).await?;
    let done = format!("Made another secret of client {}", change.subject);
    shown_once(context, &change, &done)
}

/// Prints the secret; for people nothing else may stand on standard output, so that a script takes it
/// whole.
fn shown_once(context: &mut Context, change: &Change, done: &str) -> Result<Exit, Error> {
    let text = sentence(change, done, "Nothing to do");
    let for_people = matches!(
        context.printer.format,
        Format::Table | Format::Wide | Format::Id
    );
    match &change.client_secret {
        Some(secret) if for_people => {
            context.printer.line(secret.expose())?;
            context.printer.note(&text)?;
            for note in &change.notes {
                context.printer.note(note)?;
            }
        }
        _ => context.printer.change(change, &text)?,
    }
    Ok(Exit::Done)
}

async fn delete(context: &mut Context, text: &str, reason: Option<String>) -> Result<Exit, Error> {
    let client = named(context, text)?;
    let deed = Deed {
        what: format!("delete client {text}"),
        question: format!("Delete client {text}? Its secrets and tokens are refused at once."),
        answer: "--yes".to_owned(),
    };
    let flags = &context.settings.flags;
    deed.ask(flags.yes || flags.dry_run, false)?;
    let change = context.client.call(&Delete { client, reason }).await?;
    let done = format!("Deleted client {}", change.subject);
    let already = format!("Client {} is gone already", change.subject);
    let text = sentence(&change, &done, &already);
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}
