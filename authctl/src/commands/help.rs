//! `help [COMMAND|TOPIC]`: the help of a command, or a page about what all commands share.

use crate::error::Error;
use crate::exit::Exit;
use crate::output::Printer;

const TOPICS: &[(&str, &str)] = &[
    ("output", include_str!("help/output.txt")),
    ("exit-codes", include_str!("help/exit-codes.txt")),
    ("filters", include_str!("help/filters.txt")),
    ("permissions", include_str!("help/permissions.txt")),
    ("first-steps", include_str!("help/first-steps.txt")),
    ("sockets", include_str!("help/sockets.txt")),
];

/// Writes the page that the words name.
pub(crate) fn run(printer: &mut Printer, words: &[String]) -> Result<Exit, Error> {
    if let [word] = words
        && let Some((_, page)) = TOPICS.iter().find(|(name, _)| name == word)
    {
        printer.text(page)?;
        return Ok(Exit::Done);
    }
    let mut root = crate::args::command();
    root.build();
    let mut command = &mut root;
    for word in words {
        let known: Vec<String> = command
            .get_subcommands()
            .map(|known| known.get_name().to_owned())
            .collect();
        if !known.contains(word) {
            return Err(unknown(word, &known));
        }
        let Some(next) = command.find_subcommand_mut(word) else {
            return Err(unknown(word, &known));
        };
        command = next;
    }
    let page = command.render_long_help().to_string();
    printer.text(&page)?;
    Ok(Exit::Done)
}

fn unknown(word: &str, known: &[String]) -> Error {
    let topics = TOPICS.iter().map(|(name, _)| *name);
    let names: Vec<&str> = known.iter().map(String::as_str).chain(topics).collect();
    let error = Error::usage(format!("no help for \"{word}\""));
    let error = match common::suggest::nearest(word, names.iter().copied()) {
        Some(near) => error.hint(format!("Did you mean \"{near}\"?")),
        None => error,
    };
    error.hint(format!("There is: {}", names.join(", ")))
}
