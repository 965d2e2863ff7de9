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
    /// Logins that found no place in time.
    pub(super) refused: u64,
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
    pub(super) fn measure(&self, order: &Order, pin: Pin) -> Result<Sample> {
        let sample = self.measure_logins(order, pin)?;
        match sample.refused {
            0 => Ok(sample),
            refused => Err(format!("{refused} answers are 503").into()),
        }
    }

    /// As [`Server::measure`]; but where the processors have no time for hashing, a login may be refused
    /// with 503, and is counted as such.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of requests is far below 2^53"
    )]
    pub(super) fn measure_logins(&self, order: &Order, pin: Pin) -> Result<Sample> {
        let figures = Figures(self.pid);
        let before = figures.processor_time()?;
        let outcome = generate(order, pin)?;
        let used = figures.processor_time()?.saturating_sub(before);
        let (good, refused) = (outcome.with(200), outcome.with(503));
        if good == 0 || outcome.answers() != good + refused {
            let statuses = &outcome.statuses;
            return Err(
                format!("other answers than 200: {statuses:?} {}", outcome.complaint).into(),
            );
        }
        Ok(Sample {
            rate: outcome.rate(200),
            cpu: used.as_secs_f64() * 1e6 / good as f64,
            times: outcome.times,
            busy: outcome.busy,
            refused,
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
