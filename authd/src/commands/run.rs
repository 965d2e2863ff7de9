//! `authd run`: loads the configuration, starts the log, and hands over to the start.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use common::time::SystemClock;

use crate::args::Run;
use crate::config::{self, DevDefaults, Faults, Source};
use crate::log::{self, Logging};
use crate::print::Printer;
use crate::startup::{self, Dev, Outside, SetLevel};

/// Runs the daemon until a signal ends it.
pub fn run<W: Write>(args: Run, mut source: Source, errors: &mut Printer<W>) -> ExitCode {
    let dev = match development(args) {
        Ok(dev) => dev,
        Err(message) => {
            errors.line(format_args!("authd: error: {message}"));
            return ExitCode::from(super::FAILURE);
        }
    };
    if let Some((defaults, _)) = &dev {
        source.dev = Some(defaults.clone());
    }
    let loaded = match config::load(&source) {
        Ok(loaded) => loaded,
        Err(faults) => {
            errors.line(&faults);
            return ExitCode::from(Faults::EXIT);
        }
    };
    for warning in &loaded.warnings {
        errors.text(&format!("{warning}\n"));
    }
    let logging = match log::start(&loaded.config.log, Arc::new(SystemClock)) {
        Ok(logging) => logging,
        Err(error) => {
            errors.line(format_args!("authd: error: cannot start the log: {error}"));
            return ExitCode::from(super::FAILURE);
        }
    };
    let logging = Arc::new(logging);
    let outside = Outside {
        source,
        set_level: set_level(&logging),
    };
    let status = startup::run(&loaded, dev.as_ref().map(|(_, dev)| dev), outside);
    drop(logging);
    if let Some(folder) = dev.and_then(|(_, dev)| dev.ephemeral)
        && let Err(error) = std::fs::remove_dir_all(&folder)
    {
        errors.line(format_args!(
            "authd: warning: cannot remove {}: {error}",
            folder.display()
        ));
    }
    status
}

/// The way to the level of the log; it does not keep the log alive.
fn set_level(logging: &Arc<Logging>) -> SetLevel {
    let logging = Arc::downgrade(logging);
    Box::new(move |level| match logging.upgrade() {
        Some(logging) => logging.set_level(level).map_err(|error| error.to_string()),
        None => Err("the log has ended".to_owned()),
    })
}

/// The folders of a development daemon.
fn development(args: Run) -> Result<Option<(DevDefaults, Dev)>, String> {
    if !args.dev {
        return Ok(None);
    }
    if !args.ephemeral {
        let defaults = DevDefaults::of_user()
            .ok_or("--dev keeps its data in your home, and there is none; use --ephemeral")?;
        return Ok(Some((defaults, Dev::default())));
    }
    let folder = ephemeral_folder().map_err(|error| format!("cannot make a folder: {error}"))?;
    let dev = Dev {
        ephemeral: Some(folder.clone()),
    };
    Ok(Some((DevDefaults::below(&folder), dev)))
}

/// Names that are tried for a temporary folder before giving up.
const FOLDER_NAMES: u32 = 100;

/// A new folder that nobody else can enter; what stands in its place, also of a daemon that was
/// killed, is left alone.
fn ephemeral_folder() -> io::Result<PathBuf> {
    let base = std::env::temp_dir();
    for number in 0..FOLDER_NAMES {
        let folder = base.join(format!("authd-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
