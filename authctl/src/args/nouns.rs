//! What the root's help says of the commands: by group in the short one, so that every noun there
//! will be fits a small terminal, and each with its sentence in the long one. Both are made of the
//! tree, so neither can lack a command.

use std::fmt::Write as _;

use clap::Command;

/// Groups, and the commands of each in the order of the help. A name that the tree lacks is left
/// out; a command that no group names stands in the last one.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Look at the daemon",
        &["status", "ping", "version", "doctor", "stats", "events"],
    ),
    ("Tenants", &["tenant", "apply", "diff"]),
    ("People", &["user", "registration", "session", "client"]),
    ("Rights", &["role", "permission", "who-can"]),
    ("Sign-ins", &["lockout", "attempt", "explain"]),
    ("Records and mail", &["audit", "mail"]),
    ("Keys and tokens", &["key", "token"]),
    ("Data", &["backup", "db", "cache"]),
    ("Run the daemon", &["daemon", "api"]),
    (LAST, &["completion", "help"]),
];
const LAST: &str = "This program";

/// Room between the margin and the names.
const LABEL: usize = 20;
const WIDTH: usize = 80;

/// The tree whose root tells its commands so.
pub(super) fn grouped(root: Command) -> Command {
    let (short, long) = (short(&root), long(&root));
    root.before_help(short).before_long_help(long)
}

fn short(root: &Command) -> String {
    let mut text = String::from("Commands (\"authctl NOUN -h\" tells what one does):\n");
    for (label, names) in GROUPS {
        let mut known: Vec<&str> = names.iter().copied().filter(|n| has(root, n)).collect();
        if *label == LAST {
            known.extend(names_of(root).filter(|name| !is_grouped(name)));
        }
        let mut line = format!("  {label:LABEL$}");
        for name in &known {
            if line.len().saturating_add(name.len()) >= WIDTH {
                let _ = writeln!(text, "{}", line.trim_end());
                line = format!("  {:LABEL$}", "");
            }
            line.push_str(name);
            line.push(' ');
        }
        if !known.is_empty() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

fn long(root: &Command) -> String {
    let mut text = String::from("Commands:\n");
    for command in root
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        let _ = writeln!(text, "  {:12} {about}", command.get_name());
    }
    text
}

fn names_of(root: &Command) -> impl Iterator<Item = &str> {
    root.get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(Command::get_name)
}

fn has(root: &Command, name: &str) -> bool {
    names_of(root).any(|known| known == name)
}

fn is_grouped(name: &str) -> bool {
    GROUPS.iter().any(|(_, names)| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nouns that there will be, of which `with` adds those that are not there yet.
    fn whole() -> Command {
        let mut root = super::super::bare();
        let every = GROUPS.iter().flat_map(|(_, names)| names.iter().copied());
        let missing: Vec<&str> = every.filter(|name| !has(&root, name)).collect();
        for name in missing {
            root = root.subcommand(Command::new(name).about("Something that comes later"));
        }
        root
    }

    #[test]
    fn every_noun_there_will_be_fits_a_small_terminal() {
        let page = grouped(whole()).render_help().to_string();
        assert!(page.lines().count() <= 24, "{page}");
        assert!(
            page.lines().all(|line| line.chars().count() <= 80),
            "{page}"
        );
    }

    #[test]
    fn every_command_stands_in_both_helps_once() {
        let unknown = Command::new("unheard-of").about("In no group");
        let root = whole().subcommand(unknown);
        let names: Vec<String> = names_of(&root).map(str::to_owned).collect();
        assert!(names.len() > 25);
        let (short, long) = (short(&root), long(&root));
        let body = short.split_once('\n').unwrap().1;
        for name in names {
            let lines = body.lines().map(|line| line.get(LABEL..).unwrap_or(""));
            let told = lines
                .flat_map(str::split_whitespace)
                .filter(|word| *word == name);
            assert_eq!(told.count(), 1, "{name}:\n{short}");
            let told = long.lines().filter(|line| {
                line.strip_prefix("  ")
                    .and_then(|line| line.split(' ').next())
                    == Some(&name)
            });
            assert_eq!(told.count(), 1, "{name}:\n{long}");
        }
    }
}
