//! Columns for people, cut to the width of the terminal; what a name holds cannot act on it.
//! Which columns there are is each command's business.

use std::cmp::Ordering;

use common::id::UserId;
use common::text::visible;
use common::time::Time;
use common::view::DeviceView;
use tabled::builder::Builder;
use tabled::settings::peaker::Priority;
use tabled::settings::{Padding, Style, Width};

use crate::error::Error;
use crate::output::time::Moments;

/// Spaces after a column.
const GAP: usize = 2;
/// Characters of a cell that tell enough when the rest is cut.
const READABLE: usize = 9;

/// One value, before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Nothing there.
    Nothing,
    /// Text.
    Text(String),
    /// A name that no user has, by its hash.
    Unknown(String),
    /// Number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Moment(Time),
    /// The end of something that runs.
    Until(Time),
    /// The end of a day in the zone of that name.
    Day {
        /// Its last moment.
        end: Time,
        /// IANA name.
        zone: String,
    },
}

impl Cell {
    /// A text that may be absent.
    pub(crate) fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(text.to_owned()))
    }

    /// Who a row is about: the address, the id, or the mark of a name that no user has.
    pub(crate) fn name(email: Option<&str>, id: Option<UserId>, hash: Option<&str>) -> Self {
        match (email, id, hash) {
            (Some(email), _, _) => Self::Text(email.to_owned()),
            (None, Some(id), _) => Self::Text(id.to_string()),
            (None, None, hash) => Self::Unknown(hash.unwrap_or_default().to_owned()),
        }
    }

    /// A moment that may be absent.
    pub(crate) fn moment(time: Option<Time>) -> Self {
        time.map_or(Self::Nothing, Self::Moment)
    }

    /// A device that may be absent: its name, or its id where it has none.
    pub(crate) fn device(device: Option<&DeviceView>) -> Self {
        device.map_or(Self::Nothing, |device| {
            Self::Text(device.name.clone().unwrap_or_else(|| device.id.clone()))
        })
    }

    /// Several texts.
    pub(crate) fn many(texts: &[String]) -> Self {
        if texts.is_empty() {
            return Self::Nothing;
        }
        Self::Text(texts.join(","))
    }

    fn plain(&self, moments: &Moments) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Self::Unknown(hash) => Some(moments.unknown(hash)),
            Self::Day { end, zone } => Some(moments.day(*end, zone)),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(flag) => Some(if *flag { "yes" } else { "no" }.to_owned()),
            Self::Moment(time) => Some(moments.moment(*time)),
            Self::Until(end) => moments.remaining(*end),
        }
    }

    /// For a table: a hyphen for nothing.
    pub(crate) fn show(&self, moments: &Moments) -> String {
        self.plain(moments)
            .map_or_else(|| "-".to_owned(), |text| visible(&text))
    }

    /// For CSV: nothing is nothing.
    pub(crate) fn bare(&self, moments: &Moments) -> String {
        self.plain(moments).unwrap_or_default()
    }

    fn rank(&self) -> (u8, u64, i64, String) {
        match self {
            Self::Text(text) => (0, 0, 0, text.to_lowercase()),
            Self::Unknown(hash) => (0, 0, 0, format!("(unknown) {hash}")),
            Self::Number(number) => (0, *number, 0, String::new()),
            Self::Flag(flag) => (0, u64::from(*flag), 0, String::new()),
            Self::Moment(time) | Self::Until(time) | Self::Day { end: time, .. } => {
                (0, 0, time.millis(), String::new())
            }
            Self::Nothing => (1, 0, 0, String::new()),
        }
    }

    /// Order for `--sort`; what has no value comes last.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// When a column is shown without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// In every table.
    Always,
    /// In a table over several tenants, and in wide ones.
    AcrossTenants,
    /// In wide ones.
    Wide,
    /// Where one object is shown by itself.
    Alone,
}

/// A column of a list, or a line of one object.
pub(crate) struct Column<T: 'static> {
    /// As it stands above the column.
    pub(crate) heading: &'static str,
    /// When it is shown.
    pub(crate) shown: Shown,
    /// What stands in it.
    pub(crate) cell: fn(&T) -> Cell,
}

impl<T> Column<T> {
    /// Name for `--columns`, `--sort` and CSV: `last_login`.
    pub(crate) fn name(&self) -> String {
        normal(self.heading)
    }
}

fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Finds a column by its name, spelt with spaces, hyphens or underscores.
///
/// # Errors
/// A wrong command line, with the names.
pub(crate) fn find<'a, T>(columns: &'a [Column<T>], name: &str) -> Result<&'a Column<T>, Error> {
    let wanted = normal(name);
    columns
        .iter()
        .find(|column| column.name() == wanted)
        .ok_or_else(|| {
            let names: Vec<String> = columns.iter().map(Column::name).collect();
            Error::usage(format!("unknown column \"{name}\""))
                .hint(format!("Columns: {}", names.join(", ")))
        })
}

/// How many columns have room to be read in a terminal of this width; one at least.
pub(crate) fn fitting(rows: &[Vec<String>], width: usize) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let mut taken = 0_usize;
    for column in 0..columns {
        let longest = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0);
        taken = taken
            .saturating_add(longest.min(READABLE))
            .saturating_add(GAP);
        if column > 0 && taken > width {
            return column;
        }
    }
    columns
}

/// Lays out rows of visible cells; no line is wider than `width`, where one is given.
pub(crate) fn layout(rows: Vec<Vec<String>>, width: Option<usize>) -> Vec<String> {
    let mut builder = Builder::default();
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table.with(Style::empty());
    table.with(Padding::new(0, GAP, 0, 0));
    if let Some(width) = width {
        table.with(
            Width::truncate(width)
                .suffix("…")
                .priority(Priority::max(true)),
        );
    }
    table
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_are_cut_to_the_terminal() {
        let rows = vec![
            vec!["USER".to_owned(), "NAME".to_owned()],
            vec![
                "alice@acme.test".to_owned(),
                "Alice Wanja of Nairobi and elsewhere".to_owned(),
            ],
            vec!["b".to_owned(), "日本".to_owned()],
        ];
        let lines = layout(rows.clone(), None);
        assert_eq!(lines[0], "USER             NAME");
        assert_eq!(lines[2], "b                日本");
        let cut = layout(rows, Some(30));
        assert!(cut.iter().all(|line| line.chars().count() <= 30), "{cut:?}");
        assert!(cut[1].contains('…'), "{cut:?}");
    }

    #[test]
    fn a_narrow_terminal_shows_fewer_columns_and_not_shreds_of_all() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["USER", "NAME", "STATUS", "LOCKED", "LAST LOGIN"]),
            row(["alice@acme.test", "Alice Wanja", "active", "-", "3m ago"]),
        ];
        assert_eq!(fitting(&rows, 80), 5);
        assert_eq!(fitting(&rows, 40), 4);
        assert_eq!(fitting(&rows, 3), 1);
        assert_eq!(fitting(&[], 80), 0);
    }

    #[test]
    fn hostile_names_cannot_act_on_a_terminal() {
        let moments = Moments {
            now: Time::default(),
            relative: false,
            zone: jiff::tz::TimeZone::UTC,
            brief: false,
        };
        let shown = Cell::text(Some("a\u{1b}[2J\u{202e}\u{200f}\nb")).show(&moments);
        assert!(
            shown.chars().all(|c| !common::text::is_forbidden(c)),
            "{shown}"
        );
    }

    #[test]
    fn order_is_by_value_and_nothing_comes_last() {
        assert_eq!(Cell::Number(9).order(&Cell::Number(10)), Ordering::Less);
        assert_eq!(Cell::Nothing.order(&Cell::Number(10)), Ordering::Greater);
        assert_eq!(
            Cell::text(Some("B")).order(&Cell::text(Some("a"))),
            Ordering::Greater
        );
    }
}
