//! `attempt list|top|show|prune`.

mod top;

use std::time::Duration;

use common::call::attempt::{List, Prune, Show};
use common::time::Time;
use common::view::AttemptView;

use crate::args::{Attempt, AttemptList};
use crate::commands::follow::{self, Followed};
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};
use crate::output::time::Moments;

/// What attempts look like; `user show` has them too.
pub(crate) const SHAPE: Shape<AttemptView> = Shape {
    kind: "attempt",
    columns: &[
        Column {
            heading: "TIME",
            shown: Shown::Always,
            cell: |a| Cell::Moment(a.at),
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |a| Cell::Text(a.id.to_string()),
        },
        Column {
            heading: "TENANT",
            shown: Shown::Always,
            cell: |a| Cell::text(a.tenant.as_deref()),
        },
        Column {
            heading: "USER",
            shown: Shown::Always,
            cell: user,
        },
        Column {
            heading: "IP",
            shown: Shown::Always,
            cell: |a| Cell::text(a.ip.as_deref()),
        },
        Column {
            heading: "OUTCOME",
            shown: Shown::Always,
            cell: |a| Cell::Text(a.outcome.clone()),
        },
        Column {
            heading: "DEVICE",
            shown: Shown::Always,
            cell: |attempt| Cell::device(attempt.device.as_ref()),
        },
        Column {
            heading: "COUNT",
            shown: Shown::Always,
            cell: |a| Cell::Number(a.count),
        },
        Column {
            heading: "LAST",
            shown: Shown::Wide,
            cell: |a| Cell::moment(a.last_at),
        },
        Column {
            heading: "REQUEST",
            shown: Shown::Wide,
            cell: |a| Cell::text(a.request_id.as_deref()),
        },
        Column {
            heading: "TRACE",
            shown: Shown::Wide,
            cell: |a| Cell::Text(a.trace.join("; ")),
        },
    ],
    keys: &[
        "id",
        "at",
        "tenant",
        "user_id",
        "email",
        "subject_hash",
        "ip",
        "success",
        "outcome",
        "device.id",
        "device.name",
        "device.type",
        "count",
        "last_at",
        "request_id",
    ],
    id: |a| a.id.to_string(),
    none: "no login attempts",
};

fn user(attempt: &AttemptView) -> Cell {
    Cell::name(
        attempt.email.as_deref(),
        attempt.user_id,
        attempt.subject_hash.as_deref(),
    )
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
pub(crate) async fn run(context: &mut Context, command: Attempt) -> Result<Exit, Error> {
    match command {
        Attempt::List(wanted) => list(context, wanted).await,
        Attempt::Top(wanted) => top::run(context, &wanted).await,
        Attempt::Show { id } => show(context, id).await,
        Attempt::Prune { older_than, reason } => prune(context, older_than, reason).await,
    }
}

async fn list(context: &mut Context, wanted: AttemptList) -> Result<Exit, Error> {
    let mut tenant = context.settings.list_tenant();
    let user = wanted.user.map(|text| {
        let named = names::user(&text, tenant.as_deref());
        tenant = named.tenant;
        named.name
    });
    let one_tenant = tenant.is_some();
    let since = wanted
        .since
        .map(|text| moment("--since", &text, &context.printer.moments))
        .transpose()?;
    let call = List {
        tenant,
        user,
        ip: wanted.ip,
        failed: wanted.failed,
        since,
        ..List::default()
    };
    if wanted.follow {
        return follow::run(context, call, &SHAPE, &wanted.list, one_tenant).await;
    }
    context.list(call, &SHAPE, &wanted.list, one_tenant).await
}

impl Followed<AttemptView> for List {
    fn since(&self, time: Time) -> Self {
        Self {
            since: self.since.max(Some(time)),
            cursor: None,
            ..self.clone()
        }
    }
    fn is_before(_: &AttemptView, _: Time) -> bool {
        // A folded row stands where its first attempt does.
        false
    }
    fn mark(row: &AttemptView) -> String {
        // A folded row that grew is news.
        format!("{} {}", row.id, row.count)
    }
}

async fn show(context: &mut Context, id: String) -> Result<Exit, Error> {
    context.printer.check_columns(&SHAPE)?;
    let attempt = context.client.call(&Show { id }).await?;
    context.printer.item(&SHAPE, &attempt)?;
    Ok(Exit::Done)
}

/// Reads the time that a flag gives: a time, a date (its first moment in the zone of the output) or
/// a length before now.
///
/// # Errors
/// A wrong command line.
pub(crate) fn moment(flag: &str, text: &str, moments: &Moments) -> Result<Time, Error> {
    if let Ok(ago) = common::units::parse_duration(text) {
        return Ok(moments.now.minus(ago));
    }
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    text.parse::<jiff::civil::Date>()
        .and_then(|date| date.to_zoned_datetime(moments.zone.clone()))
        .map(|start| Time::from_millis(start.timestamp().as_millisecond()))
        .map_err(|_| {
            Error::usage(format!("{flag} {text} is no time"))
                .hint("Write 2h, 2026-11-23 or 2026-11-23T14:02:11Z.")
        })
}

/// Removes old rows, after a question.
async fn prune(
    context: &mut Context,
    older_than: Duration,
    reason: Option<String>,
) -> Result<Exit, Error> {
    let age = common::units::format_duration(older_than);
    let deed = Deed {
        what: format!("prune login attempts older than {age}"),
        question: format!("Remove login attempts older than {age} for good?"),
        answer: "--yes".to_owned(),
    };
    deed.ask(context.settings.flags.yes, false)?;
    let call = Prune {
        older_than_seconds: older_than.as_secs(),
        reason,
    };
    let change = context.client.call(&call).await?;
    let text = sentence(
        &change,
        &format!("Pruned {}", change.subject),
        "No login attempt is that old",
    );
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_takes_a_time_a_date_or_a_length() {
        let now: Time = "2026-11-23T14:00:00.000Z".parse().unwrap();
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(3));
        let moments = Moments {
            now,
            relative: false,
            zone,
            brief: false,
        };
        let read = |text| moment("--since", text, &moments).map(|time| time.to_string());
        assert_eq!(read("2h").unwrap(), "2026-11-23T12:00:00.000Z");
        assert_eq!(read("2026-11-23").unwrap(), "2026-11-22T21:00:00.000Z");
        assert_eq!(
            read("2026-11-23T01:00:00Z").unwrap(),
            "2026-11-23T01:00:00.000Z"
        );
        assert_eq!(read("yesterday").unwrap_err().exit, Exit::Usage);
    }
}
