//! P4: refreshes, each on disk before its answer, against the same statements in raw SQLite; and a lone
//! chain, which must wait for the disk and for no timer.

use super::Bench;
use super::sample::{Sample, Server};
use crate::Result;
use crate::load::Order;
use crate::report::{Finding, Limit, Unit, median};
use crate::stage::{Pin, said, stopped, sync_time};

/// Chains side by side.
pub(super) const CHAINS: usize = 64;
/// Rotations in one commit of the floor.
const GROUP: &str = "32";
/// What a lone refresh may take beside one fdatasync, in milliseconds.
const BESIDE: f64 = 0.3;

/// The figures of all rounds.
#[derive(Default)]
struct Rounds {
    many: Vec<Sample>,
    lone: Vec<Sample>,
    grouped: Vec<f64>,
    single: Vec<f64>,
    /// Times of one fdatasync, in milliseconds.
    syncs: Vec<f64>,
}

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let (rounds, seconds) = (bench.options.rounds(), bench.options.seconds());
    let folder = bench.folder.clone();
    let subject = bench.small()?;
    let copy = subject.copy_database()?;
    let daemon = subject.start(Pin::None);
    let server = Server::of(&daemon);
    let floor = |group: &str| -> Result<f64> {
        let mut command = Pin::None.command()?;
        command.arg("floor-rotations").arg("--database").arg(&copy);
        command.args(["--group", group, "--seconds"]);
        command.arg(seconds.as_secs_f64().to_string());
        Ok(said(command)?.trim().parse()?)
    };
    let mut found = Rounds::default();
    for _ in 0..rounds {
        let mut measure = |chains: usize| -> Result<Sample> {
            let plan = subject.write_chains(server.address, chains as u64)?;
            let order = Order {
                time: Some(seconds),
                chains: true,
                ..Order::new(server.address, plan, chains)
            };
            server.measure(&order, Pin::None)
        };
        found.many.push(measure(CHAINS)?);
        found.grouped.push(floor(GROUP)?);
        found.lone.push(measure(1)?);
        found.single.push(floor("1")?);
        found.syncs.push(sync_time(&folder)?);
    }
    stopped(daemon)?;
    report(bench, found);
    Ok(())
}

fn report(bench: &mut Bench<'_>, found: Rounds) {
    let rates = || found.many.iter().map(|sample| sample.rate).collect();
    let cpu = Sample::median(&found.many, |sample| sample.cpu);
    let p99 = Sample::median(&found.many, |sample| sample.times.p99 / 1000.0);
    let what = "refreshes, 64 chains, over";
    bench.report.add(
        Finding::new("P4", format!("{what} groups of 32"), Unit::PerSecond)
            .figures(rates(), found.grouped)
            .limits((Limit::AtLeast(0.25), Limit::AtLeast(0.4)))
            .note(&format!("{cpu:.0} µs each, p99 {p99:.1} ms")),
    );
    bench.report.add(
        Finding::new("P4", format!("{what} single commits"), Unit::PerSecond)
            .figures(rates(), found.single)
            .limits((Limit::AtLeast(4.0), Limit::AtLeast(4.0))),
    );
    let alone = found.lone.iter().map(|sample| sample.times.p50 / 1000.0);
    let alone: Vec<f64> = alone.collect();
    let beside = alone.iter().zip(&found.syncs);
    let beside = beside.map(|(own, sync)| own - sync).collect();
    bench.report.add(
        Finding::new("P4", "a lone refresh, less one fdatasync", Unit::Millis)
            .figures(beside, Vec::new())
            .limits((Limit::None, Limit::AtMost(BESIDE)))
            .note(&format!(
                "p50 {:.2} ms, fdatasync {:.2} ms",
                median(&alone),
                median(&found.syncs)
            )),
    );
}
