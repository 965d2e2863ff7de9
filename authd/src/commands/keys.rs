//! `authd keys …`: loads the configuration, asks where everything ends, and hands over.

use std::io::{self, IsTerminal, Write};

use super::db::answered;
use super::{OK, finish};
use crate::args::Keys;
use crate::config::{Faults, Source, load};
use crate::print::Printer;
use crate::startup::offline::keys::{self, KeyTask};

/// Does what is asked; returns the exit status.
pub fn run<O: Write, E: Write>(
    args: Keys,
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
    let mut is_sure = false;
    let task = match args {
        Keys::List => KeyTask::List,
        Keys::Generate { alg } => KeyTask::Generate { algorithm: alg },
        Keys::Import { file } => KeyTask::Import { file },
        Keys::ExportPublic => KeyTask::ExportPublic,
        Keys::Rewrap { new } => KeyTask::Rewrap { new },
        Keys::Renew { new, yes } => {
            is_sure = yes;
            KeyTask::Renew { new }
        }
    };
    // Where nobody is there to answer, that means no.
    let mut ask =
        |question: &str| is_sure || (io::stdin().is_terminal() && answered(question, errors));
    let done = keys::run(&task, &loaded, &mut |line: &str| out.line(line), &mut ask);
    let status = match done {
        Ok(()) => OK,
        Err(failure) => {
            failure.tell(errors);
            failure.code()
        }
    };
    finish(out, errors, status)
}
