//! `cache stats|flush`.

use std::time::Duration;

use common::call::cache::{Flush, Stats};
use common::call::daemon::Steered;
use common::units::format_duration_short;
use common::view::CacheView;

use crate::args::Cache;
use crate::commands::status::size;
use crate::commands::{Context, Paged, sentence};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

const SHAPE: Shape<CacheView> = Shape {
    kind: "cache",
    columns: &[
        Column {
            heading: "CACHE",
            shown: Shown::Always,
            cell: |c| Cell::Text(c.cache.clone()),
        },
        Column {
            heading: "ENTRIES",
            shown: Shown::Always,
            cell: |c| Cell::text(c.entries.map(|count| count.to_string()).as_deref()),
        },
        Column {
            heading: "HITS",
            shown: Shown::Always,
            cell: |c| Cell::Number(c.hits),
        },
        Column {
            heading: "MISSES",
            shown: Shown::Always,
            cell: |c| Cell::Number(c.misses),
        },
        Column {
            heading: "RATIO",
            shown: Shown::Always,
            cell: |c| {
                let percent = c.ratio.map(|ratio| format!("{:.1} %", ratio * 100.0));
                Cell::text(percent.as_deref())
            },
        },
        Column {
            heading: "BYTES",
            shown: Shown::Always,
            cell: |c| Cell::text(c.bytes.map(size).as_deref()),
        },
        Column {
            heading: "STATE",
            shown: Shown::Always,
            cell: |c| Cell::Text(c.state.clone()),
        },
        Column {
            heading: "HEARD",
            shown: Shown::Wide,
            cell: |c| {
                let ago = c.heard_seconds_ago.map(Duration::from_secs);
                Cell::text(ago.map(format_duration_short).as_deref())
            },
        },
    ],
    keys: &[
        "cache", "entries", "hits", "misses", "ratio", "bytes", "state",
    ],
    id: |c| c.cache.clone(),
    none: "no caches",
};

impl Paged for Stats {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Cache) -> Result<Exit, Error> {
    match command {
        Cache::Stats { list } => {
            let call = Stats::default();
            context.list(call, &SHAPE, &list, true).await
        }
        Cache::Flush { why } => {
            let call = Flush {
                tenant: context.settings.list_tenant(),
                reason: why.reason,
            };
            let done = match &call.tenant {
                Some(tenant) => format!("Emptied the caches of tenant {tenant}"),
                None => "Emptied the caches".to_owned(),
            };
            let Steered(change) = context.client.call(&call).await?;
            let text = sentence(&change, &done, "The caches are empty");
            context.printer.change(&change, &text)?;
            Ok(Exit::Done)
        }
    }
}
