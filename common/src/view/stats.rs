//! The counters of a running daemon, and how Prometheus reads them (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tally::{Spread, float};

/// Every counter of the daemon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsView {
    /// By name.
    pub families: Vec<Family>,
}

/// Figures of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Family {
    /// `authd_…`, ending in its unit.
    pub name: String,
    /// What it counts.
    pub help: String,
    /// How it moves.
    #[serde(rename = "type")]
    pub kind: FamilyKind,
    /// Its figures.
    pub samples: Vec<Sample>,
}

/// How figures move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FamilyKind {
    /// It only grows, from zero at the start of the daemon.
    Counter,
    /// It comes and goes.
    Gauge,
    /// How many values are within which bounds.
    Histogram,
}

impl FamilyKind {
    /// The word of the exposition format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The family's name; a histogram's has `_bucket`, `_sum` or `_count` behind it.
    pub name: String,
    /// What tells it from the others of its name.
    pub labels: BTreeMap<String, String>,
    /// The figure.
    pub value: f64,
}

impl Family {
    /// Something that only grows.
    pub fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, FamilyKind::Counter)
    }

    /// Something that comes and goes.
    pub fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, FamilyKind::Gauge)
    }

    /// Times in seconds.
    pub fn histogram(name: &str, help: &str) -> Self {
        Self::new(name, help, FamilyKind::Histogram)
    }

    fn new(name: &str, help: &str, kind: FamilyKind) -> Self {
        Self {
            name: name.to_owned(),
            help: help.to_owned(),
            kind,
            samples: Vec::new(),
        }
    }

    /// With a figure.
    #[must_use]
    pub fn with(self, value: f64) -> Self {
        self.labelled(&[], value)
    }

    /// With a number of things.
    #[must_use]
    pub fn count(self, count: u64) -> Self {
        self.with(float(count))
    }

    /// With a number of things in memory.
    #[must_use]
    pub fn size(self, count: usize) -> Self {
        self.count(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// With 1 for yes and 0 for no.
    #[must_use]
    pub fn flag(self, is_so: bool) -> Self {
        self.with(f64::from(u8::from(is_so)))
    }

    /// With a figure, if there is one.
    #[must_use]
    pub fn maybe(self, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.with(value),
            None => self,
        }
    }

    /// With a figure that labels tell from the others.
    #[must_use]
    pub fn labelled(mut self, labels: &[(&str, &str)], value: f64) -> Self {
        self.put("", labels, value);
        self
    }

    /// With a spread of times, which labels may tell from the others.
    #[must_use]
    pub fn spread(mut self, labels: &[(&str, &str)], spread: &Spread) -> Self {
        let mut below = 0_u64;
        let bounds = spread.bounds.iter().map(f64::to_string);
        let bounds = bounds.chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&spread.counts) {
            below = below.saturating_add(*count);
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            self.put("_bucket", &labels, float(below));
        }
        self.put("_sum", labels, spread.sum);
        self.put("_count", labels, float(below));
        self
    }

    fn put(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        self.samples.push(Sample {
            name: format!("{}{suffix}", self.name),
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            value,
        });
    }
}

impl fmt::Display for Sample {
    /// The name with its labels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (place, (name, value)) in self.labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            write!(f, "{before}{name}=\"{}\"", escaped(value, true))?;
        }
        if self.labels.is_empty() {
            return Ok(());
        }
        f.write_str("}")
    }
}

impl fmt::Display for StatsView {
    /// The exposition format; families without figures are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for family in &self.families {
            if family.samples.is_empty() {
                continue;
            }
            let name = &family.name;
            writeln!(f, "# HELP {name} {}", escaped(&family.help, false))?;
            writeln!(f, "# TYPE {name} {}", family.kind.as_str())?;
            for sample in &family.samples {
                writeln!(f, "{sample} {}", sample.value)?;
            }
        }
        Ok(())
    }
}

/// A text as it stands in a line; quotation marks only end the values of labels.
fn escaped(text: &str, is_quoted: bool) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => line.push_str(r"\\"),
            '\n' => line.push_str(r"\n"),
            '"' if is_quoted => line.push_str("\\\""),
            other => line.push(other),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tally::Times;

    #[test]
    fn it_reads_as_the_format_wants() {
        const BOUNDS: &[Duration] = &[Duration::from_micros(500), Duration::from_secs(1)];
        let times = Times::within(BOUNDS);
        times.took(Duration::from_millis(250));
        times.took(Duration::from_secs(2));
        let view = StatsView {
            families: vec![
                Family::counter("a_total", "Some \\ of\nthem.")
                    .labelled(&[("path", "a\"b\\c\nd"), ("code", "x")], 3.0)
                    .count(1 << 40),
                Family::gauge("empty", "None."),
                Family::histogram("a_seconds", "Times.").spread(&[("of", "x")], &times.spread()),
            ],
        };
        assert_eq!(
            view.to_string(),
            "# HELP a_total Some \\\\ of\\nthem.\n\
             # TYPE a_total counter\n\
             a_total{code=\"x\",path=\"a\\\"b\\\\c\\nd\"} 3\n\
             a_total 1099511627776\n\
             # HELP a_seconds Times.\n\
             # TYPE a_seconds histogram\n\
             a_seconds_bucket{le=\"0.0005\",of=\"x\"} 0\n\
             a_seconds_bucket{le=\"1\",of=\"x\"} 1\n\
             a_seconds_bucket{le=\"+Inf\",of=\"x\"} 2\n\
             a_seconds_sum{of=\"x\"} 2.25\n\
             a_seconds_count{of=\"x\"} 2\n"
        );
        let json = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<StatsView>(&json).unwrap(), view);
    }
}
