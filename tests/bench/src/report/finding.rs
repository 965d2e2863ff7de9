//! One figure: its rounds, those of its floor, the ratio, and what it must and should be.

use serde::Serialize;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// A second.
    PerSecond,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// KiB.
    Kib,
    /// MiB.
    Mib,
}

impl Unit {
    /// As it is written behind a figure.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::Kib => "KiB",
            Self::Mib => "MiB",
        }
    }
}

/// What a figure is held against: its ratio if it has a floor, else itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// Nothing.
    None,
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
}

impl Limit {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

/// How a figure stands to its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It has none.
    Shown,
    /// It is where it should be.
    Aim,
    /// It is good enough.
    Must,
    /// It is not.
    Missed,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub(crate) row: &'static str,
    pub(crate) what: String,
    pub(crate) unit: Unit,
    /// Median of the rounds.
    pub(crate) figure: f64,
    /// Median of the floor's.
    pub(crate) floor: Option<f64>,
    /// Median of the rounds' ratios.
    pub(crate) ratio: Option<f64>,
    pub(crate) must: Limit,
    pub(crate) aim: Limit,
    pub(crate) verdict: Verdict,
    pub(crate) note: String,
    pub(crate) rounds: Vec<f64>,
    pub(crate) floor_rounds: Vec<f64>,
}

impl Finding {
    /// A figure without rounds yet.
    pub(crate) fn new(row: &'static str, what: impl Into<String>, unit: Unit) -> Self {
        Self {
            row,
            what: what.into(),
            unit,
            figure: 0.0,
            floor: None,
            ratio: None,
            must: Limit::None,
            aim: Limit::None,
            verdict: Verdict::Shown,
            note: String::new(),
            rounds: Vec::new(),
            floor_rounds: Vec::new(),
        }
    }

    /// Takes a figure of each round's two samples.
    pub(crate) fn rounds<S>(self, own: &[S], floor: &[S], of: impl Fn(&S) -> f64) -> Self {
        let own = own.iter().map(&of).collect();
        self.figures(own, floor.iter().map(&of).collect())
    }

    /// Takes the rounds' figures, and those of the floor if there is one.
    pub(crate) fn figures(mut self, own: Vec<f64>, floor: Vec<f64>) -> Self {
        self.figure = median(&own);
        if !floor.is_empty() {
            let ratios: Vec<f64> = own
                .iter()
                .zip(&floor)
                .map(|(own, floor)| own / floor)
                .collect();
            self.ratio = Some(median(&ratios));
            self.floor = Some(median(&floor));
        }
        self.rounds = own;
        self.floor_rounds = floor;
        self.judged()
    }

    /// Takes what must hold, and what is aimed at.
    pub(crate) fn limits(mut self, (must, aim): (Limit, Limit)) -> Self {
        (self.must, self.aim) = (must, aim);
        self.judged()
    }

    /// Adds what helps to read it.
    pub(crate) fn note(mut self, note: &str) -> Self {
        note.clone_into(&mut self.note);
        self
    }

    fn judged(mut self) -> Self {
        let figure = self.ratio.unwrap_or(self.figure);
        self.verdict = match (self.must, self.aim) {
            (Limit::None, Limit::None) => Verdict::Shown,
            (must, _) if !must.holds(figure) => Verdict::Missed,
            (_, aim) if aim.holds(figure) => Verdict::Aim,
            _ => Verdict::Must,
        };
        self
    }
}

/// The middle one of some figures; zero of none.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied();
    f64::midpoint(lower.unwrap_or_default(), upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_ratios_counts_and_not_the_ratio_of_medians() {
        let finding = Finding::new("P1", "x", Unit::PerSecond)
            .figures(vec![10.0, 40.0, 30.0], vec![20.0, 40.0, 100.0])
            .limits((Limit::AtLeast(0.5), Limit::AtLeast(0.9)));
        assert!((finding.ratio.unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(finding.verdict, Verdict::Must);
        let missed = finding.limits((Limit::AtLeast(0.6), Limit::AtLeast(0.9)));
        assert_eq!(missed.verdict, Verdict::Missed);
    }

    #[test]
    fn a_figure_without_a_floor_is_held_against_its_limit_itself() {
        let memory = |mib| {
            Finding::new("P5", "x", Unit::Mib)
                .figures(vec![mib], Vec::new())
                .limits((Limit::AtMost(25.0), Limit::AtMost(15.0)))
                .verdict
        };
        assert_eq!(memory(14.0), Verdict::Aim);
        assert_eq!(memory(20.0), Verdict::Must);
        assert_eq!(memory(26.0), Verdict::Missed);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < 1e-9);
    }
}
