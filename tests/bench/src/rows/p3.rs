//! P3: checks while others log in without pause, against the same checks without them; the memory of
//! such a storm; and what a flood of logins beyond the queue is answered.

use std::thread;
use std::time::Duration;

use super::Bench;
use super::p2::CLIENTS;
use super::sample::{Server, bytes_in};
use crate::Result;
use crate::floor::hashes::MEMORY_KIB;
use crate::load::{Order, Outcome};
use crate::report::{Finding, Limit, Unit, median};
use crate::stage::{Figures, Pin, generate, stopped};

/// Checks a second, whether answers come or not.
const RATE: u32 = 1000;
/// Connections that carry them.
const CONNECTIONS: usize = 64;
/// Tokens that are checked.
const TOKENS: u64 = 1000;
/// Logins at once, more than the queue takes.
const FLOOD: usize = 500;
/// What their connections may take (P9), in MiB.
const FLOOD_CONNECTIONS_MIB: f64 = 500.0 * 32.0 / 1024.0;
const MIB: u64 = 1 << 20;

/// The figures of all rounds.
#[derive(Default)]
struct Storms {
    idle: Vec<f64>,
    beside: Vec<f64>,
    /// Memory over that of idleness in MiB, in a storm and in a flood.
    peaks: Vec<f64>,
    flood_peaks: Vec<f64>,
    /// p99 and median of refusals in a flood, in milliseconds.
    slowest: Vec<f64>,
    usual: Vec<f64>,
    refused: u64,
    evaluated: u64,
}

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let (rounds, seconds) = (bench.options.rounds(), bench.options.seconds());
    let subject = bench.small()?;
    let daemon = subject.start(Pin::None);
    let server = Server::of(&daemon);
    let tokens = TOKENS.min(subject.quiet_sessions());
    let checks = subject.write_checks(server.address, tokens, 500)?;
    let logins = subject.write_logins(server.address)?;
    let warming = Order {
        requests: Some(tokens),
        ..Order::new(server.address, checks.clone(), CONNECTIONS)
    };
    server.measure(&warming, Pin::None)?;
    let memory = Figures(server.pid);
    let idle_memory = memory.anonymous()?;
    let checking = Order {
        time: Some(seconds),
        rate: Some(RATE),
        ..Order::new(server.address, checks, CONNECTIONS)
    };
    let storm = |clients| Order {
        // It begins before the checks and ends after them.
        time: Some(seconds + Duration::from_millis(600)),
        ..Order::new(server.address, logins.clone(), clients)
    };
    let mut found = Storms::default();
    for _ in 0..rounds {
        found.idle.push(p99(&generate(&checking, Pin::None)?)?);
        let (peak, outcomes) = together(&memory, &[storm(CLIENTS), checking.clone()])?;
        found
            .beside
            .push(p99(outcomes.last().ok_or("no outcome")?)?);
        let (flood_peak, flood) = together(&memory, &[storm(FLOOD)])?;
        let flood = flood.first().ok_or("no outcome")?;
        if flood.with(200) + flood.with(503) != flood.answers() {
            return Err(format!("neither 200 nor 503: {:?}", flood.statuses).into());
        }
        found.refused += flood.with(503);
        found.evaluated += flood.with(200);
        found.slowest.push(flood.refused.p99 / 1000.0);
        found.usual.push(flood.refused.p50 / 1000.0);
        let over = |peak: u64| bytes_in(peak.saturating_sub(idle_memory), MIB);
        found.peaks.push(over(peak));
        found.flood_peaks.push(over(flood_peak));
    }
    stopped(daemon)?;
    report(bench, found)
}

fn report(bench: &mut Bench<'_>, found: Storms) -> Result<()> {
    let over = median(&found.beside) - median(&found.idle);
    bench.report.add(
        Finding::new("P3", "p99 of checks beside a login storm", Unit::Micros)
            .figures(found.beside, found.idle)
            .limits((Limit::AtMost(2.0), Limit::AtMost(1.5)))
            .note(&format!(
                "floor: without the storm; {over:.0} µs over it (aim ≤ 500)"
            )),
    );
    let threads = u32::try_from(thread::available_parallelism()?.get())?;
    let bound = f64::from(threads) * f64::from(MEMORY_KIB) / 1024.0 * 1.1;
    let limits = |most: f64| {
        let most = Limit::AtMost((most * 10.0).round() / 10.0);
        (most, most)
    };
    bench.report.add(
        Finding::new("P3", "memory of a storm over idle", Unit::Mib)
            .figures(found.peaks, Vec::new())
            .limits(limits(bound))
            .note("anonymous; bound: hash threads × memory × 1.1"),
    );
    bench.report.add(
        Finding::new("P3", "memory of 500 logins at once over idle", Unit::Mib)
            .figures(found.flood_peaks, Vec::new())
            .limits(limits(bound + FLOOD_CONNECTIONS_MIB))
            .note("the same, and 32 KiB a connection"),
    );
    bench.report.add(
        Finding::new("P3", "p99 of a refusal, 500 logins at once", Unit::Millis)
            .figures(found.slowest, Vec::new())
            .note(&format!(
                "p50 {:.0} ms; {} times 503, {} times 200, nothing else",
                median(&found.usual),
                found.refused,
                found.evaluated
            )),
    );
    Ok(())
}

fn p99(outcome: &Outcome) -> Result<f64> {
    if outcome.with(200) == 0 || outcome.with(200) != outcome.answers() {
        return Err(format!("not all checks are 200: {:?}", outcome.statuses).into());
    }
    Ok(outcome.times.p99)
}

/// Runs generators beside each other, each begun a little after the one before, and looks at the
/// server's memory meanwhile; its peak.
fn together(memory: &Figures, orders: &[Order]) -> Result<(u64, Vec<Outcome>)> {
    thread::scope(|scope| {
        let mut running = Vec::new();
        let mut peak = 0;
        for order in orders {
            if !running.is_empty() {
                thread::sleep(Duration::from_millis(300));
            }
            running.push(scope.spawn(|| generate(order, Pin::None).map_err(|e| e.to_string())));
        }
        while running.iter().any(|run| !run.is_finished()) {
            peak = peak.max(memory.anonymous()?);
            thread::sleep(Duration::from_millis(20));
        }
        let mut outcomes = Vec::new();
        for run in running {
            outcomes.push(run.join().map_err(|_| "a generator's thread panicked")??);
        }
        Ok((peak, outcomes))
    })
}
