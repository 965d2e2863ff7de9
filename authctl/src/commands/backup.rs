//! `backup create|list|verify|prune`.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use common::call::backup::{Create, Goal, List, Prune, Verify};
use common::call::job::Progress;
use common::view::{BackupMade, BackupView, CheckView};
use sha2::{Digest, Sha256};

use crate::args::{Backup, Format};
use crate::client::Hearer;
use crate::commands::status::size;
use crate::commands::{Context, Paged, sentence};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Printer;
use crate::output::Shape;
use crate::output::json;
use crate::output::table::{Cell, Column, Shown};

/// Mode of the file that is written.
const PRIVATE_FILE: u32 = 0o600;

const SHAPE: Shape<BackupView> = Shape {
    kind: "backup",
    columns: &[
        Column {
            heading: "NAME",
            shown: Shown::Always,
            cell: |b| Cell::text(b.name.as_deref()),
        },
        Column {
            heading: "CREATED",
            shown: Shown::Always,
            cell: |b| Cell::Moment(b.created_at),
        },
        Column {
            heading: "SIZE",
            shown: Shown::Always,
            cell: |b| Cell::Text(size(b.bytes)),
        },
        Column {
            heading: "SCHEMA",
            shown: Shown::Always,
            cell: |b| b.schema.map_or(Cell::Nothing, |n| Cell::Number(n.into())),
        },
        Column {
            heading: "WRAP-KEY",
            shown: Shown::Always,
            cell: |b| Cell::text(b.wrap_key_id.as_deref()),
        },
        Column {
            heading: "SHA256",
            shown: Shown::Wide,
            cell: |b| Cell::text(b.sha256.as_deref()),
        },
        Column {
            heading: "VERIFIED",
            shown: Shown::Always,
            cell: |b| Cell::Flag(b.verified),
        },
    ],
    keys: &[
        "name",
        "created_at",
        "bytes",
        "schema",
        "wrap_key_id",
        "sha256",
        "verified",
        "compressed",
        "version",
    ],
    id: |b| b.name.clone().unwrap_or_default(),
    none: "no backups; make one: authctl backup create",
};

impl Paged for List {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: Backup) -> Result<Exit, Error> {
    match command {
        Backup::Create { file, compress } => {
            let compress = compress.then_some(true);
            match file {
                None => create_there(context, compress).await,
                Some(file) if file == Path::new("-") => create_out(context, compress).await,
                Some(file) => create_file(context, &file, compress).await,
            }
        }
        Backup::List { list } => context.list(List::default(), &SHAPE, &list, true).await,
        Backup::Verify { name } => {
            let mut hearer = Deaf;
            let checked = context.client.job(&Verify { name }, &mut hearer).await?;
            check(context, "backup.check", &checked)
        }
        Backup::Prune { keep } => prune(context, keep).await,
    }
}

/// Writes what a check found; unsound ends with 11.
pub(crate) fn check(context: &mut Context, kind: &str, checked: &CheckView) -> Result<Exit, Error> {
    let printer = &mut context.printer;
    match printer.format {
        Format::Json | Format::Jsonl => {
            printer.text(&json::line(&json::Single::new(kind, checked))?)?;
        }
        _ if checked.ok => printer.line("ok")?,
        _ => {
            for problem in &checked.problems {
                printer.line(problem)?;
            }
        }
    }
    for remark in &checked.remarks {
        printer.note(remark)?;
    }
    Ok(if checked.ok {
        Exit::Done
    } else {
        Exit::Unsound
    })
}

/// Hears nothing but the end.
pub(crate) struct Deaf;

impl Hearer for Deaf {
    fn progress(&mut self, _: &Progress) {}
    fn data(&mut self, _: &[u8]) -> Result<(), Error> {
        Err(Error::new(
            Exit::Failure,
            "unexpected_answer",
            "authd sent data that nobody asked for",
        ))
    }
}

async fn create_there(context: &mut Context, compress: Option<bool>) -> Result<Exit, Error> {
    let call = Create {
        goal: Goal::Folder,
        compress,
    };
    let made = context.client.job(&call, &mut Deaf).await?;
    let name = made.backup.name.clone().unwrap_or_default();
    let place = match &made.folder {
        Some(folder) => format!("{folder}/{name}"),
        None => name,
    };
    tell(&mut context.printer, &made, &place)?;
    Ok(Exit::Done)
}

async fn create_file(
    context: &mut Context,
    file: &Path,
    compress: Option<bool>,
) -> Result<Exit, Error> {
    if file.symlink_metadata().is_ok() {
        return Err(Error::usage(format!("{} exists already", file.display()))
            .hint("Name another file; none is overwritten."));
    }
    let call = Create {
        goal: Goal::Caller,
        compress,
    };
    let mut partial = Partial::begin(file)?;
    let made = context.client.job(&call, &mut partial).await?;
    partial.finish(&made, file)?;
    tell(&mut context.printer, &made, &file.display().to_string())?;
    Ok(Exit::Done)
}

async fn create_out(context: &mut Context, compress: Option<bool>) -> Result<Exit, Error> {
    if io::stdout().is_terminal() {
        return Err(Error::usage("refusing to write a backup to the terminal")
            .hint("Name a file, or send it on: authctl backup create - | ..."));
    }
    let call = Create {
        goal: Goal::Caller,
        compress,
    };
    let mut out = Out {
        printer: &mut context.printer,
        sum: Sum::new(),
    };
    let made = context.client.job(&call, &mut out).await?;
    out.sum.holds(&made)?;
    context.printer.flush()?;
    for line in apart(&made) {
        context.printer.note(&line)?;
    }
    Ok(Exit::Done)
}

/// Counts and hashes what has come.
struct Sum {
    hash: Sha256,
    bytes: u64,
}

impl Sum {
    fn new() -> Self {
        Self {
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    fn add(&mut self, part: &[u8]) {
        self.hash.update(part);
        let count = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(count);
    }

    /// Compares with what authd made.
    fn holds(&self, made: &BackupMade) -> Result<(), Error> {
        let mut sha256 = String::new();
        for byte in self.hash.clone().finalize() {
            // Writing to a String does not fail.
            let _: std::fmt::Result = write!(sha256, "{byte:02x}");
        }
        let is_same = made.backup.bytes == self.bytes
            && made.backup.sha256.as_deref() == Some(sha256.as_str());
        if is_same {
            return Ok(());
        }
        Err(Error::new(
            Exit::Failure,
            "unexpected_answer",
            format!(
                "the backup arrived damaged: {} bytes of {}",
                self.bytes, made.backup.bytes
            ),
        ))
    }
}

/// Hands parts on to standard output.
struct Out<'a> {
    printer: &'a mut Printer,
    sum: Sum,
}

impl Hearer for Out<'_> {
    fn progress(&mut self, _: &Progress) {}
    fn data(&mut self, part: &[u8]) -> Result<(), Error> {
        self.sum.add(part);
        self.printer.bytes(part)
    }
}

/// A file on the way under a name of its own; it goes with this unless it was finished.
struct Partial {
    file: File,
    path: PathBuf,
    sum: Sum,
    is_finished: bool,
}

impl Partial {
    fn begin(to: &Path) -> Result<Self, Error> {
        let mut name = to.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        // Left by a run that was killed; it was never a backup.
        let _absent = fs::remove_file(&path);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(|error| {
                Error::new(
                    Exit::Failure,
                    "output",
                    // The file is named that was asked for.
                    format!("cannot write {}: {error}", to.display()),
                )
                .hint("Name one in a folder that you may write in.")
            })?;
        Ok(Self {
            file,
            path,
            sum: Sum::new(),
            is_finished: false,
        })
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::new(
            Exit::Failure,
            "output",
            format!("cannot write {}: {error}", self.path.display()),
        )
    }

    /// Makes sure that all is there and stays, then gives the file its name.
    fn finish(mut self, made: &BackupMade, to: &Path) -> Result<(), Error> {
        self.sum.holds(made)?;
        let folder = to
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, to))
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| self.failed(&error))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Hearer for Partial {
    fn progress(&mut self, _: &Progress) {}
    fn data(&mut self, part: &[u8]) -> Result<(), Error> {
        self.sum.add(part);
        self.file
            .write_all(part)
            .map_err(|error| self.failed(&error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

fn tell(printer: &mut Printer, made: &BackupMade, place: &str) -> Result<(), Error> {
    match printer.format {
        Format::Json | Format::Jsonl => {
            return printer.text(&json::line(&json::Single::new("backup.made", made))?);
        }
        Format::Id | Format::Csv => return printer.line(place),
        Format::Table | Format::Wide => {}
    }
    let backup = &made.backup;
    let schema = backup.schema.unwrap_or_default();
    let verified = if backup.verified { ", verified" } else { "" };
    printer.line(&format!(
        "Made backup {place} ({}, schema {schema}{verified}).",
        size(backup.bytes)
    ))?;
    for name in &made.pruned {
        printer.line(&format!("Removed {name}."))?;
    }
    for line in apart(made) {
        printer.line(&line)?;
    }
    Ok(())
}

/// What the backup lacks, and the line that copies it.
fn apart(made: &BackupMade) -> [String; 2] {
    [
        format!("Not in this file: {}", made.not_in_it.join(", ")),
        format!("  {}", made.copy_apart),
    ]
}

async fn prune(context: &mut Context, keep: u32) -> Result<Exit, Error> {
    let deed = Deed {
        what: "remove backups".to_owned(),
        question: format!("Remove all backups but the newest {keep}?"),
        answer: "--yes".to_owned(),
    };
    let flags = &context.settings.flags;
    deed.ask(flags.yes || flags.dry_run, false)?;
    let change = context.client.call(&Prune { keep }).await?;
    let text = sentence(
        &change,
        &format!("Removed {}", change.subject),
        "There are no more backups than that",
    );
    context.printer.change(&change, &text)?;
    Ok(Exit::Done)
}
