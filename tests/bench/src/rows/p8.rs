//! P8: from exec to the first 200, over many users, and at the first start of all.

use std::time::Instant;

use harness::{Daemon, Home, Request};

use super::Bench;
use crate::Result;
use crate::floor::http::Around;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Floor, Pin, stopped};

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let rounds = bench.options.rounds();
    let folder = bench.folder.clone();
    let answer = folder.join("answer");
    std::fs::write(&answer, serde_json::to_string(&([("a", "b")], "ok"))?)?;
    let subject = bench.large()?;
    let (mut own, mut first, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        let daemon = subject.start(Pin::None);
        own.push(serves_since(&daemon, started)?);
        stopped(daemon)?;
        let home = Home::new();
        let started = Instant::now();
        let daemon = home.start();
        first.push(serves_since(&daemon, started)?);
        stopped(daemon)?;
        let started = Instant::now();
        let bare = Floor::http(&answer, Around::Hyper, Pin::None)?;
        let answer = harness::Api::at(bare.address).send(&Request::get("/"));
        if answer.status != 200 {
            return Err("the floor does not answer 200".into());
        }
        floor.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    let users = subject.crowd.users;
    let floor = format!(
        "hyper alone starts in {:.1} ms",
        crate::report::median(&floor)
    );
    bench.report.add(
        Finding::new("P8", "exec to first 200", Unit::Millis)
            .figures(own, Vec::new())
            .limits((Limit::AtMost(150.0), Limit::AtMost(50.0)))
            .note(&format!("{users} users; {floor}")),
    );
    bench.report.add(
        Finding::new("P8", "the first start of all", Unit::Millis)
            .figures(first, Vec::new())
            .limits((Limit::AtMost(400.0), Limit::AtMost(150.0)))
            .note("migrations and keys"),
    );
    Ok(())
}

/// Milliseconds from a moment to the first good answer.
fn serves_since(daemon: &Daemon, started: Instant) -> Result<f64> {
    if daemon.api().send(&Request::get("/readyz")).status != 200 {
        return Err("authd is not ready".into());
    }
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}
