//! P2: logins against argon2id alone, on as many threads and with memory that is used again.

use super::Bench;
use super::sample::{Sample, Server};
use crate::Result;
use crate::load::Order;
use crate::report::{Finding, Limit, Unit};
use crate::stage::{Pin, said, stopped};

/// Clients that log in without pause.
pub(super) const CLIENTS: usize = 8;

/// Measures the row.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let (rounds, seconds) = (bench.options.rounds(), bench.options.seconds());
    let subject = bench.small()?;
    let daemon = subject.start(Pin::None);
    let server = Server::of(&daemon);
    let logins = subject.write_logins(server.address)?;
    let mut own = Vec::new();
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let order = Order {
            time: Some(seconds),
            ..Order::new(server.address, logins.clone(), CLIENTS)
        };
        own.push(server.measure_logins(&order, Pin::None)?);
        let mut command = Pin::None.command()?;
        let threads = std::thread::available_parallelism()?.to_string();
        command.args(["floor-hashes", "--threads", &threads, "--seconds"]);
        command.arg(seconds.as_secs_f64().to_string());
        let (floor_wall, floor_cpu): (f64, f64) = serde_json::from_str(&said(command)?)?;
        wall.push(floor_wall);
        cpu.push(floor_cpu);
    }
    stopped(daemon)?;
    let limits = (Limit::AtLeast(0.93), Limit::AtLeast(0.97));
    let p99 = Sample::median(&own, |sample| sample.times.p99 / 1000.0);
    let refused: u64 = own.iter().map(|sample| sample.refused).sum();
    let of = |figure: fn(&Sample) -> f64| own.iter().map(figure).collect::<Vec<f64>>();
    bench.report.add(
        Finding::new("P2", "logins, by the clock", Unit::PerSecond)
            .figures(of(|sample| sample.rate), wall)
            .limits(limits)
            .note(&format!(
                "{CLIENTS} clients, p99 {p99:.0} ms, {refused} refused"
            )),
    );
    bench.report.add(
        Finding::new("P2", "logins, by processor time", Unit::PerSecond)
            .figures(of(|sample| 1e6 / sample.cpu), cpu)
            .limits(limits),
    );
    Ok(())
}
