//! P5: private memory with many users in the database, before the first login and when a storm of
//! logins is over. Mapped pages of the database are not in it. Configured caches count apart: they are
//! filled before the storm, by checks, and what those add is shown beside what is judged.

use std::thread;

use super::Bench;
use super::p2::CLIENTS;
use super::sample::{Server, bytes_in};
use crate::Result;
use crate::load::Order;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Figures, Pin, stopped};

const MIB: u64 = 1 << 20;
/// What must hold, and what is aimed at, in MiB.
const LIMITS: (Limit, Limit) = (Limit::AtMost(25.0), Limit::AtMost(15.0));

/// Measures the row, once: it takes a minute of idleness.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let (seconds, settle) = (bench.options.seconds(), bench.options.settle());
    let subject = bench.large()?;
    let daemon = subject.start(Pin::None);
    let server = Server::of(&daemon);
    let memory = Figures(server.pid);
    if daemon.api().send(&harness::Request::get("/readyz")).status != 200 {
        return Err("authd is not ready".into());
    }
    let started = memory.anonymous()?;
    let tokens = super::p1::TOKENS.min(subject.quiet_sessions());
    let checks = subject.write_checks(server.address, tokens, 0)?;
    let warming = Order {
        requests: Some(tokens),
        ..Order::new(server.address, checks, 64)
    };
    server.measure(&warming, Pin::None)?;
    let checked = memory.anonymous()?;
    let logins = Order {
        time: Some(seconds),
        ..Order::new(
            server.address,
            subject.write_logins(server.address)?,
            CLIENTS,
        )
    };
    server.measure_logins(&logins, Pin::None)?;
    let stormed = memory.anonymous()?;
    thread::sleep(settle);
    let rested = memory.anonymous()?;
    stopped(daemon)?;
    let users = subject.crowd.users;
    bench.report.add(
        Finding::new("P5", "private memory before the first login", Unit::Mib)
            .figures(vec![bytes_in(started, MIB)], Vec::new())
            .limits(LIMITS)
            .note(&format!("{users} users in the database")),
    );
    // No more than is still there.
    let caches = checked.min(rested).saturating_sub(started);
    let but_for_caches = "private memory when a storm is over, but for caches";
    bench.report.add(
        Finding::new("P5", but_for_caches, Unit::Mib)
            .figures(vec![bytes_in(rested - caches, MIB)], Vec::new())
            .limits(LIMITS)
            .note(&format!(
                "{} s after; in the storm {:.1} MiB with caches",
                settle.as_secs(),
                bytes_in(stormed, MIB),
            )),
    );
    bench.report.add(
        Finding::new("P5", "private memory that fills the caches", Unit::Mib)
            .figures(vec![bytes_in(caches, MIB)], Vec::new())
            .note(&format!(
                "{tokens} tokens, their sessions, pages of the database"
            )),
    );
    Ok(())
}
