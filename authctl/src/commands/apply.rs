//! `diff`, `apply` and `tenant export`: what tenants are to have, as a file.

mod export;
mod file;

use std::path::Path;

use common::call::apply::{Apply, Diff, Wanted};
use common::call::tenant;
use common::view::TenantDiffView;
use serde::Serialize;

use crate::args::{ApplyArgs, DiffArgs, Format};
use crate::commands::{Context, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::json as form;

pub(crate) use export::run as export;

/// The tenant that no file is about: what all tenants are to have is not meant for it.
const SYSTEM: &str = "system";
/// Tenants that are asked for at once.
const PAGE: u32 = 200;

/// What is shown of a comparison.
#[derive(Serialize)]
struct Differences<'a> {
    same: bool,
    tenants: &'a [TenantDiffView],
}

/// A tenant, what it is to have, and what differs.
struct Work {
    wanted: Wanted,
    diff: TenantDiffView,
}

/// Compares; 11 where something differs.
pub(crate) async fn diff(context: &mut Context, wanted: &DiffArgs) -> Result<Exit, Error> {
    let work = compare(context, &wanted.file, wanted.prune).await?;
    let differs = work.iter().any(|one| !one.diff.lines.is_empty());
    show(context, &work)?;
    Ok(if differs { Exit::Unsound } else { Exit::Done })
}

/// Shows what differs, asks, and makes it so: one tenant after the other, each whole or not at all.
pub(crate) async fn apply(context: &mut Context, args: ApplyArgs) -> Result<Exit, Error> {
    let mut work = compare(context, &args.file, args.prune).await?;
    work.retain(|one| !one.diff.lines.is_empty());
    if !context.printer.speaks_json() {
        show(context, &work)?;
    }
    confirm(context, &args, &work)?;
    for one in work {
        let tenant = one.diff.tenant.clone();
        let call = Apply {
            confirm: (one.diff.removed > 0).then(|| tenant.clone()),
            tenant,
            wanted: one.wanted,
            prune: args.prune,
            reason: args.reason.clone(),
        };
        let mut change = context.client.call(&call).await?;
        // What was made has been shown above.
        let shown = one.diff.lines.len();
        if !context.printer.speaks_json() {
            change.notes.drain(..shown.min(change.notes.len()));
        }
        let done = format!("Applied {} differences", one.diff.lines.len());
        let text = sentence(&change, &done, "Everything is as wanted already");
        context.printer.change(&change, &text)?;
    }
    Ok(Exit::Done)
}

fn confirm(context: &mut Context, args: &ApplyArgs, work: &[Work]) -> Result<(), Error> {
    let lines: usize = work.iter().map(|one| one.diff.lines.len()).sum();
    if lines == 0 {
        return Ok(());
    }
    let removed: u32 = work.iter().map(|one| one.diff.removed).sum();
    if removed > 0 {
        let count = removed.to_string();
        let deed = Deed {
            what: format!("remove {count} roles and permissions"),
            question: format!(
                "{count} roles and permissions go, and whoever holds them loses them. Type their number."
            ),
            answer: format!("--confirm={count}"),
        };
        return context.ask_name(&deed, &count);
    }
    let deed = Deed {
        what: format!("apply {lines} differences"),
        question: format!("Apply {lines} differences to {} tenants?", work.len()),
        answer: "--yes".to_owned(),
    };
    let stdin_is_taken = args.file.as_os_str() == "-";
    deed.ask(context.settings.flags.yes, stdin_is_taken)
}

/// Reads the file and asks of each tenant what differs.
async fn compare(context: &mut Context, path: &Path, prune: bool) -> Result<Vec<Work>, Error> {
    let file = file::read(path)?;
    let tenants = if file.is_about_all() {
        let mut tenants = every_tenant(context).await?;
        for named in file.tenants() {
            if !tenants.iter().any(|known| known == named) {
                tenants.push(named.to_owned());
            }
        }
        tenants
    } else {
        file.tenants().map(str::to_owned).collect()
    };
    let mut work = Vec::new();
    for tenant in tenants {
        let wanted = file.of(&tenant);
        let call = Diff {
            tenant,
            wanted: wanted.clone(),
            prune,
        };
        let diff = context.client.call(&call).await?;
        work.push(Work { wanted, diff });
    }
    Ok(work)
}

async fn every_tenant(context: &mut Context) -> Result<Vec<String>, Error> {
    let mut call = tenant::List {
        limit: Some(PAGE),
        ..tenant::List::default()
    };
    let mut slugs = Vec::new();
    loop {
        let page = context.client.call(&call).await?;
        let found = page.items.into_iter().map(|tenant| tenant.slug);
        slugs.extend(found.filter(|slug| slug != SYSTEM));
        match page.next_cursor {
            Some(cursor) => call.cursor = Some(cursor),
            None => return Ok(slugs),
        }
    }
}

fn show(context: &mut Context, work: &[Work]) -> Result<(), Error> {
    let printer = &mut context.printer;
    let same = work.iter().all(|one| one.diff.lines.is_empty());
    let diffs: Vec<TenantDiffView> = work.iter().map(|one| one.diff.clone()).collect();
    match printer.format {
        Format::Json => {
            let differences = Differences {
                same,
                tenants: &diffs,
            };
            printer.text(&form::line(&form::Single::new("diff", &differences))?)
        }
        Format::Jsonl => {
            for diff in &diffs {
                printer.text(&form::line(diff)?)?;
            }
            Ok(())
        }
        Format::Table | Format::Wide | Format::Csv | Format::Id => {
            if same {
                return printer.line("Nothing differs.");
            }
            for diff in &diffs {
                for line in &diff.lines {
                    printer.line(&line.to_line(&diff.tenant))?;
                }
            }
            Ok(())
        }
    }
}
