//! `events`: what happens, as it happens. The daemon's numbers tell where a conversation ended, so the
//! next one goes on there; what cannot be told any more ends it with 5, and nothing is left out silently.

use std::time::Duration;

use common::call::events::{Events, FROM, UPTO};
use common::call::job::Progress;
use common::view::EventView;

use crate::args::EventsArgs;
use crate::client::Hearer;
use crate::commands::Context;
use crate::commands::attempt::moment;
use crate::commands::audit::by;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::table::{Cell, Column, Shown};
use crate::output::{Printer, Shape};

/// Time between two tries to reach a daemon that is gone.
const PAUSE: Duration = Duration::from_secs(1);

const SHAPE: Shape<EventView> = Shape {
    kind: "event",
    columns: &[
        Column {
            heading: "SEQ",
            shown: Shown::Always,
            cell: |e| Cell::Number(e.seq),
        },
        Column {
            heading: "TIME",
            shown: Shown::Always,
            cell: |e| Cell::Moment(e.at),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |e| Cell::text(e.tenant.as_deref()),
        },
        Column {
            heading: "EVENT",
            shown: Shown::Always,
            cell: |e| Cell::Text(e.kind.clone()),
        },
        Column {
            heading: "SUBJECT",
            shown: Shown::Always,
            cell: |e| {
                let subject = &e.subject;
                let user = subject.user_id.map(|id| id.to_string());
                let name = subject.email.clone().or(user);
                Cell::Text(name.unwrap_or_else(|| subject.id.clone()))
            },
        },
        Column {
            heading: "FROM",
            shown: Shown::Always,
            cell: |e| Cell::text(e.ip.as_deref()),
        },
        Column {
            heading: "BY",
            shown: Shown::Always,
            cell: |e| e.actor.as_ref().map_or(Cell::Nothing, by),
        },
        Column {
            heading: "OBJECT",
            shown: Shown::Wide,
            cell: |e| Cell::Text(e.subject.id.clone()),
        },
        Column {
            heading: "AUDIT",
            shown: Shown::Wide,
            cell: |e| Cell::text(e.audit_id.map(|id| id.to_string()).as_deref()),
        },
        Column {
            heading: "REASON",
            shown: Shown::Wide,
            cell: |e| Cell::text(e.reason.as_deref()),
        },
    ],
    keys: &[],
    id: |e| e.seq.to_string(),
    none: "no events",
};

/// Writes lines of events as they come, and remembers up to where all was told.
struct Listener<'a> {
    printer: &'a mut Printer,
    one_tenant: bool,
    /// What is not a whole line yet.
    rest: Vec<u8>,
    /// The number to go on behind; none before the daemon has told one.
    upto: Option<u64>,
}

impl Hearer for Listener<'_> {
    fn progress(&mut self, progress: &Progress) {
        if progress.stage == FROM || progress.stage == UPTO {
            self.upto = Some(progress.done);
        }
    }

    fn data(&mut self, part: &[u8]) -> Result<(), Error> {
        self.rest.extend_from_slice(part);
        let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') else {
            return Ok(());
        };
        let behind = self.rest.split_off(end.saturating_add(1));
        let lines = std::mem::replace(&mut self.rest, behind);
        let mut rows: Vec<EventView> = Vec::new();
        for line in lines.split(|&byte| byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let row = serde_json::from_slice(line).map_err(|error| {
                Error::new(
                    Exit::Failure,
                    "unexpected_answer",
                    format!("cannot read an event: {error}"),
                )
            })?;
            rows.push(row);
        }
        let last = rows.last().map(|row| row.seq);
        self.printer.more(&SHAPE, &rows, self.one_tenant)?;
        self.upto = last.or(self.upto);
        Ok(())
    }
}

/// Tells events until somebody ends it, or all that there are.
///
/// # Errors
/// 5 for a beginning that is not there any more; those of the call and of writing.
pub(crate) async fn run(context: &mut Context, args: EventsArgs) -> Result<Exit, Error> {
    context.printer.check_columns(&SHAPE)?;
    if context.settings.flags.sort.is_some() {
        return Err(
            Error::usage("--sort cannot order what has not happened yet").hint("Leave out --sort."),
        );
    }
    let tenant = context.settings.list_tenant();
    let number = args.since.as_deref().map(str::parse::<u64>);
    let (since, since_time) = match (args.since.as_deref(), number) {
        (_, Some(Ok(number))) => (Some(number), None),
        (Some(text), _) => {
            let time = moment("--since", text, &context.printer.moments)?;
            (None, Some(time))
        }
        (None, _) => (None, None),
    };
    let one_tenant = tenant.is_some();
    let mut call = Events {
        tenant,
        since,
        since_time,
        kind: args.kind,
        follow: !args.no_follow,
    };
    // A line that stands would soon be wrong with "3m ago".
    context.printer.moments.relative = false;
    let mut is_told = false;
    loop {
        let Context {
            client, printer, ..
        } = context;
        let mut listener = Listener {
            printer,
            one_tenant,
            rest: Vec::new(),
            upto: None,
        };
        let ended = client.job(&call, &mut listener).await;
        if let Some(upto) = listener.upto {
            (call.since, call.since_time) = (Some(upto), None);
            is_told = false;
        }
        match ended {
            Ok(_) if args.no_follow => return Ok(Exit::Done),
            Ok(end) => (call.since, call.since_time) = (Some(end.upto), None),
            // It had begun, so it goes on from its number when the daemon is back.
            Err(error) if call.follow && call.since.is_some() && is_passing(&error) => {
                if !is_told {
                    is_told = true;
                    context
                        .printer
                        .note("authd does not answer; waiting for it")?;
                }
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether another try can help: the daemon is gone, busy, or was cut off.
fn is_passing(error: &Error) -> bool {
    matches!(error.exit, Exit::NotRunning | Exit::Busy) || error.is_cut()
}
