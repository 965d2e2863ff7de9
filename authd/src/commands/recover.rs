//! `authd recover`: loads the configuration and hands over.

use std::io::Write;

use super::{OK, finish};
use crate::config::{Faults, Source, load};
use crate::print::Printer;
use crate::startup::offline::recover;

/// Does what is asked; returns the exit status.
pub fn run<O: Write, E: Write>(
    user: &str,
    source: &Source,
    mut out: Printer<O>,
    errors: &mut Printer<E>,
) -> u8 {
    let loaded = match load(source) {
        Ok(loaded) => loaded,
        Err(faults) => {
            errors.line(&faults);
            return Faults::EXIT;
        }
    };
    let status = match recover::run(user, &loaded, &mut |line: &str| out.line(line)) {
        Ok(()) => OK,
        Err(failure) => {
            failure.tell(errors);
            failure.code()
        }
    };
    finish(out, errors, status)
}
