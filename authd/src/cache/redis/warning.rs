//! What the operator hears of a connection that comes and goes: one warning a minute at most, and one
//! line when it works again after one.

use std::time::{Duration, Instant};

/// Time between two warnings.
const QUIET: Duration = Duration::from_mins(1);

/// When it was warned last.
pub(super) struct Warnings {
    address: String,
    warned: Option<Instant>,
    is_owed: bool,
}

// The first connection is told too, as though it had been missed.
impl Warnings {
    pub(super) const fn new(address: String) -> Self {
        Self {
            address,
            warned: None,
            is_owed: true,
        }
    }

    /// It does not work.
    pub(super) fn fails(&mut self, reason: &str) {
        if self.is_due(Instant::now()) {
            tracing::warn!(
                event = "redis.down",
                redis = self.address,
                reason,
                "Redis is not asked; the database answers alone"
            );
        }
    }

    /// It works.
    pub(super) fn works(&mut self) {
        if std::mem::take(&mut self.is_owed) {
            tracing::info!(event = "redis.up", redis = self.address, "Redis is asked");
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let is_quiet = |warned: Instant| now.saturating_duration_since(warned) < QUIET;
        if self.warned.is_some_and(is_quiet) {
            return false;
        }
        self.warned = Some(now);
        self.is_owed = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r12_one_warning_a_minute_whatever_happens() {
        let mut warnings = Warnings::new(String::new());
        let begin = Instant::now();
        let due: Vec<u64> = (0..180)
            .filter(|second| {
                warnings.works();
                warnings.is_due(begin + Duration::from_secs(*second))
            })
            .collect();
        assert_eq!(due, [0, 60, 120]);
    }
}
