//! `authd db …`: loads the configuration, asks where something is replaced, and hands over.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};

use super::{FAILURE, OK, finish};
use crate::args::Db;
use crate::config::{Faults, Source, load};
use crate::print::Printer;
use crate::startup::Failure;
use crate::startup::offline::{self, Task};

/// Does what is asked; returns the exit status.
pub fn run<O: Write, E: Write>(
    args: Db,
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
    let task = match args {
        Db::Status => Task::Status,
        Db::Migrate { dry_run } => Task::Migrate { dry_run },
        Db::Backup { file } => Task::Backup { file },
        Db::Restore {
            file,
            yes,
            keep_sessions,
            new_keys,
        } => {
            if !yes && !confirmed(&file.display().to_string(), errors) {
                return FAILURE;
            }
            Task::Restore {
                file,
                keep_sessions,
                new_keys,
            }
        }
        Db::Verify { file } => Task::Verify { file },
        Db::Vacuum => Task::Vacuum,
        Db::Rescue => Task::Rescue,
    };
    let done = offline::run(&task, &loaded, &mut |line: &str| out.line(line));
    let status = match done {
        Ok(()) => OK,
        Err(failure) => told(&failure, errors),
    };
    finish(out, errors, status)
}

fn told<E: Write>(failure: &Failure, errors: &mut Printer<E>) -> u8 {
    failure.tell(errors);
    failure.code()
}

/// Asks on the terminal; nobody there to answer means no.
fn confirmed<E: Write>(file: &str, errors: &mut Printer<E>) -> bool {
    if !io::stdin().is_terminal() {
        errors.line(format_args!(
            "authd: error: refusing to replace the database without confirmation: stdin is not a terminal"
        ));
        errors.line(format_args!("  In scripts: authd db restore {file} --yes"));
        return false;
    }
    let yes = answered(
        format_args!(
            "Replace the database by {file}? Everybody is signed out, and rights become those of the backup."
        ),
        errors,
    );
    if !yes {
        errors.line(format_args!("authd: not confirmed; nothing was changed"));
    }
    yes
}

/// Asks on the terminal.
pub(super) fn answered<E: Write>(question: impl Display, errors: &mut Printer<E>) -> bool {
    errors.line(format_args!("{question} [y/N]"));
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).is_ok();
    read && matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}
