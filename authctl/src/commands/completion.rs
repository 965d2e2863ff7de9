//! Completion scripts, made from the same tree that parses.

use clap_complete::Shell as Target;

use crate::args::Shell;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Printer;

/// Writes the script of a shell.
pub(crate) fn run(printer: &mut Printer, shell: Shell) -> Result<Exit, Error> {
    let target = match shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(target, &mut crate::args::command(), "authctl", &mut script);
    printer.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
