//! P1 and P1b: checks of tokens, warm and at first sight, against a server that answers the same bytes.
//!
//! Server and generator have a processor each, where there are two: the server is what saturates, and
//! neither takes time from the other.

use std::path::Path;

use harness::{Daemon, Request, Response};

use super::Bench;
use super::sample::{Sample, Server, whole};
use crate::Result;
use crate::floor::http::Around;
use crate::load::Order;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Floor, Pin, Subject, said, stopped};

/// Distinct tokens, two of each session.
pub(super) const TOKENS: u64 = 10_000;
const CONNECTIONS: [usize; 2] = [16, 64];
/// First sights a second at most: more than there can be.
const FIRST_SIGHTS: f64 = 30_000.0;

/// Measures both rows.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let (warm, first) = (bench.wants("P1"), bench.wants("P1b"));
    let subject = bench.small()?;
    let daemon = subject.start(Pin::First);
    let answer = subject.path("answer");
    std::fs::write(&answer, sample_answer(subject, &daemon)?)?;
    let floor = Floor::http(&answer, Around::Serve, Pin::First)?;
    let hyper = Floor::http(&answer, Around::Hyper, Pin::First)?;
    let servers = [
        Server::of(&daemon),
        Server {
            address: floor.address,
            pid: floor.pid(),
        },
        Server {
            address: hyper.address,
            pid: hyper.pid(),
        },
    ];
    let [own, ..] = &servers;
    let tokens = TOKENS.min(2 * subject.quiet_sessions());
    let checks = subject.write_checks(own.address, tokens, 0)?;
    // Every token is known before the clock runs.
    let warming = Order {
        requests: Some(tokens),
        ..Order::new(own.address, checks.clone(), 16)
    };
    own.measure(&warming, Pin::Second)?;
    if warm {
        for connections in CONNECTIONS {
            warm_checks(bench, &servers, &checks, connections)?;
        }
        if bench.options.out.is_some() {
            let [own, floor, _] = &servers;
            super::curve::run(bench, own, floor, &checks)?;
        }
    }
    if first {
        first_sights(bench, &servers)?;
    }
    drop((floor, hyper));
    stopped(daemon)
}

/// Headers and body of one answer, for the floor.
fn sample_answer(subject: &Subject, daemon: &Daemon) -> Result<String> {
    let request = Request::get("/v1/auth/check").bearer(&subject.crowd.access(0, 0)?);
    let response: Response = daemon.api().connect().ask(&request)?;
    if response.status != 200 {
        return Err(format!("a check is refused: {}", response.text()).into());
    }
    let (headers, body) = (&response.headers, response.text());
    Ok(serde_json::to_string(&(headers, body))?)
}

fn warm_checks(
    bench: &mut Bench<'_>,
    servers: &[Server; 3],
    checks: &Path,
    connections: usize,
) -> Result<()> {
    let mut samples: [Vec<Sample>; 3] = Default::default();
    for _ in 0..bench.options.rounds() {
        for (server, samples) in servers.iter().zip(&mut samples) {
            let order = Order {
                time: Some(bench.options.seconds()),
                ..Order::new(server.address, checks.to_path_buf(), connections)
            };
            samples.push(server.measure(&order, Pin::Second)?);
        }
    }
    let [own, floor, hyper] = samples;
    let what = format!("checks, warm, {connections} connections");
    let note = format!(
        "hyper alone {:.0}/s, {:.1} µs",
        Sample::median(&hyper, |sample| sample.rate),
        Sample::median(&hyper, |sample| sample.cpu),
    );
    let limits = |must, aim| (Limit::AtLeast(must), Limit::AtLeast(aim));
    bench.report.add(
        Finding::new("P1", format!("{what}: requests"), Unit::PerSecond)
            .rounds(&own, &floor, |sample| sample.rate)
            .limits(limits(0.60, 0.90))
            .note(&note),
    );
    bench.report.add(
        Finding::new("P1", format!("{what}: processor time of one"), Unit::Micros)
            .rounds(&own, &floor, |sample| sample.cpu)
            .limits((Limit::AtMost(1.8), Limit::AtMost(1.15)))
            .note(&busy(&floor)),
    );
    for (name, of) in [
        ("p50", (|sample| sample.times.p50) as fn(&Sample) -> f64),
        ("p99", |sample| sample.times.p99),
    ] {
        bench.report.add(
            Finding::new("P1", format!("{what}: {name}"), Unit::Micros).rounds(&own, &floor, of),
        );
    }
    Ok(())
}

/// Says where the generator had no time to spare, so that the server may have been faster.
fn busy(floor: &[Sample]) -> String {
    let busy = Sample::median(floor, |sample| sample.busy);
    format!("generator of the floor {:.0} % busy", busy * 100.0)
}

/// Tokens that were never seen, of sessions that were.
fn first_sights(bench: &mut Bench<'_>, servers: &[Server; 3]) -> Result<()> {
    let [server, floor_server, _] = servers;
    let (seconds, rounds) = (bench.options.seconds(), bench.options.rounds());
    let count = whole(FIRST_SIGHTS * seconds.as_secs_f64());
    let (mut own, mut floors, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let subject = bench.small()?;
        let serial = 1000 + u64::from(round) * 1000;
        let fresh = subject.write_checks(server.address, count, serial)?;
        let key = subject.crowd.public_key()?;
        let order = |server: &Server| Order {
            requests: Some(count),
            time: Some(seconds),
            ..Order::new(server.address, fresh.clone(), 16)
        };
        own.push(server.measure(&order(server), Pin::Second)?.cpu);
        let floor = floor_server.measure(&order(floor_server), Pin::Second)?.cpu;
        let mut command = Pin::First.command()?;
        command.arg("floor-verify").arg("--requests").arg(&fresh);
        command.args(["--key", &key, "--seconds"]);
        command.arg(seconds.as_secs_f64().to_string());
        let verify: f64 = said(command)?.trim().parse()?;
        floors.push(floor + verify);
        notes.push(verify);
    }
    let verify = crate::report::median(&notes);
    bench.report.add(
        Finding::new(
            "P1b",
            "first sight of a token: processor time",
            Unit::Micros,
        )
        .figures(own, floors)
        .limits((Limit::AtMost(1.5), Limit::AtMost(1.2)))
        .note(&format!("one look at a signature {verify:.1} µs")),
    );
    Ok(())
}
