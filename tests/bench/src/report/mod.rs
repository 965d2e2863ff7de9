//! What was found, and its forms: a table for the terminal, Markdown for README, JSON for programs, a
//! plot for eyes. Ratios come first. It measures nothing.

mod finding;
mod markdown;
mod plot;
mod table;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

pub(crate) use finding::{Finding, Limit, Unit, median};

use crate::Result;
use crate::args::Options;
use crate::stage::Machine;

/// All of a run.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    rounds: u32,
    seconds: f64,
    quick: bool,
    findings: Vec<Finding>,
    curve: Vec<Point>,
}

/// Checks with so many connections.
#[derive(Serialize)]
pub(crate) struct Point {
    pub(crate) connections: usize,
    pub(crate) authd: Spot,
    pub(crate) floor: Spot,
}

/// One server at one of them.
#[derive(Serialize)]
pub(crate) struct Spot {
    /// Requests a second.
    pub(crate) rate: f64,
    /// 99th percentile in milliseconds.
    pub(crate) p99: f64,
}

impl Report {
    /// One without findings.
    pub(crate) fn new(machine: Machine, options: &Options) -> Self {
        Self {
            machine,
            rounds: options.rounds(),
            seconds: options.seconds().as_secs_f64(),
            quick: options.quick,
            findings: Vec::new(),
            curve: Vec::new(),
        }
    }

    /// Takes a finding.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Takes a point of the plot.
    pub(crate) fn add_point(&mut self, point: Point) {
        self.curve.push(point);
    }

    /// Writes all forms but the terminal's into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)?;
        fs::write(folder.join("results.json"), json + "\n")?;
        fs::write(folder.join("results.md"), self.markdown())?;
        if !self.curve.is_empty() {
            fs::write(folder.join("checks.svg"), plot::checks(&self.curve))?;
        }
        Ok(())
    }
}

/// Writes a text to the terminal.
pub(crate) fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
