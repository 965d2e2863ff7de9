//! P6: the same binary over a small and a large database, in turn: processor time of one request.

use harness::Daemon;

use super::Bench;
use super::p2::CLIENTS;
use super::p4::CHAINS;
use super::sample::Server;
use crate::Result;
use crate::load::Order;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Pin, Subject, stopped};

/// Sessions that are seen for the first time since the start, in a round.
const COLD: u64 = 4000;
/// Tokens that are known, in the warm part.
const WARM: u64 = 4000;

/// What is asked, in the order in which a fresh daemon is asked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    ColdCheck,
    WarmCheck,
    Refresh,
    Login,
}

const KINDS: [(Kind, &str, f64, f64); 4] = [
    (Kind::ColdCheck, "cold check", 1.4, 1.2),
    (Kind::WarmCheck, "warm check", 1.15, 1.05),
    (Kind::Refresh, "refresh", 2.0, 1.5),
    (Kind::Login, "login", 1.4, 1.2),
];

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let (rounds, seconds) = (bench.options.rounds(), bench.options.seconds());
    bench.small()?;
    bench.large()?;
    let mut figures = [const { (Vec::new(), Vec::new()) }; 4];
    for round in 0..rounds {
        let (small, large) = bench.both()?;
        // What was cached goes with the process.
        let daemons = (small.start(Pin::First), large.start(Pin::First));
        for ((kind, ..), (few, many)) in KINDS.iter().zip(&mut figures) {
            let measure = |subject: &mut Subject, daemon: &Daemon| -> Result<f64> {
                let server = Server::of(daemon);
                let order = order(*kind, subject, &server, round)?;
                let order = match kind {
                    Kind::ColdCheck => order,
                    _ => Order {
                        time: Some(seconds),
                        ..order
                    },
                };
                Ok(match kind {
                    Kind::Login => server.measure_logins(&order, Pin::Second)?.cpu,
                    _ => server.measure(&order, Pin::Second)?.cpu,
                })
            };
            few.push(measure(small, &daemons.0)?);
            many.push(measure(large, &daemons.1)?);
        }
        stopped(daemons.0)?;
        stopped(daemons.1)?;
    }
    let (small, large) = bench.both()?;
    let note = format!(
        "{} users and {} sessions ({} MiB), floor: {} and {}",
        large.crowd.users,
        large.crowd.sessions,
        large.database_bytes()? >> 20,
        small.crowd.users,
        small.crowd.sessions,
    );
    for ((_, what, must, aim), (few, many)) in KINDS.iter().zip(figures) {
        bench.report.add(
            Finding::new(
                "P6",
                format!("{what}, large database: processor time"),
                Unit::Micros,
            )
            .figures(many, few)
            .limits((Limit::AtMost(*must), Limit::AtMost(*aim)))
            .note(&note),
        );
    }
    Ok(())
}

fn order(kind: Kind, subject: &mut Subject, server: &Server, round: u32) -> Result<Order> {
    let address = server.address;
    Ok(match kind {
        Kind::ColdCheck => {
            let count = COLD.min(subject.quiet_sessions());
            let plan = subject.write_checks(address, count, 2000 + u64::from(round))?;
            Order {
                requests: Some(count),
                ..Order::new(address, plan, 16)
            }
        }
        Kind::WarmCheck => {
            let count = WARM.min(subject.quiet_sessions());
            let plan = subject.write_checks(address, count, 2000 + u64::from(round))?;
            Order::new(address, plan, 16)
        }
        Kind::Refresh => {
            let plan = subject.write_chains(address, CHAINS as u64)?;
            Order {
                chains: true,
                ..Order::new(address, plan, CHAINS)
            }
        }
        Kind::Login => Order::new(address, subject.write_logins(address)?, CLIENTS),
    })
}
