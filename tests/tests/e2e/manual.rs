//! The manual pages against what the programs say of themselves, in both directions: every command,
//! every long flag and every configuration key is in its page, and the page names no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use harness::binary;

/// Commands, by their words, with their long flags; the program's own are those of the empty name.
type Flags = BTreeMap<String, BTreeSet<String>>;

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(binary(program))
        .args(arguments)
        .env_clear()
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// What `--help` tells of a program and, below it, of every command that has no further ones.
fn of_the_help(program: &str) -> Flags {
    let mut found = Flags::new();
    let root = output(program, &["--help"]);
    let own = flags(&root);
    let mut open: Vec<Vec<String>> = subcommands(&root)
        .into_iter()
        .map(|name| vec![name])
        .collect();
    while let Some(words) = open.pop() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = output(program, &arguments);
        let below = subcommands(&help);
        if below.is_empty() {
            let more: BTreeSet<String> = flags(&help).difference(&own).cloned().collect();
            found.insert(words.join(" "), more);
        }
        for name in below {
            let mut words = words.clone();
            words.push(name);
            open.push(words);
        }
    }
    found.insert(String::new(), own);
    found
}

/// The names below "Commands:".
fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // A description may go on in further lines, which stand further in.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The long flags that help lists: `-t, --tenant <TENANT>`, `--json`.
fn flags(help: &str) -> BTreeSet<String> {
    help.lines()
        .map(str::trim_start)
        .filter_map(|line| {
            let long = match line.split_once(", ") {
                Some((short, rest)) if short.len() == 2 && short.starts_with('-') => rest,
                _ => line,
            };
            long.strip_prefix("--")
        })
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect()
        })
        .collect()
}

/// What a page tells: commands stand as `.It Ic words`, flags as `.It Fl -name` below them.
fn of_the_page(page: &str) -> Flags {
    let mut found = Flags::new();
    let mut command = String::new();
    found.insert(command.clone(), BTreeSet::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix(".It Ic ") {
            let words: Vec<&str> = rest
                .split(' ')
                .take_while(|word| !matches!(*word, "Ar" | "Op" | "Fl" | "No"))
                .collect();
            command = words.join(" ");
            let before = found.insert(command.clone(), BTreeSet::new());
            assert!(before.is_none(), "{command} stands twice");
        } else if line.starts_with(".It Fl ") {
            found
                .entry(command.clone())
                .or_default()
                .extend(flags_of(line));
        }
    }
    found
}

/// The long flags that a line of a page marks as such.
fn flags_of(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    words
        .windows(2)
        .filter_map(|pair| match pair {
            [".Fl" | "Fl", flag] => flag.strip_prefix('-').map(str::to_owned),
            _ => None,
        })
        .collect()
}

/// The pages of a program: its own, and after it those of its nouns.
fn pages_of(program: &str, own: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man");
    let start = format!("{program}-");
    // Those of section 7 tell of things, not of commands.
    let end = own.get(own.len().saturating_sub(2)..).expect("a section");
    let mut of_nouns: Vec<String> = fs::read_dir(folder)
        .expect("a folder of pages")
        .map(|entry| entry.expect("an entry").file_name())
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with(&start) && name.ends_with(end))
        .collect();
    of_nouns.sort();
    let further = of_nouns.iter().map(|name| file(&format!("man/{name}")));
    std::iter::once(file(own)).chain(further).collect()
}

/// Names that a page refers to as pages of authctl's nouns, with what stands below each.
fn nouns_of(page: &str) -> BTreeMap<String, String> {
    let entries = page.split("\n.It Xr authctl-").skip(1);
    entries
        .map(|entry| {
            let (name, verbs) = entry.split_once(" 1\n").expect("of section 1");
            let verbs = verbs.lines().take_while(|line| !line.starts_with('.'));
            (name.to_owned(), verbs.collect::<Vec<_>>().join(" "))
        })
        .collect()
}

#[test]
fn authctls_own_page_lists_every_noun_with_its_verbs() {
    let listed = nouns_of(&file("man/authctl.1"));
    for (noun, verbs) in &listed {
        let page = of_the_page(&file(&format!("man/authctl-{noun}.1")));
        let of_noun = format!("{noun} ");
        let own = page.keys().filter(|words| !words.is_empty());
        let own: BTreeSet<&str> = own
            .map(|words| words.strip_prefix(&of_noun).unwrap_or(words))
            .collect();
        let verbs: BTreeSet<&str> = verbs.split(", ").collect();
        assert_eq!(verbs, own, "{noun}");
    }
    let pages = pages_of("authctl", "man/authctl.1");
    let titles = pages.matches("\n.Dt AUTHCTL-").count();
    assert_eq!(titles, listed.len(), "each page is listed");
}

fn compare(program: &str, path: &str) {
    let pages = pages_of(program, path);
    let (help, page) = (of_the_help(program), of_the_page(&pages));
    let mut wrong = Vec::new();
    for name in help.keys().chain(page.keys()).collect::<BTreeSet<_>>() {
        match (help.get(name), page.get(name)) {
            (Some(_), None) => wrong.push(format!("{path} lacks .It Ic {name}")),
            (None, _) => wrong.push(format!("{path} has {program} {name}, which there is not")),
            (Some(help), Some(page)) => {
                for flag in help.difference(page) {
                    wrong.push(format!("{path} lacks .It Fl -{flag} of {program} {name}"));
                }
                for flag in page.difference(help) {
                    wrong.push(format!("{path}: {program} {name} has no --{flag}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nor does the text speak of flags that nothing has.
    let known: BTreeSet<&String> = help.values().flatten().collect();
    for line in pages.lines().filter(|line| line.starts_with('.')) {
        for flag in flags_of(line) {
            assert!(
                known.contains(&flag),
                "{path}: nothing has --{flag}: {line}"
            );
        }
    }
}

#[test]
fn the_manual_of_authctl_is_complete_and_true() {
    compare("authctl", "man/authctl.1");
}

#[test]
fn the_manual_of_authd_is_complete_and_true() {
    compare("authd", "man/authd.8");
}

/// The keys of `print-config --defaults`, each with the line that its entry in the page must hold.
fn keys() -> Vec<(String, String)> {
    let mut keys = Vec::new();
    let mut section = String::new();
    let mut manner = String::new();
    for line in output("authd", &["print-config", "--defaults"]).lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if line.starts_with("# (") {
            line.trim_start_matches("# ").clone_into(&mut manner);
        } else if let Some((name, value)) = line
            .strip_prefix('#')
            .filter(|rest| !rest.starts_with(' '))
            .and_then(|rest| rest.split_once(" = "))
        {
            keys.push((format!("{section}{name}"), in_the_page(&manner, value)));
        }
    }
    keys
}

/// Type and bounds; the default; when a change is taken; the class.
fn in_the_page(manner: &str, value: &str) -> String {
    let inner = manner.trim_start_matches('(').trim_end_matches(')');
    let mut parts: Vec<&str> = inner.split("; ").collect();
    let unset = parts.iter().any(|part| part.starts_with("unset"));
    parts.retain(|part| !part.starts_with("unset"));
    let default = if unset {
        format!("unset, such as {value}")
    } else {
        format!("default {value}")
    };
    parts.insert(1, &default);
    let shown: Vec<&str> = parts
        .into_iter()
        .map(|part| match part {
            "the operator may set another for a tenant" => "operator class",
            "the operator may set another for a tenant, a tenant a stricter one" => "tenant class",
            other => other,
        })
        .collect();
    format!("({})", shown.join("; "))
}

#[test]
fn the_manual_of_the_configuration_is_complete_and_true() {
    let page = file("man/authd.toml.5");
    let section = page
        .split("\n.Sh ")
        .find(|section| section.starts_with("KEYS"))
        .expect("a section KEYS");
    let mut entries = BTreeMap::new();
    for entry in section.split("\n.It Va ").skip(1) {
        let (name, text) = entry.split_once('\n').expect("a text");
        // Lines end where the source is wide enough.
        entries.insert(name.to_owned(), text.replace('\n', " "));
    }
    let keys = keys();
    let mut wrong = Vec::new();
    for (key, line) in &keys {
        match entries.remove(key) {
            None => wrong.push(format!("lacks .It Va {key}\n{line}")),
            Some(text) if !text.contains(line) => wrong.push(format!("{key}: write\n{line}")),
            Some(_) => {}
        }
    }
    wrong.extend(
        entries
            .keys()
            .map(|key| format!("has {key}, which is no key")),
    );
    assert!(wrong.is_empty(), "man/authd.toml.5:\n{}", wrong.join("\n"));
    let names = |text: &str| text.matches("\n.It Va ").count();
    assert_eq!(names(section), keys.len(), "each once");
}

#[test]
fn the_example_of_the_manual_is_a_right_configuration() {
    let page = file("man/authd.toml.5");
    let example = page
        .split(".Bd -literal -offset indent\n")
        .nth(1)
        .and_then(|rest| rest.split("\n.Ed").next())
        .expect("an example");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("authd.toml");
    fs::write(&path, example).expect("written");
    let path = path.display().to_string();
    // Groups of the sockets are the machine's own affair, and the only thing to be warned of.
    let report = output("authd", &["-c", &path, "check-config", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let warnings = report["warnings"].as_array().expect("a list");
    for warning in warnings {
        let key = warning["key"].as_str().unwrap_or_default();
        assert!(key.ends_with("socket_group"), "{warning}");
    }
}

#[test]
fn the_shipped_configuration_shows_the_defaults() {
    let shipped = file("packaging/authd.toml");
    let defaults = output("authd", &["print-config", "--defaults"]);
    assert_eq!(
        shipped, defaults,
        "run: authd print-config --defaults > packaging/authd.toml"
    );
}
