//! Commands that need no running daemon: one file each, output through a printer, exit status out.

pub mod check_config;
pub mod completion;
pub mod db;
pub mod healthcheck;
pub mod keys;
pub mod man;
pub mod openapi;
pub mod print_config;
pub mod recover;
pub mod run;
pub mod version;

use std::io::Write;

use crate::print::Printer;

/// Exit status of a command that did what it should.
pub const OK: u8 = 0;
/// Exit status of a command that failed for no reason of its own number.
pub const FAILURE: u8 = 1;

/// Brings out what is left, and turns a failed write into a message and exit status 1.
pub fn finish<O: Write, E: Write>(out: Printer<O>, errors: &mut Printer<E>, status: u8) -> u8 {
    match out.finish() {
        Ok(()) => status,
        Err(error) => {
            errors.line(format_args!(
                "authd: error: cannot write the output: {error}"
            ));
            FAILURE
        }
    }
}
