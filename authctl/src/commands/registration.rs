//! `registration list|delete`.

use common::call::Change;
use common::call::registration::{Delete, List};
use common::view::RegistrationView;

use crate::args::Registration;
use crate::commands::{Context, Paged, sentence};
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<RegistrationView> = Shape {
    kind: "registration",
    columns: &[
        Column {
            heading: "ADDRESS",
            shown: Shown::Always,
            cell: |r| Cell::Text(r.email.clone().unwrap_or_else(|| r.id.to_string())),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |r| Cell::Text(r.tenant.clone()),
        },
        Column {
            heading: "FROM",
            shown: Shown::Always,
            cell: |r| Cell::text(r.network.as_deref()),
        },
        Column {
            heading: "TRIES LEFT",
            shown: Shown::Always,
            cell: |r| Cell::Text(r.tries_left.to_string()),
        },
        Column {
            heading: "REGISTERED",
            shown: Shown::Always,
            cell: |r| Cell::Moment(r.created_at),
        },
        Column {
            heading: "EXPIRES",
            shown: Shown::Always,
            cell: |r| Cell::Until(r.expires_at),
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |r| Cell::Text(r.id.to_string()),
        },
    ],
    keys: &[
        "id",
        "tenant",
        "email",
        "network",
        "tries_left",
        "created_at",
        "expires_at",
    ],
    // What `registration delete` takes, whatever tenant it is run in.
    id: |r| match &r.email {
        Some(address) => format!("{}/{address}", r.tenant),
        None => r.id.to_string(),
    },
    none: "no registrations",
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
pub(crate) async fn run(context: &mut Context, command: Registration) -> Result<Exit, Error> {
    match command {
        Registration::List { list } => {
            let tenant = context.settings.list_tenant();
            let one_tenant = tenant.is_some();
            let call = List {
                tenant,
                ..List::default()
            };
            context.list(call, &SHAPE, &list, one_tenant).await
        }
        Registration::Delete { addresses, reason } => delete(context, &addresses, reason).await,
    }
}

async fn delete(
    context: &mut Context,
    addresses: &[String],
    reason: Option<String>,
) -> Result<Exit, Error> {
    let addresses = names::expand(addresses)?;
    let tenant = context.settings.tenant.clone();
    let call = |text: &str| Delete {
        registration: names::user(text, tenant.as_deref()),
        reason: reason.clone(),
    };
    let told = |change: &Change| {
        let subject = &change.subject;
        sentence(
            change,
            &format!("Ended the registration of {subject}"),
            &format!("Nothing waited for {subject}"),
        )
    };
    context.each(&addresses, call, told).await
}
