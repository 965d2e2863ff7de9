//! The terminal's form: a preamble, then a line a figure with the ratio first.

use std::fmt::Write as _;

use super::Report;
use super::finding::{Finding, Limit, Unit, Verdict};
use crate::stage::Machine;

impl Machine {
    /// What stands before the figures.
    pub(crate) fn preamble(&self) -> String {
        let noise = if self.is_noisy() {
            " (noisy: over 1 ms)"
        } else {
            ""
        };
        let crowd = if self.others > 0.1 {
            " (noisy: over 10 %)"
        } else {
            ""
        };
        let build = match self.profile.as_str() {
            "release" | "dist" => "",
            _ => " (not optimised: the figures mean nothing)",
        };
        format!(
            "authd {} of {}, built as {}{build}\n{} × {}, {} MiB, Linux {}\n\
             fdatasync p50 {:.2} ms{noise}; others use {:.0} % of the processors{crowd}\n",
            self.revision,
            self.date,
            self.profile,
            self.processors,
            self.processor,
            self.memory_mib,
            self.kernel,
            self.fdatasync_ms,
            self.others * 100.0,
        )
    }
}

impl Report {
    /// All findings, a line each.
    pub(crate) fn table(&self) -> String {
        let wide = self
            .findings
            .iter()
            .map(|finding| finding.what.chars().count());
        let wide = wide.max().unwrap_or_default();
        let mut text = format!(
            "{:<4} {:<wide$} {:>8} {:>14} {:>14}  {:<9} {:<9} {:<7} note\n",
            "row", "what", "ratio", "authd", "floor", "must", "aim", "",
        );
        for finding in &self.findings {
            let ratio = finding.ratio.map(|ratio| format!("{ratio:.2} ×"));
            let floor = finding.floor.map(|floor| figure(floor, finding.unit));
            // A string takes text.
            let _ = writeln!(
                text,
                "{:<4} {:<wide$} {:>8} {:>14} {:>14}  {:<9} {:<9} {:<7} {}",
                finding.row,
                finding.what,
                ratio.unwrap_or_default(),
                figure(finding.figure, finding.unit),
                floor.unwrap_or_default(),
                limit(finding.must, finding),
                limit(finding.aim, finding),
                verdict(finding),
                finding.note,
            );
        }
        text
    }
}

/// A figure with its unit, with as many digits as mean something.
pub(super) fn figure(figure: f64, unit: Unit) -> String {
    let digits = match figure.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{figure:.digits$} {}", unit.text())
}

/// A limit as it is written.
pub(super) fn limit(limit: Limit, of: &Finding) -> String {
    let unit = if of.ratio.is_some() {
        "×"
    } else {
        of.unit.text()
    };
    match limit {
        Limit::None => String::new(),
        Limit::AtLeast(least) => format!("≥ {least} {unit}"),
        Limit::AtMost(most) => format!("≤ {most} {unit}"),
    }
}

/// A verdict as it is written.
fn verdict(of: &Finding) -> &'static str {
    match (of.verdict, of.must) {
        (Verdict::Shown, _) => "",
        (Verdict::Aim, _) => "aim",
        (Verdict::Must, Limit::None) => "short",
        (Verdict::Must, _) => "must",
        (Verdict::Missed, _) => "MISSED",
    }
}
