//! `audit export`: all changes, whole, into a file that stands only once all is in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use common::call::audit::Export;

use crate::commands::{Context, PAGE, Paged};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::json;

/// It names people.
const PRIVATE_FILE: u32 = 0o600;

impl Paged for Export {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Writes all changes, a line of JSON each.
///
/// # Errors
/// Those of the call and of writing; a file that is there already.
pub(super) async fn run(context: &mut Context, file: &Path) -> Result<Exit, Error> {
    if file == Path::new("-") {
        let count = write(context, |context, line| context.printer.text(line)).await?;
        tell(context, count, "")?;
        return Ok(Exit::Done);
    }
    let mut new = NewFile::begin(file)?;
    let count = write(context, |_, line| new.add(line)).await?;
    new.finish()?;
    tell(context, count, &format!(" to {}", file.display()))?;
    Ok(Exit::Done)
}

async fn write(
    context: &mut Context,
    mut add: impl FnMut(&mut Context, &str) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut call = Export {
        tenant: context.settings.list_tenant(),
        ..Export::default()
    };
    call.page(u32::try_from(PAGE).unwrap_or(u32::MAX));
    let mut count = 0_u64;
    loop {
        let page = context.client.call(&call).await?;
        for row in &page.items {
            add(context, &json::line(row)?)?;
            count = count.saturating_add(1);
        }
        match page.next_cursor {
            Some(cursor) => call.after(cursor),
            None => return Ok(count),
        }
    }
}

fn tell(context: &mut Context, count: u64, to: &str) -> Result<(), Error> {
    let noun = if count == 1 { "change" } else { "changes" };
    context
        .printer
        .note(&format!("exported {count} {noun}{to}"))
}

/// A file on the way under a name of its own; it goes with this unless it was finished.
struct NewFile {
    out: BufWriter<File>,
    to: PathBuf,
    partial: PathBuf,
    is_finished: bool,
}

impl NewFile {
    fn begin(to: &Path) -> Result<Self, Error> {
        if to.symlink_metadata().is_ok() {
            return Err(Error::usage(format!("{} is there already", to.display()))
                .hint("Name a new file, or - for standard output."));
        }
        let mut name = to.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        // Left by a run that was killed.
        let _absent = fs::remove_file(&partial);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&partial)
            .map_err(|error| {
                // The file is named that was asked for.
                failed(to, &error)
                    .hint("Name one in a folder that you may write in, or - for standard output.")
            })?;
        Ok(Self {
            out: BufWriter::new(file),
            to: to.to_owned(),
            partial,
            is_finished: false,
        })
    }

    fn add(&mut self, line: &str) -> Result<(), Error> {
        let written = self.out.write_all(line.as_bytes());
        written.map_err(|error| failed(&self.to, &error))
    }

    fn finish(mut self) -> Result<(), Error> {
        self.out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all())
            // Unlike a rename, this never takes the place of a file that came meanwhile.
            .and_then(|()| fs::hard_link(&self.partial, &self.to))
            .map_err(|error| failed(&self.to, &error))?;
        self.is_finished = true;
        fs::remove_file(&self.partial).map_err(|error| failed(&self.partial, &error))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_finished {
            let _gone = fs::remove_file(&self.partial);
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    let text = format!("cannot write {}: {error}", path.display());
    Error::new(Exit::Failure, "output", text)
}
