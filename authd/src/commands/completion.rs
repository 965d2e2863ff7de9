//! `authd completion`: the completion script of a shell, made from the tree that parses.

use std::io::Write;

use clap_complete::Shell as Target;

use super::{OK, finish};
use crate::args::{self, Shell};
use crate::print::Printer;

/// Prints the script; returns the exit status.
pub fn run<O: Write, E: Write>(shell: Shell, mut out: Printer<O>, errors: &mut Printer<E>) -> u8 {
    let target = match shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(target, &mut args::command_line(), "authd", &mut script);
    out.text(&String::from_utf8_lossy(&script));
    finish(out, errors, OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_has_a_script_that_knows_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut errors = Printer::new(&mut err);
            assert_eq!(run(shell, Printer::new(&mut out), &mut errors), OK);
            let script = String::from_utf8(out).unwrap();
            assert!(script.contains("check-config"), "{shell:?}");
        }
    }
}
