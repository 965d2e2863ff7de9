//! Questions before what cannot be taken back: y/N, or a name to type.
//! Nobody there to answer means no, and the sentence says how a script says yes.

use std::io::{self, BufRead, IsTerminal, Write};

use common::text::visible;

use crate::error::Error;
use crate::exit::Exit;

/// What is about to happen, in the words of the question and of the refusal.
#[derive(Debug)]
pub(crate) struct Deed {
    /// After "refusing to": `disable user bob@acme.test`.
    pub(crate) what: String,
    /// The question, without its `[y/N]` or name.
    pub(crate) question: String,
    /// The command for a script.
    pub(crate) script: String,
}

impl Deed {
    fn refused(&self, why: &str) -> Error {
        Error::new(
            Exit::NotConfirmed,
            "not_confirmed",
            format!("refusing to {} without confirmation: {why}", self.what),
        )
        .hint(format!("In scripts: {}", self.script))
    }

    /// Asks y/N, unless `yes` answers already.
    ///
    /// # Errors
    /// Not confirmed: no terminal, or any other answer than yes.
    pub(crate) fn ask(&self, yes: bool, stdin_is_taken: bool) -> Result<(), Error> {
        self.needs_answer(yes, stdin_is_taken)?;
        if yes {
            return Ok(());
        }
        let prompt = format!("{} [y/N] ", self.question);
        answer_yes(&mut io::stdin().lock(), &mut io::stderr(), &prompt)
    }

    /// Makes sure that there is somebody to ask, before the question is even put together.
    ///
    /// # Errors
    /// Not confirmed: no terminal.
    pub(crate) fn needs_answer(&self, yes: bool, stdin_is_taken: bool) -> Result<(), Error> {
        if yes {
            return Ok(());
        }
        self.needs_terminal(stdin_is_taken)
    }

    /// Wants `name` typed, or given by `--confirm`.
    ///
    /// # Errors
    /// Not confirmed without a terminal; a wrong command line for another name.
    pub(crate) fn ask_name(&self, name: &str, given: Option<&str>) -> Result<(), Error> {
        if let Some(given) = given {
            if given == name {
                return Ok(());
            }
            return Err(
                Error::usage(format!("--confirm={given} does not name {name}"))
                    .hint(format!("In scripts: {}", self.script)),
            );
        }
        self.needs_terminal(false)?;
        let prompt = format!("{} Type {name} to go on: ", self.question);
        let typed = read_answer(&mut io::stdin().lock(), &mut io::stderr(), &prompt)?;
        if typed == name {
            return Ok(());
        }
        Err(declined())
    }

    fn needs_terminal(&self, stdin_is_taken: bool) -> Result<(), Error> {
        if stdin_is_taken {
            return Err(self.refused("standard input holds the ids"));
        }
        if !io::stdin().is_terminal() {
            return Err(self.refused("stdin is not a terminal"));
        }
        Ok(())
    }
}

fn declined() -> Error {
    Error::new(
        Exit::NotConfirmed,
        "not_confirmed",
        "not confirmed; nothing was changed",
    )
}

fn read_answer(
    input: &mut impl BufRead,
    output: &mut impl Write,
    prompt: &str,
) -> Result<String, Error> {
    let mut line = String::new();
    write!(output, "{}", visible(prompt))
        .and_then(|()| output.flush())
        .and_then(|()| input.read_line(&mut line))
        .map_err(|error| {
            Error::new(
                Exit::NotConfirmed,
                "not_confirmed",
                format!("cannot ask: {error}"),
            )
        })?;
    Ok(line.trim().to_owned())
}

fn answer_yes(
    input: &mut impl BufRead,
    output: &mut impl Write,
    prompt: &str,
) -> Result<(), Error> {
    let answer = read_answer(input, output, prompt)?.to_lowercase();
    if matches!(answer.as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(declined())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (typed, yes) in [
            ("y\n", true),
            ("YES\n", true),
            ("\n", false),
            ("", false),
            ("no\n", false),
        ] {
            let mut shown = Vec::new();
            let answer = answer_yes(&mut typed.as_bytes(), &mut shown, "Go? [y/N] ");
            assert_eq!(answer.is_ok(), yes, "{typed:?}");
            assert_eq!(shown, b"Go? [y/N] ");
        }
    }

    #[test]
    fn another_name_is_a_wrong_command_line() {
        let deed = Deed {
            what: "x".to_owned(),
            question: "x".to_owned(),
            script: "x".to_owned(),
        };
        assert!(deed.ask_name("acme", Some("acme")).is_ok());
        assert_eq!(
            deed.ask_name("acme", Some("acne")).unwrap_err().exit,
            Exit::Usage
        );
    }
}
