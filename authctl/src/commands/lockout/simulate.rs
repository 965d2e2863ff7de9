//! `lockout simulate`: the present policy beside another one.

use common::call::lockout::Simulate;
use common::units::format_duration;
use common::view::{SimulatedPolicy, SimulationView};

use crate::args::{Format, LockoutSimulate};
use crate::commands::Context;
use crate::commands::attempt::moment;
use crate::commands::backup::Deaf;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<SimulatedPolicy> = Shape {
    kind: "lockout.simulate",
    columns: &[
        Column {
            heading: "POLICY",
            shown: Shown::Always,
            cell: |row| Cell::Text(policy(row)),
        },
        Column {
            heading: "LOCKS",
            shown: Shown::Always,
            cell: |row| Cell::Number(row.locks),
        },
        Column {
            heading: "NAMES",
            shown: Shown::Always,
            cell: |row| Cell::Number(row.names),
        },
        Column {
            heading: "REAL-USERS",
            shown: Shown::Always,
            cell: |row| Cell::Number(row.real_users),
        },
        Column {
            heading: "GUESSES-LET-THROUGH",
            shown: Shown::Always,
            cell: |row| Cell::Number(row.guesses_let_through),
        },
    ],
    keys: &[],
    id: |row| row.policy.clone(),
    none: "no policies",
};

/// `present (5 in 15m, for 15m)`; what tenants have differently is told so.
fn policy(row: &SimulatedPolicy) -> String {
    let time = |seconds: Option<u64>| {
        seconds.map_or_else(
            || "(differs)".to_owned(),
            |seconds| format_duration(std::time::Duration::from_secs(seconds)),
        )
    };
    let threshold = row
        .threshold
        .map_or_else(|| "(differs)".to_owned(), |count| count.to_string());
    format!(
        "{} ({threshold} in {}, for {})",
        row.policy,
        time(row.window_seconds),
        time(row.duration_seconds)
    )
}

/// Replays the log, and says what was assumed.
pub(super) async fn run(context: &mut Context, wanted: LockoutSimulate) -> Result<Exit, Error> {
    context.printer.check_columns(&SHAPE)?;
    let call = Simulate {
        tenant: context.settings.list_tenant(),
        since: moment("--since", &wanted.since, &context.printer.moments)?,
        threshold: wanted.policy.threshold,
        window_seconds: wanted.policy.window.map(|window| window.as_secs()),
        duration_seconds: wanted.policy.duration.map(|duration| duration.as_secs()),
    };
    let found = context.client.job(&call, &mut Deaf).await?;
    if matches!(context.printer.format, Format::Json | Format::Jsonl) {
        context.printer.object("lockout.simulate", &found)?;
        return Ok(Exit::Done);
    }
    let remarks = remarks(&found);
    context.printer.list(&SHAPE, found.policies, None, false)?;
    for remark in remarks {
        context.printer.note(&remark)?;
    }
    Ok(Exit::Done)
}

fn remarks(found: &SimulationView) -> Vec<String> {
    let mut remarks = vec![format!(
        "replayed {} attempts for {} names",
        found.attempts, found.names
    )];
    if found.folded_rows > 0 {
        remarks.push(format!(
            "{} of them are folded into {} rows, and were spread evenly over the time of their row",
            found.folded_attempts, found.folded_rows
        ));
    }
    if found.taken_for_wrong > 0 {
        remarks.push(format!(
            "{} had been refused unevaluated by a lock; where a policy lets one through, it counts \
             as a wrong password",
            found.taken_for_wrong
        ));
    }
    if found.on_devices > 0 {
        remarks.push(format!(
            "{} on the counters of known devices were left out: they lock no name",
            found.on_devices
        ));
    }
    remarks
}
