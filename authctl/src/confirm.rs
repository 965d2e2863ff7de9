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
    /// What a script adds to the command as it was typed: `--yes`, or `--confirm=acme`.
    pub(crate) answer: String,
}

impl Deed {
    fn refused(&self, why: &str) -> Error {
        Error::new(
            Exit::NotConfirmed,
            "not_confirmed",
            format!("refusing to {} without confirmation: {why}", self.what),
        )
        .hint(format!("In scripts: {}", self.script()))
    }

    /// The command as it was typed, with the answer: nothing of what it meant is lost.
    fn script(&self) -> String {
        let words = std::env::args_os().skip(1);
        let words: Vec<String> = words
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let tenant = std::env::var("AUTHCTL_TENANT").ok();
        answered(&words, tenant.as_deref(), &self.answer)
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
                    .hint(format!("In scripts: {}", self.script())),
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

/// The words behind `authctl` with the answer among them, in the place of answers that did not do.
fn answered(words: &[String], tenant: Option<&str>, answer: &str) -> String {
    // What stands behind -- is no flag.
    let end = words.iter().position(|word| word == "--");
    let (flags, rest) = words.split_at(end.unwrap_or(words.len()));
    let mut kept = Vec::new();
    let mut flags = flags.iter();
    while let Some(word) = flags.next() {
        match word.as_str() {
            "--confirm" => drop(flags.next()),
            "-y" | "--yes" => {}
            other if other.starts_with("--confirm=") => {}
            _ => kept.push(quoted(word)),
        }
    }
    kept.push(quoted(answer));
    kept.extend(rest.iter().map(|word| quoted(word)));
    let place = tenant
        .filter(|tenant| !tenant.is_empty())
        .map(|tenant| format!("AUTHCTL_TENANT={} ", quoted(tenant)));
    format!("{}authctl {}", place.unwrap_or_default(), kept.join(" "))
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
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
    fn a_script_gets_the_command_as_it_was_typed() {
        let script = |line: &[&str], tenant, answer| {
            let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
            answered(&words, tenant, answer)
        };
        assert_eq!(
            script(
                &["-t", "acme", "role", "delete", "a", "--reassign", "b"],
                None,
                "--yes"
            ),
            "authctl -t acme role delete a --reassign b --yes"
        );
        assert_eq!(
            script(
                &["user", "disable", "a", "--reason", "it's over"],
                Some("acme"),
                "--yes"
            ),
            r"AUTHCTL_TENANT=acme authctl user disable a --reason 'it'\''s over' --yes"
        );
        // Answers that did not do are left out; an object may look like one.
        assert_eq!(
            script(
                &[
                    "user",
                    "delete",
                    "-y",
                    "--confirm",
                    "b",
                    "--confirm=c",
                    "--",
                    "-y"
                ],
                None,
                "--confirm=a"
            ),
            "authctl user delete --confirm=a -- -y"
        );
    }

    #[test]
    fn another_name_is_a_wrong_command_line() {
        let deed = Deed {
            what: "x".to_owned(),
            question: "x".to_owned(),
            answer: "--confirm=acme".to_owned(),
        };
        assert!(deed.ask_name("acme", Some("acme")).is_ok());
        assert_eq!(
            deed.ask_name("acme", Some("acne")).unwrap_err().exit,
            Exit::Usage
        );
    }
}
