//! One file a row of the table of targets: what is run in turn, and what is made of the figures.

mod p1;
mod sample;

use crate::Result;
use crate::args::Options;
use crate::report::{Report, say};
use crate::stage::{Machine, Size, Subject};

/// The crowd of most rows.
const SMALL: Size = Size {
    users: 1000,
    sessions_each: 10,
};

/// What the rows share.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) report: Report,
    small: Option<Subject>,
}

impl Bench<'_> {
    /// The installation with a small crowd, made when it is first asked for.
    pub(crate) fn small(&mut self) -> Result<&mut Subject> {
        if self.small.is_none() {
            self.small = Some(Subject::new(SMALL)?);
        }
        self.small.as_mut().ok_or_else(|| "no installation".into())
    }

    fn wants(&self, row: &str) -> bool {
        let only = &self.options.only;
        only.is_empty() || only.iter().any(|name| name.eq_ignore_ascii_case(row))
    }
}

/// Runs what is asked for, says the figures, and writes them.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let machine = Machine::look(folder.path())?;
    say(&machine.preamble())?;
    let mut bench = Bench {
        options,
        report: Report::new(machine),
        small: None,
    };
    if bench.wants("P1") || bench.wants("P1b") {
        p1::run(&mut bench)?;
    }
    say(&bench.report.table())
}
