//! `lockout list|show|clear|add|simulate`.

mod simulate;

use common::call::lockout::{Add, Clear, ClearAll, List, Show, Term};
use common::call::{Change, UserRef};
use common::view::LockoutView;

use crate::args::{Lockout, LockoutAdd, LockoutClear, Many, TermArgs};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<LockoutView> = Shape {
    kind: "lockout",
    columns: &[
        Column {
            heading: "SUBJECT",
            shown: Shown::Always,
            cell: subject,
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |l| {
                l.user_id
                    .map_or(Cell::Nothing, |id| Cell::Text(id.to_string()))
            },
        },
        Column {
            heading: "TENANT",
            shown: Shown::Always,
            cell: |l| Cell::text(l.tenant.as_deref()),
        },
        Column {
            heading: "FAILURES",
            shown: Shown::Always,
            cell: |l| Cell::Number(u64::from(l.failures)),
        },
        Column {
            heading: "LAST-ATTEMPT",
            shown: Shown::Always,
            cell: |l| Cell::moment(l.last_attempt_at),
        },
        Column {
            heading: "UNLOCKS-IN",
            shown: Shown::Always,
            cell: unlocks,
        },
        Column {
            heading: "LAST-IP",
            shown: Shown::Always,
            cell: |l| Cell::text(l.last_ip.as_deref()),
        },
        Column {
            heading: "MANUAL",
            shown: Shown::Wide,
            cell: |l| Cell::Flag(l.manual),
        },
        Column {
            heading: "WINDOW SECONDS",
            shown: Shown::Wide,
            cell: |l| Cell::Number(l.window_seconds),
        },
    ],
    keys: &[
        "email",
        "user_id",
        "subject_hash",
        "tenant",
        "failures",
        "window_seconds",
        "last_attempt_at",
        "locked_until",
        "manual",
        "last_ip",
    ],
    id: |l| {
        l.user_id.map_or_else(
            || l.subject_hash.clone().unwrap_or_default(),
            |id| id.to_string(),
        )
    },
    none: "nobody is locked out",
};

/// The address, the id, or the mark of a name that no user has.
fn subject(lockout: &LockoutView) -> Cell {
    Cell::name(
        lockout.email.as_deref(),
        lockout.user_id,
        lockout.subject_hash.as_deref(),
    )
}

fn unlocks(lockout: &LockoutView) -> Cell {
    match lockout.locked_until {
        Some(end) => Cell::Until(end),
        None if lockout.manual => Cell::text(Some("when cleared")),
        None => Cell::Nothing,
    }
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
pub(crate) async fn run(context: &mut Context, command: Lockout) -> Result<Exit, Error> {
    let tenant = context.settings.tenant.clone();
    match command {
        Lockout::List {
            include_unknown,
            ip,
            list,
        } => {
            let tenant = context.settings.list_tenant();
            let one_tenant = tenant.is_some();
            let call = List {
                tenant,
                include_unknown,
                ip,
                ..List::default()
            };
            context.list(call, &SHAPE, &list, one_tenant).await
        }
        Lockout::Show { user } => {
            context.printer.check_columns(&SHAPE)?;
            let UserRef { tenant, name } = names::user(&user, tenant.as_deref());
            let view = context.client.call(&Show { tenant, user: name }).await?;
            context.printer.item(&SHAPE, &view)?;
            Ok(Exit::Done)
        }
        Lockout::Clear(wanted) => {
            let LockoutClear { names, reason } = wanted;
            if names.users.is_empty() {
                return clear_all(context, names.ip, reason).await;
            }
            let users = names.users;
            clear(context, Many { users, reason }).await
        }
        Lockout::Add(wanted) => add(context, wanted).await,
        Lockout::Simulate(wanted) => simulate::run(context, wanted).await,
    }
}

/// Clears the counters and locks of names; `user unlock` is the same.
pub(crate) async fn clear(context: &mut Context, many: Many) -> Result<Exit, Error> {
    let tenant = context.settings.tenant.clone();
    let users = names::expand(&many.users)?;
    let call = |text: &str| Clear {
        user: names::user(text, tenant.as_deref()),
        reason: many.reason.clone(),
    };
    let told = |change: &Change| {
        sentence(
            change,
            &format!("Cleared the login failures of {}", change.subject),
            &format!("{} has no login failures", change.subject),
        )
    };
    context.each(&users, call, told).await
}

/// Clears what is locked, or what an address locked; all of it after the word was typed.
async fn clear_all(
    context: &mut Context,
    ip: Option<String>,
    reason: Option<String>,
) -> Result<Exit, Error> {
    // The flag alone: a tenant that is merely in force does not narrow what is typed as all.
    let tenant = context.settings.flags.tenant.clone();
    let place = tenant
        .as_deref()
        .map_or_else(|| "all tenants".to_owned(), |name| format!("tenant {name}"));
    let confirm = ip.is_none().then(|| "all".to_owned());
    if let Some(word) = &confirm {
        let deed = Deed {
            what: format!("clear all locks of {place}"),
            question: format!("Every locked name of {place} can be tried again."),
            answer: format!("--confirm={word}"),
        };
        context.ask_name(&deed, word)?;
    }
    let call = ClearAll {
        tenant,
        ip,
        confirm,
        reason,
    };
    let change = context.client.call(&call).await?;
    let text = sentence(
        &change,
        &format!("Cleared the login failures of {}", change.subject),
        "No such name is locked",
    );
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}

async fn add(context: &mut Context, wanted: LockoutAdd) -> Result<Exit, Error> {
    let TermArgs { length, .. } = wanted.term;
    let (term, until) = match length {
        Some(length) => (
            Term::Seconds(length.as_secs()),
            format!("for {}", common::units::format_duration(length)),
        ),
        None => (Term::UntilCleared, "until it is cleared".to_owned()),
    };
    let call = Add {
        user: names::user(&wanted.user, context.settings.tenant.as_deref()),
        term,
        reason: wanted.reason,
    };
    let change = context.client.call(&call).await?;
    let subject = &change.subject;
    let text = sentence(
        &change,
        &format!("Locked {subject} {until}"),
        &format!("{subject} is already locked so"),
    );
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}
