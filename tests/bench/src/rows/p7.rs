//! P7: `authctl` with a simple read, from exec to exit, in turn with a program that does nothing.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::Bench;
use crate::Result;
use crate::load::Times;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Pin, stopped};

/// Runs of each program in a round.
const RUNS: u32 = 100;

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let rounds = bench.options.rounds();
    let subject = bench.small()?;
    let daemon = subject.start(Pin::None);
    let authctl = daemon.authctl();
    let nothing = harness::binary("nothing");
    let (mut own, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (mut reads, mut starts) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let mut read = authctl.command();
            read.args(["tenant", "list"]);
            reads.push(timed(read)?);
            starts.push(timed(Command::new(&nothing))?);
        }
        own.push(Times::of_durations(reads));
        floor.push(Times::of_durations(starts));
    }
    stopped(daemon)?;
    let of = |figure: fn(&Times) -> f64| own.iter().map(figure).collect::<Vec<f64>>();
    let floor = floor.iter().map(|times| times.p50 / 1000.0).collect();
    bench.report.add(
        Finding::new("P7", "authctl tenant list, exec to exit: p50", Unit::Millis)
            .figures(of(|times| times.p50 / 1000.0), floor)
            .limits((Limit::AtMost(6.5), Limit::AtMost(3.3)))
            .note("in ms: must ≤ 6, aim ≤ 3"),
    );
    bench.report.add(
        Finding::new("P7", "authctl tenant list, exec to exit: p99", Unit::Millis)
            .figures(of(|times| times.p99 / 1000.0), Vec::new())
            .limits((Limit::None, Limit::AtMost(5.0))),
    );
    Ok(())
}

fn timed(mut command: Command) -> Result<std::time::Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(took)
}
