//! The command line of authd, and what the process's environment adds to it.
//! The one place that reads environment variables for the configuration.

mod keys;

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum};

use common::text::visible;

pub use keys::Keys;

use crate::config::{ENVIRONMENT_PREFIX, Source};

/// authd: tenants, users, sessions and lockouts over HTTP and a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "authd",
    version = common::VERSION,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 80
)]
pub struct Args {
    /// Where the configuration comes from, as given before the command.
    #[command(flatten)]
    before: ConfigArgs,
    /// What to do.
    #[command(subcommand)]
    command: CommandArgs,
}

/// Where the configuration comes from.
// Not clap's `global`: that keeps only the last place of a flag, so `--set` before the command
// would be lost as soon as one stands behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
struct ConfigArgs {
    /// Read this file instead of /etc/authd/authd.toml
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Look for authd.toml and authd.toml.d in this folder
    #[arg(long, value_name = "DIR")]
    config_dir: Option<PathBuf>,
    /// Set a key, over files and environment; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
enum CommandArgs {
    /// Serve, in the foreground
    Run {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        run: Run,
    },
    /// Check the configuration and say what is wrong, with file, line and column
    CheckConfig {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        check: CheckConfig,
    },
    /// Print the configuration, as TOML that loads again
    PrintConfig {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        print: PrintConfig,
    },
    /// Ask the running daemon whether it is alive; exit 0 or 1
    Healthcheck {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Look after the database while authd is stopped
    Db {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        db: Db,
    },
    /// Look after the keys while authd is stopped
    Keys {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        keys: Keys,
    },
    /// End the locks of a user while authd is stopped
    Recover {
        #[command(flatten)]
        config: ConfigArgs,
        /// An address, TENANT/ADDRESS, or an id (usr_…)
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Write the manual pages that are built in
    Man {
        #[command(flatten)]
        man: Man,
    },
    /// Print the OpenAPI document of the HTTP API
    #[command(name = "openapi")]
    OpenApi {
        /// Write it into this file instead
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the completion script of a shell
    Completion {
        /// bash, zsh or fish
        #[arg(value_name = "SHELL", hide_possible_values = true)]
        shell: Shell,
    },
    /// Print the version
    Version {
        #[command(flatten)]
        version: Version,
    },
}

/// How to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ClapArgs)]
#[group(skip)]
pub struct Run {
    /// Keep data in your own folders, on loopback: for development, insecure
    #[arg(long)]
    pub dev: bool,
    /// Keep data in a temporary folder that goes at the end
    #[arg(long, requires = "dev")]
    pub ephemeral: bool,
}

/// How to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ClapArgs)]
#[group(skip)]
pub struct CheckConfig {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Exit 1 if there are warnings
    #[arg(long)]
    pub strict: bool,
}

/// What to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ClapArgs)]
#[group(id = "printed", multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one flag each, of which clap lets one stand"
)]
pub struct PrintConfig {
    /// Print every key with its meaning and default, as comments
    #[arg(long)]
    pub defaults: bool,
    /// Print what is in effect (the default)
    #[arg(long)]
    pub effective: bool,
    /// Print what is in effect, and where each value came from
    #[arg(long)]
    pub show_origin: bool,
    /// Print a JSON Schema of authd.toml
    #[arg(long)]
    pub schema: bool,
}

/// What to do with the database.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Db {
    /// Say what is there, whether it is in use, and which steps wait
    Status,
    /// Bring an older schema up to date, in a copy that takes the file's place
    Migrate {
        /// Only try it, on a copy that goes again; also while authd runs
        #[arg(long)]
        dry_run: bool,
    },
    /// Write a verified backup
    Backup {
        /// File to write; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put a backup in the place of the database; nothing that has ended comes back
    Restore {
        /// The backup, compressed or not
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Keep the sessions that are alive in the backup and in the database
        #[arg(long)]
        keep_sessions: bool,
        /// Make all keys anew: the wrap key of the backup is lost
        #[arg(long, conflicts_with = "keep_sessions")]
        new_keys: bool,
    },
    /// Check the database, or a backup, with its keys and audit chains
    Verify {
        /// The backup; the database where it is absent
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write the whole file anew without what holds nothing
    Vacuum,
    /// Free the ballast file, and say what else can go; also while authd runs
    Rescue,
}

/// Where to write the manual pages.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
#[group(skip)]
pub struct Man {
    /// Write them below this folder, as man1/authctl.1 and so on
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}

/// Shells that a completion script is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// How to print the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ClapArgs)]
#[group(skip)]
pub struct Version {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Run(Run),
    /// Check the configuration.
    CheckConfig(CheckConfig),
    /// Print the configuration.
    PrintConfig(PrintConfig),
    /// Ask the running daemon whether it is alive.
    Healthcheck,
    /// Look after the database.
    Db(Db),
    /// Look after the keys.
    Keys(Keys),
    /// End the locks of a user.
    Recover(String),
    /// Write the manual pages.
    Man(Man),
    /// Print the OpenAPI document, or write it into a file.
    OpenApi(Option<PathBuf>),
    /// Print a completion script.
    Completion(Shell),
    /// Print the version.
    Version(Version),
}

impl Args {
    /// The command, and where its configuration comes from; the flags behind the command stand
    /// over those before it. `dev` is left to whoever makes the folders.
    pub fn split(self, environment: Vec<(String, String)>) -> (Command, Source) {
        let (after, command) = match self.command {
            CommandArgs::Run { config, run } => (config, Command::Run(run)),
            CommandArgs::CheckConfig { config, check } => (config, Command::CheckConfig(check)),
            CommandArgs::PrintConfig { config, print } => (config, Command::PrintConfig(print)),
            CommandArgs::Healthcheck { config } => (config, Command::Healthcheck),
            CommandArgs::Db { config, db } => (config, Command::Db(db)),
            CommandArgs::Keys { config, keys } => (config, Command::Keys(keys)),
            CommandArgs::Recover { config, user } => (config, Command::Recover(user)),
            CommandArgs::Man { man } => (ConfigArgs::default(), Command::Man(man)),
            CommandArgs::OpenApi { output } => (ConfigArgs::default(), Command::OpenApi(output)),
            CommandArgs::Completion { shell } => {
                (ConfigArgs::default(), Command::Completion(shell))
            }
            CommandArgs::Version { version } => (ConfigArgs::default(), Command::Version(version)),
        };
        let mut set = self.before.set;
        set.extend(after.set);
        let source = Source {
            file: after.config.or(self.before.config),
            dir: after.config_dir.or(self.before.config_dir),
            env: environment,
            set,
            dev: None,
        };
        (command, source)
    }
}

/// A wrong command line in the shape of every other failure; none for what is no failure: help.
pub fn complaint(error: &clap::Error) -> Option<String> {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return None;
    }
    let text = error.render().to_string();
    let first: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let message = first.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg]
        .into_iter()
        .find_map(|kind| match error.get(kind)? {
            ContextValue::String(name) => Some(name.clone()),
            ContextValue::Strings(names) => names.first().cloned(),
            _ => None,
        });
    let hint = near.map_or_else(String::new, |name| format!("Did you mean {name}? "));
    Some(format!(
        "authd: error: {}\n  {hint}See: authd --help\n",
        visible(message)
    ))
}

/// The variables of this process that are settings of authd, bytes that are no UTF-8 replaced.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, text)| {
            let name = name.to_string_lossy().into_owned();
            (name, text.to_string_lossy().into_owned())
        })
        .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
        .collect()
}

/// The command line as clap knows it, for completion scripts.
pub fn command_line() -> clap::Command {
    Args::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> (Command, Source) {
        Args::try_parse_from(line.split(' '))
            .unwrap()
            .split(Vec::new())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_before_and_behind_the_command() {
        let (command, source) =
            split("authd -c a.toml --set a=1 --set b=2 run --set a=3 --dev --config-dir d");
        assert_eq!(
            command,
            Command::Run(Run {
                dev: true,
                ephemeral: false
            })
        );
        assert_eq!(source.set, ["a=1", "b=2", "a=3"]);
        assert_eq!(source.file, Some(PathBuf::from("a.toml")));
        assert_eq!(source.dir, Some(PathBuf::from("d")));
        let (_, source) = split("authd -c a.toml check-config -c b.toml");
        assert_eq!(source.file, Some(PathBuf::from("b.toml")));
    }

    #[test]
    fn wrong_usage_exits_2() {
        for line in [
            "authd",
            "authd nonsense",
            "authd run --ephemeral",
            "authd print-config --defaults --schema",
            "authd run --port 80",
        ] {
            let error = Args::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn wrong_usage_reads_like_every_other_failure() {
        let said = |line: &str| complaint(&Args::try_parse_from(line.split(' ')).unwrap_err());
        assert_eq!(
            said("authd rum").unwrap(),
            "authd: error: unrecognized subcommand 'rum'\n  Did you mean run? See: authd --help\n"
        );
        let lacking = said("authd run --ephemeral").unwrap();
        assert!(lacking.contains("not provided: --dev\n"), "{lacking}");
        for help in ["authd", "authd --help", "authd --version"] {
            assert_eq!(said(help), None, "{help}");
        }
    }

    #[test]
    fn short_help_fits_a_screen() {
        let mut command = Args::command();
        assert!(command.render_help().to_string().lines().count() <= 24);
        for sub in command.get_subcommands_mut() {
            let help = sub.render_help().to_string();
            assert!(help.lines().count() <= 24, "{help}");
        }
    }
}
