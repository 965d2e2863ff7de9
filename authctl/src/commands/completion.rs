//! Completion scripts, made from the same tree that parses, with a part each that asks the daemon for
//! names (`__complete`).

use clap_complete::Shell as Target;

use crate::args::Shell;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Printer;

const BASH: &str = include_str!("completion/live.bash");
const ZSH: &str = include_str!("completion/live.zsh");
const FISH: &str = include_str!("completion/live.fish");

/// Where zsh's script begins to call what it defined.
const ZSH_CALL: &str = "if [ \"$funcstack[1]\" = \"_authctl\" ]; then";

/// Writes the script of a shell.
pub(crate) fn run(printer: &mut Printer, shell: Shell) -> Result<Exit, Error> {
    let target = match shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(target, &mut crate::args::command(), "authctl", &mut script);
    let script = String::from_utf8_lossy(&script);
    let script = match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Zsh => zsh(&script),
        Shell::Fish => format!("{script}{FISH}"),
    };
    printer.text(&script)?;
    Ok(Exit::Done)
}

/// The function that the shell calls is ours, and falls back to the one that was made.
fn zsh(script: &str) -> String {
    let script = script.replacen("\n_authctl() {", "\n_authctl_words() {", 1);
    script.replacen(ZSH_CALL, &format!("{}{ZSH_CALL}", ZSH.trim_start()), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zsh_calls_our_function_and_that_the_made_one() {
        let mut made = Vec::new();
        clap_complete::generate(
            Target::Zsh,
            &mut crate::args::command(),
            "authctl",
            &mut made,
        );
        let script = zsh(&String::from_utf8(made).unwrap());
        for part in ["\n_authctl_words() {", "\n_authctl() {", ZSH_CALL] {
            assert_eq!(script.matches(part).count(), 1, "{part}");
        }
        assert!(script.find("\n_authctl() {") < script.find(ZSH_CALL));
        assert!(script.starts_with("#compdef authctl"));
    }
}
