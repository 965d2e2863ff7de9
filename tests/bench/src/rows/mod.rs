//! One file a row of the table of targets: what is run in turn, and what is made of the figures.

mod curve;
mod p1;
mod p1r;
mod p2;
mod p3;
mod p4;
mod p5;
mod p6;
mod p7;
mod p8;
mod p9;
mod sample;

use std::path::PathBuf;
use std::time::Instant;

use crate::Result;
use crate::args::Options;
use crate::report::{Report, say};
use crate::stage::{Machine, Size, Subject, build};

/// What the rows share.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) report: Report,
    /// A folder for files of the bench, where databases lie, too.
    pub(crate) folder: PathBuf,
    small: Option<Subject>,
    large: Option<Subject>,
}

impl Bench<'_> {
    /// The installation with a small crowd, made when it is first asked for.
    pub(crate) fn small(&mut self) -> Result<&mut Subject> {
        let users = self.options.few();
        made(&mut self.small, users)
    }

    /// The one with a large crowd.
    pub(crate) fn large(&mut self) -> Result<&mut Subject> {
        let users = self.options.many();
        made(&mut self.large, users)
    }

    /// Both.
    pub(crate) fn both(&mut self) -> Result<(&mut Subject, &mut Subject)> {
        let (few, many) = (self.options.few(), self.options.many());
        Ok((made(&mut self.small, few)?, made(&mut self.large, many)?))
    }

    fn wants(&self, row: &str) -> bool {
        let only = &self.options.only;
        only.is_empty() || only.iter().any(|name| name == row)
    }
}

fn made(subject: &mut Option<Subject>, users: u64) -> Result<&mut Subject> {
    if subject.is_none() {
        let sessions_each = Options::SESSIONS_EACH;
        let started = Instant::now();
        *subject = Some(Subject::new(Size {
            tenants: 0,
            users,
            sessions_each,
        })?);
        say(&format!(
            "made {users} users and {} sessions in {:.1} s",
            users * sessions_each,
            started.elapsed().as_secs_f64()
        ))?;
    }
    subject.as_mut().ok_or_else(|| "no installation".into())
}

/// A row, and the measurement that it stands for.
type Row = (&'static [&'static str], fn(&mut Bench<'_>) -> Result<()>);

const ROWS: [Row; 10] = [
    (&["P1", "P1b"], p1::run),
    (&["P1r"], p1r::run),
    (&["P2"], p2::run),
    (&["P3"], p3::run),
    (&["P4"], p4::run),
    (&["P5"], p5::run),
    (&["P6"], p6::run),
    (&["P7"], p7::run),
    (&["P8"], p8::run),
    (&["P9"], p9::run),
];

/// Runs what is asked for, says the figures, and writes them.
pub(crate) fn run(options: &Options) -> Result<()> {
    build()?;
    let folder = tempfile::tempdir()?;
    let machine = Machine::look(folder.path())?;
    say(&machine.preamble())?;
    let mut bench = Bench {
        options,
        report: Report::new(machine, options),
        folder: folder.path().to_path_buf(),
        small: None,
        large: None,
    };
    for (names, measure) in ROWS {
        if names.iter().any(|name| bench.wants(name)) {
            let started = Instant::now();
            measure(&mut bench)?;
            let took = started.elapsed().as_secs_f64();
            say(&format!("{} measured in {took:.0} s", names.join(", ")))?;
        }
    }
    say(&format!("\n{}", bench.report.table()))?;
    if let Some(out) = &options.out {
        bench.report.write(out)?;
    }
    if let Some(readme) = &options.readme {
        let text = std::fs::read_to_string(readme)?;
        std::fs::write(readme, bench.report.between_marks(&text)?)?;
    }
    Ok(())
}
