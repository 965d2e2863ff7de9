//! Checks over the number of connections, for the plot: one short measurement each.

use std::path::Path;
use std::time::Duration;

use super::Bench;
use super::sample::{Sample, Server};
use crate::Result;
use crate::load::Order;
use crate::report::{Point, Spot};
use crate::stage::Pin;

const CONNECTIONS: [usize; 5] = [1, 4, 16, 64, 256];
/// More than this says nothing more of a single spot.
const LONGEST: Duration = Duration::from_secs(2);

/// Measures authd and its floor in turn.
pub(super) fn run(
    bench: &mut Bench<'_>,
    own: &Server,
    floor: &Server,
    checks: &Path,
) -> Result<()> {
    let time = bench.options.seconds().min(LONGEST);
    for connections in CONNECTIONS {
        let measure = |server: &Server| -> Result<Spot> {
            let order = Order {
                time: Some(time),
                ..Order::new(server.address, checks.to_path_buf(), connections)
            };
            let Sample { rate, times, .. } = server.measure(&order, Pin::Second)?;
            Ok(Spot {
                rate,
                p99: times.p99 / 1000.0,
            })
        };
        let point = Point {
            connections,
            authd: measure(own)?,
            floor: measure(floor)?,
        };
        bench.report.add_point(point);
    }
    Ok(())
}
