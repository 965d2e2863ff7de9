//! `-f`: the last rows of a log, then each as it happens. The list is asked for again and again, each
//! time from a little before the last time on, for a row is written some time after the moment that
//! it bears; what was shown is remembered, so that no row is lost and none comes twice.

use std::collections::BTreeSet;
use std::time::Duration;

use common::call::AdminCall;
use common::time::{Clock, SystemClock, Time};
use common::view::Page;
use serde::Serialize;

use crate::args::ListArgs;
use crate::commands::{Context, PAGE, Paged, passes};
use crate::error::Error;
use crate::exit::Exit;
use crate::filter;
use crate::output::Shape;

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How long after its moment a row may be written: longer than any request lives.
const LAG: Duration = Duration::from_mins(2);
/// Rows that are shown at first, where no number is asked for.
const ROWS: u64 = 10;

/// A log that can be followed.
pub(crate) trait Followed<T>: Paged + AdminCall<Answer = Page<T>> + Clone {
    /// The same list from a time on, from its beginning.
    fn since(&self, time: Time) -> Self;
    /// Whether the list is sorted by the time that [`Followed::since`] asks for, and this row stands
    /// before it: nothing behind it is wanted.
    fn is_before(row: &T, time: Time) -> bool;
    /// What tells a row from all others, and from itself before it changed.
    fn mark(row: &T) -> String;
}

/// Shows the last rows, then each new one, until somebody ends it.
///
/// # Errors
/// Those of the call and of writing; a filter or column that the list lacks, an order of its own.
pub(crate) async fn run<C: Followed<T>, T: Serialize>(
    context: &mut Context,
    call: C,
    shape: &Shape<T>,
    list: &ListArgs,
    one_tenant: bool,
) -> Result<Exit, Error> {
    filter::check(&list.filters, shape.keys)?;
    context.printer.check_columns(shape)?;
    if context.settings.flags.sort.is_some() {
        return Err(
            Error::usage("--sort cannot order what has not happened yet")
                .hint("Leave out --sort or --follow."),
        );
    }
    // A line that stands would soon be wrong with "3m ago".
    context.printer.moments.relative = false;
    let mut from = SystemClock.now().minus(LAG);
    // Older rows than the first ones shown are none of what follows.
    let mut known = marks::<C, T>(&recent(context, &call, from).await?);
    let first = ListArgs {
        limit: list.limit.or(Some(ROWS)),
        filters: list.filters.clone(),
    };
    let (mut rows, _) = context.fetch(call.clone(), shape, &first).await?;
    known.extend(marks::<C, T>(&rows));
    loop {
        rows.reverse();
        context.printer.more(shape, &rows, one_tenant)?;
        tokio::time::sleep(PAUSE).await;
        let now = SystemClock.now();
        rows = patient(context, &call, from).await?;
        // What is not here any more does not come again: the next look begins later.
        let seen = marks::<C, T>(&rows);
        rows.retain(|row| !known.contains(&C::mark(row)));
        known = seen;
        from = now.minus(LAG);
        rows = narrowed(rows, list)?;
    }
}

fn marks<C: Followed<T>, T>(rows: &[T]) -> BTreeSet<String> {
    rows.iter().map(C::mark).collect()
}

fn narrowed<T: Serialize>(rows: Vec<T>, list: &ListArgs) -> Result<Vec<T>, Error> {
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        if passes(&row, list)? {
            kept.push(row);
        }
    }
    Ok(kept)
}

/// The rows since a time; waits for a daemon that is gone or has too much to do.
async fn patient<C: Followed<T>, T: Serialize>(
    context: &mut Context,
    call: &C,
    from: Time,
) -> Result<Vec<T>, Error> {
    let mut is_told = false;
    loop {
        let error = match recent(context, call, from).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        if !matches!(error.exit, Exit::NotRunning | Exit::Busy) {
            return Err(error);
        }
        if !is_told {
            is_told = true;
            context
                .printer
                .note("authd does not answer; waiting for it")?;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The rows since a time, the newest first, page by page.
async fn recent<C: Followed<T>, T>(
    context: &mut Context,
    call: &C,
    from: Time,
) -> Result<Vec<T>, Error> {
    let mut call = call.since(from);
    call.page(u32::try_from(PAGE).unwrap_or(u32::MAX));
    let mut rows = Vec::new();
    loop {
        let page = context.client.call(&call).await?;
        rows.extend(page.items);
        let is_over = rows.last().is_some_and(|row| C::is_before(row, from));
        match page.next_cursor {
            Some(cursor) if !is_over => call.after(cursor),
            _ => return Ok(rows),
        }
    }
}
