//! One measurement of one server: what its clients saw, and what it used.

use std::net::SocketAddr;

use harness::Daemon;

use crate::Result;
use crate::load::{Order, Times};
use crate::stage::{Figures, Pin, generate};

/// A server to be measured.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) pid: u32,
}

/// A measurement.
pub(super) struct Sample {
    /// Good answers a second.
    pub(super) rate: f64,
    /// Processor time of the server for one answer, in microseconds.
    pub(super) cpu: f64,
    /// Times of the good answers.
    pub(super) times: Times,
    /// Share of a processor that the generator used.
    pub(super) busy: f64,
}

impl Sample {
    /// The median of a figure.
    pub(super) fn median(samples: &[Self], of: impl Fn(&Self) -> f64) -> f64 {
        crate::report::median(&samples.iter().map(of).collect::<Vec<_>>())
    }
}

impl Server {
    /// The daemon.
    pub(super) fn of(daemon: &Daemon) -> Self {
        Self {
            address: daemon.address(),
            pid: daemon.pid(),
        }
    }

    /// Runs an order against it; every answer must be 200.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of requests is far below 2^53"
    )]
    pub(super) fn measure(&self, order: &Order, pin: Pin) -> Result<Sample> {
        let figures = Figures(self.pid);
        let before = figures.processor_time()?;
        let outcome = generate(order, pin)?;
        let used = figures.processor_time()?.saturating_sub(before);
        let good = outcome.with(200);
        if good == 0 || outcome.answers() != good {
            return Err(format!("not all answers are 200: {:?}", outcome.statuses).into());
        }
        Ok(Sample {
            rate: outcome.rate(200),
            cpu: used.as_secs_f64() * 1e6 / good as f64,
            times: outcome.times,
            busy: outcome.busy,
        })
    }
}

/// A count, from a figure that is one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests: small and not negative"
)]
pub(super) fn whole(figure: f64) -> u64 {
    figure.max(1.0) as u64
}

/// Bytes in units of 2^10 or 2^20.
#[expect(
    clippy::cast_precision_loss,
    reason = "a size of memory is far below 2^53"
)]
pub(super) fn bytes_in(bytes: u64, unit: u64) -> f64 {
    bytes as f64 / unit as f64
}
