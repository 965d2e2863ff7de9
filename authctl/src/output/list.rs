//! Lists and objects in every format, from the columns that a command gives.
//! What leaves here is harmless for a terminal, whatever the names in it.

use serde::Serialize;

use crate::args::Format;
use crate::error::Error;
use crate::output::table::{self, Column, Shown};
use crate::output::time::Moments;
use crate::output::{BOLD, PLAIN, Printer, Shape, csv, json};

impl Printer {
    /// Refuses columns that the shape lacks, before the daemon is asked.
    ///
    /// # Errors
    /// A wrong command line, with the names.
    pub(crate) fn check_columns<T>(&self, shape: &Shape<T>) -> Result<(), Error> {
        for name in &self.columns {
            table::find(shape.columns, name)?;
        }
        if let Some(sort) = &self.sort {
            table::find(shape.columns, sort.trim_start_matches('-'))?;
        }
        Ok(())
    }

    fn chosen<T>(
        &self,
        shape: &Shape<T>,
        one_tenant: bool,
    ) -> Result<Vec<&'static Column<T>>, Error> {
        if !self.columns.is_empty() {
            return self
                .columns
                .iter()
                .map(|name| table::find(shape.columns, name))
                .collect();
        }
        let narrow = self.format == Format::Table;
        let shown = |column: &&Column<T>| match column.shown {
            Shown::Always => true,
            Shown::AcrossTenants => !narrow || !one_tenant,
            Shown::Wide => !narrow,
            Shown::Alone => false,
        };
        Ok(shape.columns.iter().filter(shown).collect())
    }

    /// Writes a list. `one_tenant` leaves out the column that would say the same in each row.
    ///
    /// # Errors
    /// As [`Printer::text`], and for a column that does not exist.
    pub(crate) fn list<T: Serialize>(
        &mut self,
        shape: &Shape<T>,
        mut items: Vec<T>,
        next_cursor: Option<&str>,
        one_tenant: bool,
    ) -> Result<(), Error> {
        if let Some(sort) = self.sort.clone() {
            let column = table::find(shape.columns, sort.trim_start_matches('-'))?;
            items.sort_by(|a, b| (column.cell)(a).order(&(column.cell)(b)));
            if sort.starts_with('-') {
                items.reverse();
            }
        }
        match self.format {
            Format::Json => {
                let kind = format!("{}.list", shape.kind);
                let list = json::List::new(&kind, &items, next_cursor);
                self.text(&json::line(&list)?)
            }
            Format::Jsonl => items
                .iter()
                .try_for_each(|item| self.text(&json::line(item)?)),
            Format::Id => items
                .iter()
                .try_for_each(|item| self.line(&(shape.id)(item))),
            Format::Csv => self.csv(shape, &items),
            Format::Table | Format::Wide => self.rows(shape, &items, one_tenant),
        }?;
        let for_people = matches!(self.format, Format::Table | Format::Wide);
        if items.is_empty() && for_people {
            self.note(shape.none)?;
        }
        if next_cursor.is_some() && for_people {
            self.note("there are more; raise --limit, or give --limit 0 for all")?;
        }
        Ok(())
    }

    /// Writes more of a list that goes on; the headings stand above the first part alone, and JSON
    /// comes in lines.
    ///
    /// # Errors
    /// As [`Printer::list`].
    pub(crate) fn more<T: Serialize>(
        &mut self,
        shape: &Shape<T>,
        items: &[T],
        one_tenant: bool,
    ) -> Result<(), Error> {
        self.look_at_the_clock();
        match self.format {
            Format::Json | Format::Jsonl => items
                .iter()
                .try_for_each(|item| self.text(&json::line(item)?)),
            Format::Id => items
                .iter()
                .try_for_each(|item| self.line(&(shape.id)(item))),
            Format::Csv => self.csv(shape, items),
            Format::Table | Format::Wide => self.more_rows(shape, items, one_tenant),
        }?;
        self.headed = true;
        self.flush()
    }

    /// Rows below those that stand already, in columns at least as wide.
    fn more_rows<T>(
        &mut self,
        shape: &Shape<T>,
        items: &[T],
        one_tenant: bool,
    ) -> Result<(), Error> {
        let columns = self.chosen(shape, one_tenant)?;
        let mut rows: Vec<Vec<String>> = Vec::with_capacity(items.len().saturating_add(2));
        if self.headers && !self.headed {
            rows.push(columns.iter().map(|c| c.heading.to_owned()).collect());
        }
        for item in items {
            let cells = columns.iter().map(|c| (c.cell)(item).show(&self.moments));
            rows.push(cells.collect());
        }
        self.widths.resize(columns.len(), 0);
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let visible = rows.len();
        rows.push(self.widths.iter().map(|width| "x".repeat(*width)).collect());
        for line in table::layout(rows, self.width).iter().take(visible) {
            self.text(&format!("{line}\n"))?;
        }
        Ok(())
    }

    fn csv<T>(&mut self, shape: &Shape<T>, items: &[T]) -> Result<(), Error> {
        let columns = self.chosen(shape, false)?;
        if self.headers && !self.headed {
            let names: Vec<String> = columns.iter().map(|column| column.name()).collect();
            self.text(&csv::line(&names))?;
        }
        for item in items {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| (column.cell)(item).bare(&self.moments))
                .collect();
            self.text(&csv::line(&cells))?;
        }
        Ok(())
    }

    fn rows<T>(&mut self, shape: &Shape<T>, items: &[T], one_tenant: bool) -> Result<(), Error> {
        let columns = self.chosen(shape, one_tenant)?;
        let mut rows = Vec::with_capacity(items.len().saturating_add(1));
        if self.headers {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.heading.to_owned())
                    .collect(),
            );
        }
        for item in items {
            rows.push(
                columns
                    .iter()
                    .map(|column| (column.cell)(item).show(&self.moments))
                    .collect(),
            );
        }
        let kept = match self.width {
            Some(width) if self.columns.is_empty() => table::fitting(&rows, width),
            _ => columns.len(),
        };
        for row in &mut rows {
            row.truncate(kept);
        }
        for (number, line) in table::layout(rows, self.width).iter().enumerate() {
            if number == 0 && self.headers && self.color {
                self.text(&format!("{BOLD}{line}{PLAIN}\n"))?;
            } else {
                self.text(&format!("{line}\n"))?;
            }
        }
        match columns.len().saturating_sub(kept) {
            0 => Ok(()),
            hidden => self.note(&format!(
                "{hidden} columns have no room here; see them with -o wide or --columns"
            )),
        }
    }

    /// Writes one object: a line a field for people.
    ///
    /// # Errors
    /// As [`Printer::list`].
    pub(crate) fn item<T: Serialize>(&mut self, shape: &Shape<T>, item: &T) -> Result<(), Error> {
        match self.format {
            Format::Json => self.text(&json::line(&json::Single::new(shape.kind, item))?),
            Format::Jsonl => self.text(&json::line(item)?),
            Format::Id => self.line(&(shape.id)(item)),
            Format::Csv => self.csv(shape, std::slice::from_ref(item)),
            Format::Table | Format::Wide => {
                // One object has room for all of its fields, and for each of them whole.
                let moments = Moments {
                    brief: false,
                    ..self.moments.clone()
                };
                let columns: Vec<&Column<T>> = if self.columns.is_empty() {
                    shape.columns.iter().collect()
                } else {
                    self.chosen(shape, false)?
                };
                let rows = columns
                    .iter()
                    .map(|column| vec![title(column.heading), (column.cell)(item).show(&moments)])
                    .collect();
                for line in table::layout(rows, self.width) {
                    self.text(&format!("{line}\n"))?;
                }
                Ok(())
            }
        }
    }

    /// Writes rows that belong to an object, for people; with a title where other rows stand too.
    ///
    /// # Errors
    /// As [`Printer::text`].
    pub(crate) fn section<T: Serialize>(
        &mut self,
        title: &str,
        titled: bool,
        shape: &Shape<T>,
        items: &[T],
    ) -> Result<(), Error> {
        if titled {
            self.text(&format!("\n{title}\n"))?;
        }
        if items.is_empty() {
            return self.text(&format!("{}\n", shape.none));
        }
        let wanted = std::mem::take(&mut self.columns);
        let written = self.rows(shape, items, true);
        self.columns = wanted;
        written
    }
}

/// `LAST LOGIN` as it stands before a value: `Last login`; abbreviations stay as they are.
fn title(heading: &str) -> String {
    let words: Vec<String> = heading
        .split([' ', '-'])
        .enumerate()
        .map(|(place, word)| match (word, place) {
            ("ID" | "IP" | "KRA" | "PIN" | "WAL", _) => word.to_owned(),
            (word, 0) => word
                .chars()
                .take(1)
                .chain(word.to_lowercase().chars().skip(1))
                .collect(),
            (word, _) => word.to_lowercase(),
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_become_titles() {
        assert_eq!(title("LAST LOGIN"), "Last login");
        assert_eq!(title("LAST-IP"), "Last IP");
        assert_eq!(title("KRA PIN"), "KRA PIN");
    }
}
