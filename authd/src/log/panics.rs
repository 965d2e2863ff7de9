//! What is said of a fault in the program itself: where it happened, as an event like any other, and
//! never what the program was working on. The text of a panic may quote it (`unwrap` of an error,
//! an index into a text), so a text that was put together at run time is left out.

use std::panic::{self, PanicHookInfo};

/// Takes the place of the standard library's report, which writes the whole text and a backtrace to
/// stderr, past the log.
pub(super) fn tell() {
    panic::set_hook(Box::new(event));
}

/// The event of one panic.
pub(super) fn event(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string);
    // A text of the source itself holds no value; one that was formatted may.
    let reason = info.payload().downcast_ref::<&'static str>().copied();
    tracing::error!(
        event = "daemon.fault",
        place,
        reason = reason.unwrap_or("not shown: it may hold what the program worked on"),
        "a fault in the program; the work at hand was given up"
    );
}
