//! README's form: the table with ratios first, and the machine and the moment above it.

use std::fmt::Write as _;

use super::Report;
use super::finding::Verdict;
use super::table::{figure, limit};
use crate::Result;

/// Where the table goes in a document.
const MARKS: (&str, &str) = ("<!-- bench -->\n", "<!-- /bench -->\n");

impl Report {
    /// The paragraph and the table, ready to be pasted.
    pub(crate) fn markdown(&self) -> String {
        let machine = &self.machine;
        let noise = if machine.is_noisy() { ", noisy" } else { "" };
        let rounds = match self.rounds {
            1 => "one round".to_owned(),
            rounds => format!("medians of {rounds} rounds"),
        };
        let mut text = format!(
            "{} × {}, Linux {}, {} build of {}, {}; {rounds}; fdatasync {:.2} ms{noise}.\n\n\
             | id | what | ratio | authd | floor | must | aim | |\n\
             |---|---|---|---|---|---|---|---|\n",
            machine.processors,
            machine.processor,
            machine.kernel,
            machine.profile,
            machine.revision,
            machine.date.get(..10).unwrap_or_default(),
            machine.fdatasync_ms,
        );
        for finding in &self.findings {
            let ratio = finding.ratio.map(|ratio| format!("**{ratio:.2} ×**"));
            let floor = finding.floor.map(|floor| figure(floor, finding.unit));
            let missed = match finding.verdict {
                Verdict::Missed => "**missed** ",
                Verdict::Shown | Verdict::Aim | Verdict::Must => "",
            };
            // A string takes text.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {missed}{} |",
                finding.row,
                finding.what,
                ratio.unwrap_or_default(),
                figure(finding.figure, finding.unit),
                floor.unwrap_or_default(),
                limit(finding.must, finding),
                limit(finding.aim, finding),
                finding.note,
            );
        }
        text
    }

    /// A document with this run's table between its marks.
    pub(crate) fn between_marks(&self, document: &str) -> Result<String> {
        between_marks(document, &self.markdown())
    }
}

fn between_marks(document: &str, table: &str) -> Result<String> {
    let cut = document.split_once(MARKS.0);
    let cut = cut.and_then(|(before, rest)| Some((before, rest.split_once(MARKS.1)?.1)));
    let (before, after) = cut.ok_or("the document has no marks for the table")?;
    let (begin, end) = MARKS;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_takes_the_place_of_the_one_before() {
        let document = "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n";
        let once = between_marks(document, "new\n").unwrap();
        assert_eq!(once, "a\n<!-- bench -->\nnew\n<!-- /bench -->\nb\n");
        assert_eq!(between_marks(&once, "new\n").unwrap(), once);
        assert!(between_marks("no marks", "new\n").is_err());
    }
}
