//! What was found, and its three forms: a table for the terminal, Markdown for README, JSON for
//! programs. Ratios come first. It measures nothing.

mod finding;
mod table;

use std::io::Write as _;

use serde::Serialize;

pub(crate) use finding::{Finding, Limit, Unit, median};

use crate::Result;
use crate::stage::Machine;

/// All of a run.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    findings: Vec<Finding>,
}

impl Report {
    /// One without findings.
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            machine,
            findings: Vec::new(),
        }
    }

    /// Takes a finding.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Writes a text to the terminal.
pub(crate) fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
