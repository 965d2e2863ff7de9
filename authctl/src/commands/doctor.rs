//! `doctor`: what most often goes wrong, looked at from outside, and by the daemon where one answers.
//! Nothing is changed. Without a daemon the rest is looked at all the same.

mod local;

use common::call::doctor::Doctor;
use common::view::{CheckedView, Finding, Section};

use crate::commands::Context;
use crate::commands::backup::Deaf;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<CheckedView> = Shape {
    kind: "doctor",
    columns: &[
        Column {
            heading: "CHECK",
            shown: Shown::Always,
            cell: |c| Cell::Text(c.check.clone()),
        },
        Column {
            heading: "SECTION",
            shown: Shown::Wide,
            cell: |c| Cell::Text(c.section.to_string()),
        },
        Column {
            heading: "RESULT",
            shown: Shown::Always,
            cell: |c| Cell::Text(c.result.as_str().to_owned()),
        },
        Column {
            heading: "DETAIL",
            shown: Shown::Always,
            cell: |c| {
                let hint = c.hint.as_ref().map(|hint| format!(" -> {hint}"));
                Cell::Text(format!("{}{}", c.detail, hint.unwrap_or_default()))
            },
        },
    ],
    keys: &[],
    id: |c| c.section.to_string(),
    none: "nothing was looked at",
};

/// Looks at everything, or at one part; exit 11 where something fails.
///
/// # Errors
/// A column that does not exist; those of writing. What keeps the daemon from answering is a finding.
pub(crate) async fn run(context: &mut Context, section: Option<Section>) -> Result<Exit, Error> {
    context.printer.check_columns(&SHAPE)?;
    let socket = context.settings.socket.clone();
    let asked = context.client.job(&Doctor { section }, &mut Deaf).await;
    let mut checks = vec![local::daemon(asked.as_ref())];
    checks.push(local::foreign());
    checks.extend(local::sockets(socket.as_deref()));
    checks.push(local::unit(asked.as_ref().ok()));
    match asked {
        Ok(view) => checks.extend(view.checks),
        // What can be seen without it is not passed over.
        Err(_) => checks.push(local::space()),
    }
    match checks.iter_mut().find(|one| one.section == Section::Clock) {
        Some(clock) if clock.result == Finding::Ok => *clock = local::clock(clock.clone()),
        Some(_) => {}
        None => checks.push(local::clock(CheckedView::new(
            Section::Clock,
            Finding::Skipped,
            "the daemon does not answer",
        ))),
    }
    checks.retain(|check| section.is_none_or(|wanted| wanted == check.section));
    let place = |check: &CheckedView| {
        Section::ALL
            .iter()
            .position(|section| *section == check.section)
    };
    checks.sort_by_key(place);
    let failed = checks.iter().any(|check| check.result == Finding::Fail);
    // A check that is cut off says nothing: the last column is the point of it all.
    context.printer.list(&SHAPE, checks, None, true)?;
    Ok(if failed { Exit::Unsound } else { Exit::Done })
}
