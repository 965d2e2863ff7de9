//! P1r: warm checks with a Redis beside the database, against the same daemon without one, in turn. A warm
//! check has nothing to ask there, so it must cost the same.

use std::time::Duration;

use harness::RedisServer;

use super::Bench;
use super::p1::TOKENS;
use super::sample::{Sample, Server};
use crate::Result;
use crate::load::Order;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Pin, Subject, stopped};

const CONNECTIONS: usize = 16;

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let (rounds, seconds) = (bench.options.rounds(), bench.options.seconds());
    let redis = RedisServer::start();
    let subject = bench.small()?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        without.push(warm(subject, None, seconds)?);
        with.push(warm(subject, Some(&redis), seconds)?);
    }
    subject.beside(None);
    let what =
        format!("checks, warm, {CONNECTIONS} connections, with Redis: processor time of one");
    bench.report.add(
        Finding::new("P1r", what, Unit::Micros)
            .rounds(&with, &without, |sample| sample.cpu)
            .limits((Limit::AtMost(1.05), Limit::AtMost(1.02)))
            .note("floor: the same without Redis"),
    );
    Ok(())
}

/// A fresh daemon, to which every token is made known before the clock runs.
fn warm(subject: &mut Subject, redis: Option<&RedisServer>, seconds: Duration) -> Result<Sample> {
    subject.beside(redis);
    let daemon = subject.start(Pin::First);
    let server = Server::of(&daemon);
    let tokens = TOKENS.min(2 * subject.quiet_sessions());
    let checks = subject.write_checks(server.address, tokens, 0)?;
    let order = Order::new(server.address, checks, CONNECTIONS);
    let warming = Order {
        requests: Some(tokens),
        ..order.clone()
    };
    server.measure(&warming, Pin::Second)?;
    let timed = Order {
        time: Some(seconds),
        ..order
    };
    let sample = server.measure(&timed, Pin::Second)?;
    stopped(daemon)?;
    Ok(sample)
}
