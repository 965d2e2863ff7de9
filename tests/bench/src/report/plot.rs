//! The plot: requests a second and 99th percentile over connections, authd and its floor, as an SVG
//! that is legible on light and dark ground. Times are on a logarithmic scale.

use std::fmt::Write as _;

use super::Point;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
/// A panel's place for its lines.
const PANEL: (f64, f64) = (280.0, 210.0);
const TOP: f64 = 50.0;

/// One line of a panel: its name, its colour, its figures in the order of connections.
struct Series {
    name: &'static str,
    colour: &'static str,
    figures: Vec<f64>,
}

/// Draws it.
pub(super) fn checks(points: &[Point]) -> String {
    let series = |of: fn(&Point) -> (f64, f64)| {
        let (authd, floor) = points.iter().map(of).unzip();
        [("authd", "#d9480f", authd), ("floor", "#868e96", floor)].map(|(name, colour, figures)| {
            Series {
                name,
                colour,
                figures,
            }
        })
    };
    let labels: Vec<String> = points.iter().map(|p| p.connections.to_string()).collect();
    let rates = series(|point| (point.authd.rate, point.floor.rate));
    let times = series(|point| (point.authd.p99, point.floor.p99));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#868e96\" role=\"img\">\n\
         <title>Checks over connections: authd and its floor</title>\n"
    );
    panel(&mut svg, 70.0, "checks a second", &labels, (&rates, false));
    panel(&mut svg, 450.0, "p99 in ms", &labels, (&times, true));
    svg.push_str("</svg>\n");
    svg
}

/// How figures become heights.
struct Scale {
    low: f64,
    high: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(series: &[Series], is_logarithmic: bool) -> Self {
        let figures = || series.iter().flat_map(|s| s.figures.iter().copied());
        let highest = figures().fold(0.0, f64::max);
        let lowest = figures().fold(f64::INFINITY, f64::min);
        let (low, high) = if is_logarithmic {
            let power = |figure: f64| figure.max(1e-6).log10();
            (power(lowest).floor(), power(highest).ceil())
        } else {
            (0.0, highest)
        };
        Self {
            low,
            high,
            is_logarithmic,
        }
    }

    fn height(&self, figure: f64) -> f64 {
        let value = if self.is_logarithmic {
            figure.max(1e-6).log10()
        } else {
            figure
        };
        let span = (self.high - self.low).max(1e-9);
        TOP + PANEL.1 - (value - self.low) / span * PANEL.1
    }

    fn ticks(&self) -> [f64; 3] {
        [self.low, f64::midpoint(self.low, self.high), self.high].map(|tick| {
            if self.is_logarithmic {
                10_f64.powf(tick)
            } else {
                tick
            }
        })
    }
}

/// Adds a line to the text.
fn line(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes text.
    let _ = writeln!(svg, "{text}");
}

fn panel(svg: &mut String, left: f64, title: &str, labels: &[String], what: (&[Series], bool)) {
    let (width, height) = PANEL;
    let bottom = TOP + height;
    let (series, is_logarithmic) = what;
    let scale = Scale::of(series, is_logarithmic);
    let step = width / f64::from(u32::try_from(labels.len()).unwrap_or(1).max(2) - 1);
    line(
        svg,
        format_args!("<text x=\"{left}\" y=\"24\" font-size=\"14\">{title}</text>"),
    );
    let right = left + width;
    let axes = format_args!(
        "<path d=\"M{left} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#868e96\"/>"
    );
    line(svg, axes);
    for tick in scale.ticks() {
        let (x, y, text) = (left - 6.0, scale.height(tick) + 4.0, short(tick));
        line(
            svg,
            format_args!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{text}</text>"),
        );
    }
    for (index, label) in (0..).zip(labels) {
        let x = left + f64::from(index) * step;
        let y = bottom + 18.0;
        line(
            svg,
            format_args!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"),
        );
    }
    let (middle, below) = (left + width / 2.0, bottom + 38.0);
    line(
        svg,
        format_args!(
            "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">connections</text>"
        ),
    );
    for (number, series) in (0..).zip(series) {
        drawn(svg, series, &scale, (left, step));
        let (x, colour) = (right - 100.0 + f64::from(number) * 55.0, series.colour);
        line(
            svg,
            format_args!(
                "<text x=\"{x:.1}\" y=\"40\" fill=\"{colour}\">{}</text>",
                series.name
            ),
        );
    }
}

fn drawn(svg: &mut String, series: &Series, scale: &Scale, (left, step): (f64, f64)) {
    let places = (0..).zip(&series.figures).map(|(index, figure)| {
        let x = left + f64::from(index) * step;
        format!("{x:.1},{:.1}", scale.height(*figure))
    });
    let places = places.collect::<Vec<_>>().join(" ");
    let colour = series.colour;
    line(
        svg,
        format_args!(
            "<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ),
    );
}

/// A figure of an axis.
fn short(value: f64) -> String {
    match value {
        value if value >= 1000.0 => format!("{:.0}k", value / 1000.0),
        value if !(1e-9..10.0).contains(&value) => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spot;
    use super::*;

    #[test]
    fn more_is_higher_in_both_panels() {
        let point = |connections, rate, p99| Point {
            connections,
            authd: Spot { rate, p99 },
            floor: Spot {
                rate: rate * 2.0,
                p99: p99 / 2.0,
            },
        };
        let svg = checks(&[point(1, 1000.0, 0.1), point(16, 50_000.0, 1.0)]);
        let lines: Vec<&str> = svg.lines().filter(|l| l.starts_with("<polyline")).collect();
        assert_eq!(lines.len(), 4);
        for line in lines {
            let places = line.split('"').nth(1).unwrap();
            let heights: Vec<f64> = places
                .split(' ')
                .map(|place| place.split_once(',').unwrap().1.parse().unwrap())
                .collect();
            assert!(heights[1] < heights[0], "{line}");
            assert!(heights.iter().all(|y| (TOP..=TOP + PANEL.1).contains(y)));
        }
    }
}
