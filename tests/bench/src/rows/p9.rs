//! P9: what an idle connection costs, and whether many tenants cost more than one with their users.

use harness::{Connection, Request, make_room_for_clients};

use super::Bench;
use super::sample::{Server, bytes_in};
use crate::Result;
use crate::load::Order;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Figures, Pin, Size, Subject, stopped};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// Idle connections for each user of the small crowd: 10,000 of 2,000.
const CONNECTIONS_EACH: u64 = 5;

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    idle_connections(bench)?;
    tenants(bench)
}

fn idle_connections(bench: &mut Bench<'_>) -> Result<()> {
    let count = bench.options.few() * CONNECTIONS_EACH;
    // The daemon has its descriptors from here, and needs some beside those of connections.
    make_room_for_clients(count + 4000);
    let subject = bench.small()?;
    let daemon = subject.start(Pin::None);
    let memory = Figures(daemon.pid());
    let opened = || -> Result<Connection> {
        let mut connection = daemon.api().connect();
        let answer = connection.ask(&Request::get("/healthz"))?;
        match answer.status {
            200 => Ok(connection),
            status => Err(format!("a connection is answered {status}").into()),
        }
    };
    let first = opened()?;
    let before = memory.anonymous()?;
    let mut crowd = vec![first];
    for _ in 0..count {
        crowd.push(opened()?);
    }
    let each = memory.anonymous()?.saturating_sub(before) / count;
    drop(crowd);
    stopped(daemon)?;
    bench.report.add(
        Finding::new("P9", "memory of an idle connection", Unit::Kib)
            .figures(vec![bytes_in(each, KIB)], Vec::new())
            .limits((Limit::AtMost(32.0), Limit::AtMost(16.0)))
            .note(&format!("{count} of them, kept alive, one request each")),
    );
    Ok(())
}

fn tenants(bench: &mut Bench<'_>) -> Result<()> {
    let (rounds, seconds) = (bench.options.rounds(), bench.options.seconds());
    // Two sessions a user, so that the quiet half has one for each of as many users.
    let users = bench.options.few() * 5;
    let size = |tenants| Size {
        tenants,
        users,
        sessions_each: 2,
    };
    let mut subjects = [Subject::new(size(users))?, Subject::new(size(0))?];
    let mut cpu = [Vec::new(), Vec::new()];
    let mut memory = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (index, subject) in subjects.iter_mut().enumerate() {
            let daemon = subject.start(Pin::First);
            let server = Server::of(&daemon);
            let count = subject.quiet_sessions();
            let checks = subject.write_checks(server.address, count, 0)?;
            let warming = Order {
                requests: Some(count),
                ..Order::new(server.address, checks, 16)
            };
            server.measure(&warming, Pin::Second)?;
            let used = Figures(server.pid).anonymous()?;
            let order = Order {
                requests: None,
                time: Some(seconds),
                ..warming
            };
            let sample = server.measure(&order, Pin::Second)?;
            cpu.get_mut(index).ok_or("two of them")?.push(sample.cpu);
            memory
                .get_mut(index)
                .ok_or("two of them")?
                .push(bytes_in(used, MIB));
            stopped(daemon)?;
        }
    }
    let limits = (Limit::AtMost(1.15), Limit::AtMost(1.05));
    let ([many, one], [many_memory, one_memory]) = (cpu, memory);
    bench.report.add(
        Finding::new(
            "P9",
            "warm check among many tenants: processor time",
            Unit::Micros,
        )
        .figures(many, one)
        .limits(limits)
        .note(&format!(
            "{users} tenants of a user each, floor: one of {users}"
        )),
    );
    bench.report.add(
        Finding::new("P9", "private memory with many tenants", Unit::Mib)
            .figures(many_memory, one_memory)
            .limits(limits)
            .note("after a check of every second user"),
    );
    Ok(())
}
