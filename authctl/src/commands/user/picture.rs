//! `user picture USER set FILE | remove | get FILE`: the files are opened here, never by the daemon.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::call::user::{FileBytes, GetPicture, LARGEST_FILE, RemovePicture, SetPicture};
use common::call::{Change, UserRef};

use crate::args::{PictureAct, UserPicture};
use crate::commands::status::size;
use crate::commands::user::named;
use crate::commands::{Context, sentence};
use crate::error::Error;
use crate::exit::Exit;

/// The daemon takes its time for a picture (`timeouts.picture`).
const PATIENCE: Duration = Duration::from_mins(2);
/// Mode of a file that is written: it shows a person.
const PRIVATE_FILE: u32 = 0o600;

/// Runs one of the three.
pub(super) async fn run(context: &mut Context, wanted: UserPicture) -> Result<Exit, Error> {
    let user = named(context, &wanted.user);
    match (wanted.act, wanted.file) {
        (PictureAct::Set, Some(file)) => set(context, user, &file).await,
        (PictureAct::Get, Some(file)) => get(context, user, &file).await,
        (PictureAct::Remove, None) => remove(context, user).await,
        (PictureAct::Remove, Some(_)) => Err(Error::usage("\"remove\" takes no FILE")),
        // clap has asked for it.
        (PictureAct::Set | PictureAct::Get, None) => Err(Error::usage("a FILE is missing")),
    }
}

async fn set(context: &mut Context, user: UserRef, file: &Path) -> Result<Exit, Error> {
    let call = SetPicture {
        user,
        content: FileBytes(read(file)?),
    };
    context.client.wait_at_least(PATIENCE);
    let change = context.client.call(&call).await?;
    tell(context, &change, "Set")
}

async fn remove(context: &mut Context, user: UserRef) -> Result<Exit, Error> {
    let change = context.client.call(&RemovePicture { user }).await?;
    tell(context, &change, "Removed")
}

fn tell(context: &mut Context, change: &Change, done: &str) -> Result<Exit, Error> {
    let text = sentence(
        change,
        &format!("{done} the picture of user {}", change.subject),
        &format!("User {} has no picture", change.subject),
    );
    context.printer.change(change, &text)?;
    Ok(Exit::Done)
}

/// The file to send, no more of it than any daemon takes.
fn read(file: &Path) -> Result<Vec<u8>, Error> {
    let failed = |error: io::Error| {
        let error = format!("cannot read {}: {error}", file.display());
        Error::new(Exit::Failure, "input", error)
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX);
    let mut within = |source: &mut dyn Read| {
        source
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(failed)
    };
    if is_standard(file) {
        within(&mut io::stdin().lock())?;
    } else {
        within(&mut File::open(file).map_err(failed)?)?;
    }
    if bytes.len() > LARGEST_FILE {
        return Err(Error::usage(format!(
            "{} is larger than {}, the most that any configuration takes",
            file.display(),
            size(most)
        )));
    }
    Ok(bytes)
}

fn is_standard(file: &Path) -> bool {
    file == Path::new("-")
}

async fn get(context: &mut Context, user: UserRef, file: &Path) -> Result<Exit, Error> {
    let to_stdout = is_standard(file);
    if to_stdout && io::stdout().is_terminal() {
        return Err(Error::usage("refusing to write a picture to the terminal")
            .hint("Name a file, or send it on: authctl user picture USER get - | ..."));
    }
    if !to_stdout && file.symlink_metadata().is_ok() {
        return Err(Error::usage(format!("{} exists already", file.display()))
            .hint("Name another file; none is overwritten."));
    }
    let UserRef { tenant, name } = user;
    let call = GetPicture { tenant, user: name };
    let found = context.client.call(&call).await?;
    let bytes = &found.content.0;
    if to_stdout {
        context.printer.bytes(bytes)?;
        context.printer.flush()?;
        return Ok(Exit::Done);
    }
    write(file, bytes)?;
    let length = size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let told = format!("Wrote {} ({}, {length}).", file.display(), found.media_type);
    context.printer.note(&told)?;
    Ok(Exit::Done)
}

/// Writes a file that was not there; what was written of it goes where it fails.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |error: io::Error| {
        let error = format!("cannot write {}: {error}", file.display());
        Error::new(Exit::Failure, "output", error)
            .hint("Name one in a folder that you may write in.")
    };
    let mut made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(file)
        .map_err(failed)?;
    made.write_all(bytes).map_err(|error| {
        let _gone = std::fs::remove_file(PathBuf::from(file));
        failed(error)
    })
}
