//! `stats`: the counters, as a list, or in the format that Prometheus reads.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use common::call::status::Stats;
use common::view::{FamilyKind, Sample, StatsView};
use serde::Serialize;

use crate::args::{Format, StatsArgs};
use crate::commands::status::{CLEAR, PAUSE};
use crate::commands::{Context, passes};
use crate::error::Error;
use crate::exit::Exit;
use crate::filter;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

/// One figure with the kind of its family.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    labels: BTreeMap<String, String>,
    #[serde(rename = "type")]
    kind: FamilyKind,
    value: f64,
}

const SHAPE: Shape<Figure> = Shape {
    kind: "stats",
    columns: &[
        Column {
            heading: "NAME",
            shown: Shown::Always,
            cell: |figure| Cell::Text(figure.title()),
        },
        Column {
            heading: "TYPE",
            shown: Shown::Wide,
            cell: |figure| Cell::Text(figure.kind.as_str().to_owned()),
        },
        Column {
            heading: "VALUE",
            shown: Shown::Always,
            cell: |figure| Cell::Text(figure.value.to_string()),
        },
    ],
    keys: &["name", "labels.", "type", "value"],
    id: Figure::title,
    none: "no figures",
};

impl Figure {
    /// The name with its labels, as Prometheus writes it.
    fn title(&self) -> String {
        let sample = Sample {
            name: self.name.clone(),
            labels: self.labels.clone(),
            value: self.value,
        };
        sample.to_string()
    }
}

/// Shows the counters, once or again and again.
pub(crate) async fn run(context: &mut Context, args: StatsArgs) -> Result<Exit, Error> {
    filter::check(&args.list.filters, SHAPE.keys)?;
    context.printer.check_columns(&SHAPE)?;
    loop {
        let view = context.client.call(&Stats {}).await?;
        if args.prometheus {
            context.printer.text(&view.to_string())?;
            return Ok(Exit::Done);
        }
        show(context, view, &args)?;
        let Some(pause) = args.watch else {
            return Ok(Exit::Done);
        };
        context.printer.flush()?;
        tokio::time::sleep(pause.max(PAUSE)).await;
    }
}

fn show(context: &mut Context, view: StatsView, args: &StatsArgs) -> Result<(), Error> {
    let limit = args.list.limit.filter(|&limit| limit > 0);
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let mut figures = Vec::new();
    for figure in figures_of(view, has_buckets(context.printer.format)) {
        if figures.len() >= limit.unwrap_or(usize::MAX) {
            break;
        }
        if passes(&figure, &args.list)? {
            figures.push(figure);
        }
    }
    let for_people = matches!(context.printer.format, Format::Table | Format::Wide);
    if args.watch.is_some() && for_people && std::io::stdout().is_terminal() {
        context.printer.text(CLEAR)?;
    }
    context.printer.list(&SHAPE, figures, None, true)
}

/// People read how many there were and what they add up to; programs get each bound.
fn has_buckets(format: Format) -> bool {
    !matches!(format, Format::Table)
}

fn figures_of(view: StatsView, with_buckets: bool) -> impl Iterator<Item = Figure> {
    view.families.into_iter().flat_map(move |family| {
        let kind = family.kind;
        let samples = family.samples.into_iter();
        samples
            .filter(move |sample| with_buckets || !is_bucket(kind, sample))
            .map(move |sample| Figure {
                name: sample.name,
                labels: sample.labels,
                kind,
                value: sample.value,
            })
    })
}

fn is_bucket(kind: FamilyKind, sample: &Sample) -> bool {
    kind == FamilyKind::Histogram && sample.name.ends_with("_bucket")
}

#[cfg(test)]
mod tests {
    use common::view::Family;

    use super::*;

    #[test]
    fn people_are_spared_the_bounds() {
        let spread = common::tally::Spread {
            bounds: vec![1.0],
            counts: vec![2, 3],
            sum: 9.0,
        };
        let view = StatsView {
            families: vec![Family::histogram("a_seconds", "Times.").spread(&[], &spread)],
        };
        let titles = |with_buckets| -> Vec<String> {
            figures_of(view.clone(), with_buckets)
                .map(|figure| figure.title())
                .collect()
        };
        assert_eq!(titles(false), ["a_seconds_sum", "a_seconds_count"]);
        assert_eq!(titles(true)[1], "a_seconds_bucket{le=\"+Inf\"}");
    }
}
