//! `audit list|show|export`, and `audit verify`: what authd finds in its chains, held against the heads that the journal kept.

mod export;
mod list;

pub(crate) use list::by;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use common::call::audit::{Mark, Verify};
use common::view::AuditChainView;
use serde::Serialize;

use crate::args::{Audit, ExportFormat, ListArgs};
use crate::commands::{Context, Paged};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Shape;
use crate::output::table::{Cell, Column, Shown};

/// What a line about a head holds before the tenant's name.
const MARK: &str = "audit head tenant=";
/// The name of the installation's own chain in the journal.
const INSTALLATION: &str = "-";

/// A chain, and whether the journal agrees.
#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    chain: AuditChainView,
    /// `agrees`, `differs`, `silent`; null where no heads were given.
    journal: Option<&'static str>,
}

const SHAPE: Shape<Checked> = Shape {
    kind: "audit.verify",
    columns: &[
        Column {
            heading: "TENANT",
            shown: Shown::Always,
            cell: |c| Cell::Text(name(&c.chain)),
        },
        Column {
            heading: "ENTRIES",
            shown: Shown::Always,
            cell: |c| Cell::Number(c.chain.entries),
        },
        Column {
            heading: "STATE",
            shown: Shown::Always,
            cell: state,
        },
        Column {
            heading: "HEAD",
            shown: Shown::Always,
            cell: |c| Cell::text(c.chain.head.as_deref()),
        },
        Column {
            heading: "JOURNAL",
            shown: Shown::Always,
            cell: |c| Cell::text(c.journal),
        },
        Column {
            heading: "ERASED",
            shown: Shown::Wide,
            cell: |c| Cell::Number(c.chain.erased),
        },
    ],
    keys: &[
        "tenant",
        "entries",
        "ok",
        "head",
        "first_bad",
        "erased",
        "unproven",
    ],
    id: |c| name(&c.chain),
    none: "no chains",
};

fn name(chain: &AuditChainView) -> String {
    let installation = || "(installation)".to_owned();
    chain.tenant.clone().unwrap_or_else(installation)
}

fn state(checked: &Checked) -> Cell {
    Cell::Text(match checked.chain.first_bad {
        None if checked.chain.unproven > 0 => {
            format!("intact, {} unproven", checked.chain.unproven)
        }
        None => "intact".to_owned(),
        Some(number) => format!("broken at {number}"),
    })
}

impl Paged for Verify {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Audit) -> Result<Exit, Error> {
    match command {
        Audit::List(wanted) => list::list(context, wanted).await,
        Audit::Export {
            file,
            format: ExportFormat::Jsonl,
        } => export::run(context, &file).await,
        Audit::Show { id } => list::show(context, id).await,
        Audit::Verify { name, heads, list } => verify(context, name, heads.as_deref(), &list).await,
    }
}

async fn verify(
    context: &mut Context,
    tenant: Option<String>,
    heads: Option<&Path>,
    list: &ListArgs,
) -> Result<Exit, Error> {
    let mut heads = heads.map(read_heads).transpose()?;
    let tenant = tenant.or_else(|| context.settings.list_tenant());
    let is_narrowed = tenant.is_some() || !list.filters.is_empty() || list.limit.is_some();
    let call = Verify {
        tenant,
        ..Verify::default()
    };
    let (chains, next) = context.fetch(call, &SHAPE, list).await?;
    let mut checked = Vec::with_capacity(chains.len());
    for chain in chains {
        let journal = match &mut heads {
            Some(heads) => Some(compare(context, &chain, heads).await?),
            None => None,
        };
        checked.push(Checked { chain, journal });
    }
    // What the journal knows and the daemon does not: a chain that was taken away whole.
    for (tenant, _) in heads.filter(|_| !is_narrowed).unwrap_or_default() {
        checked.push(taken_away(tenant));
    }
    let sound = |checked: &Checked| checked.chain.ok && checked.journal != Some("differs");
    let all_sound = checked.iter().all(sound);
    context
        .printer
        .list(&SHAPE, checked, next.as_deref(), false)?;
    Ok(if all_sound { Exit::Done } else { Exit::Unsound })
}

fn taken_away(tenant: String) -> Checked {
    Checked {
        chain: AuditChainView {
            tenant: Some(tenant).filter(|name| name != INSTALLATION),
            entries: 0,
            ok: false,
            head: None,
            first_bad: Some(1),
            erased: 0,
            unproven: 0,
        },
        journal: Some("differs"),
    }
}

/// Takes the chain's head from those of the journal, and asks for the row that it was of.
async fn compare(
    context: &mut Context,
    chain: &AuditChainView,
    heads: &mut BTreeMap<String, (u64, String)>,
) -> Result<&'static str, Error> {
    let key = chain.tenant.as_deref().unwrap_or(INSTALLATION);
    let Some((number, head)) = heads.remove(key) else {
        return Ok("silent");
    };
    let call = Mark {
        tenant: chain.tenant.clone(),
        number,
    };
    let mark = context.client.call(&call).await?;
    Ok(if mark.head.as_deref() == Some(head.as_str()) {
        "agrees"
    } else {
        "differs"
    })
}

/// The newest head of each chain in a file or on standard input.
fn read_heads(path: &Path) -> Result<BTreeMap<String, (u64, String)>, Error> {
    let fail = |error: io::Error| {
        Error::usage(format!(
            "cannot read heads from {}: {error}",
            path.display()
        ))
    };
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(fail)?)
    };
    let mut heads = BTreeMap::new();
    for line in BufReader::new(input).split(b'\n') {
        let line = line.map_err(fail)?;
        if let Some((tenant, number, head)) = head(&String::from_utf8_lossy(&line)) {
            let newest: &mut (u64, String) = heads.entry(tenant).or_default();
            if number >= newest.0 {
                *newest = (number, head);
            }
        }
    }
    if heads.is_empty() {
        return Err(Error::usage(format!("{} holds no heads", path.display()))
            .hint("authd logs them hourly and at its end: journalctl -u authd -o cat"));
    }
    Ok(heads)
}

/// Reads one line, whatever stands around it: a time, a name, JSON.
fn head(line: &str) -> Option<(String, u64, String)> {
    let (_, rest) = line.split_once(MARK)?;
    let (tenant, rest) = rest.split_once(" number=")?;
    let (number, rest) = rest.split_once(" head=")?;
    let head: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    let is_whole = head.len() == 64 && !tenant.is_empty() && !tenant.contains(' ');
    is_whole.then_some((tenant.to_owned(), number.parse().ok()?, head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a93_heads_are_found_in_whatever_the_journal_writes() {
        let hex = "5b".repeat(32);
        let plain =
            format!("Nov 23 14:00:00 host authd[812]: audit head tenant=acme number=12 head={hex}");
        let json = format!("{{\"message\":\"audit head tenant=- number=3 head={hex}\",\"a\":1}}");
        assert_eq!(head(&plain), Some(("acme".to_owned(), 12, hex.clone())));
        assert_eq!(head(&json), Some(("-".to_owned(), 3, hex.clone())));
        for bad in [
            "",
            "audit head tenant=acme number=12 head=5b",
            "audit head tenant=acme number=x head=5b",
            &format!("audit head tenant= number=1 head={hex}"),
        ] {
            assert_eq!(head(bad), None, "{bad}");
        }
    }
}
