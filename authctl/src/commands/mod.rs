//! From the command line to the exit code: parse, resolve, run one command, report its end.
//! Each noun has its own file; what they share is the context.

mod api;
mod apply;
mod attempt;
mod audit;
mod backup;
mod cache;
mod client;
mod complete;
mod completion;
mod conditional;
mod daemon;
mod db;
mod doctor;
mod events;
mod explain;
mod follow;
mod help;
mod key;
mod lockout;
mod mail;
mod permission;
mod registration;
mod role;
mod session;
mod stats;
mod status;
mod tenant;
mod token;
mod user;
mod user_rights;

use std::ffi::OsString;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use common::call::{AdminCall, Change};
use common::view::Page;
use serde::Serialize;

use crate::args::{Cli, Command, ListArgs};
use crate::client::Client;
use crate::config::Settings;
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::filter;
use crate::output::remarks::{error_color, report};
use crate::output::{Printer, Shape};

/// Rows that the daemon gives at once.
const PAGE: u64 = 200;

/// What every command works with.
pub(crate) struct Context {
    /// What this run goes by.
    pub(crate) settings: Settings,
    /// The way to the daemon.
    pub(crate) client: Client,
    /// The way to the reader.
    pub(crate) printer: Printer,
}

/// Runs authctl with the given words, the first of which is its own name.
pub(crate) fn run(words: &[OsString]) -> Exit {
    let cli = match parse(words) {
        Ok(cli) => cli,
        Err(error) => return parse_end(&error, words),
    };
    let verbose = cli.globals.verbose;
    let settings = match Settings::resolve(cli.globals) {
        Ok(settings) => settings,
        Err(error) => return fail(&error, wants_json(words), verbose),
    };
    let mut context = Context {
        client: Client::new(&settings),
        printer: Printer::new(&settings),
        settings,
    };
    let ended = context
        .dispatch(cli.command)
        .and_then(|exit| context.printer.flush().map(|()| exit));
    match ended {
        Ok(exit) => exit,
        Err(error) => {
            // What was written before the failure belongs to the reader.
            let flushed = context.printer.flush();
            context.printer.remarks.failure(&error, verbose);
            match flushed {
                Err(later) if error.exit == Exit::Done => later.exit,
                _ => error.exit,
            }
        }
    }
}

fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    let mut matches = crate::args::command().try_get_matches_from(words)?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// Help and version go to standard output and end well; all else is a wrong command line.
fn parse_end(error: &clap::Error, words: &[OsString]) -> Exit {
    let help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if !help && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return fail(&usage(error), wants_json(words), false);
    }
    if !help {
        crate::output::remarks::complain(&error.render().to_string());
        return Exit::Usage;
    }
    // Help must not depend on a file that may be what the reader has to mend.
    let mut printer = Printer::new(&Settings::plain());
    let printed = printer
        .text(&error.render().to_string())
        .and_then(|()| printer.flush());
    match printed {
        Ok(()) => Exit::Done,
        Err(error) => fail(&error, false, false),
    }
}

fn fail(error: &Error, as_json: bool, verbose: bool) -> Exit {
    report(
        error,
        as_json,
        error_color(crate::args::ColorWhen::Auto),
        verbose,
    );
    error.exit
}

/// The parser's complaint in the shape of all others.
fn usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let first: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let message = first.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let mut ours = Error::usage(message);
    let suggestion = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(|kind| match error.get(kind) {
        Some(ContextValue::String(name)) => Some(name.clone()),
        Some(ContextValue::Strings(names)) => names.first().cloned(),
        _ => None,
    });
    if let Some(name) = suggestion {
        ours = ours.hint(format!("Did you mean {name}?"));
    }
    ours.hint("Add --help to the command for its flags. See authctl(1).")
}

/// Whether the words ask for JSON, before they could be parsed.
fn wants_json(words: &[OsString]) -> bool {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let named = |value: &str| matches!(value, "json" | "jsonl");
    let flag = words.iter().any(|word| {
        *word == "--json"
            || ["-o", "-o=", "--output="]
                .iter()
                .any(|p| word.strip_prefix(p).is_some_and(named))
    });
    let apart = words
        .windows(2)
        .any(|pair| matches!(pair, ["-o" | "--output", value] if named(value)));
    let environment = std::env::var("AUTHCTL_OUTPUT").is_ok_and(|value| named(&value));
    flag || apart || environment
}

impl Context {
    fn dispatch(&mut self, command: Command) -> Result<Exit, Error> {
        match command {
            Command::Completion { shell } => completion::run(&mut self.printer, shell),
            Command::Api(args) => finish(api::run(self, args)),
            Command::Complete(args) => finish(complete::run(self, args)),
            Command::Help { words } => help::run(&mut self.printer, &words),
            Command::Version { client: true } => status::client_version(&mut self.printer),
            Command::Version { client: false } => finish(status::version(self)),
            Command::Status { watch } => finish(status::status(self, watch)),
            Command::Doctor { section } => finish(doctor::run(self, section)),
            Command::Events(args) => finish(events::run(self, args)),
            Command::Stats(args) => finish(stats::run(self, args)),
            Command::Ping { wait } => finish(status::ping(self, wait)),
            Command::Tenant(command) => finish(tenant::run(self, command)),
            Command::Apply(args) => finish(apply::apply(self, args)),
            Command::Diff(args) => finish(apply::diff(self, &args)),
            Command::User(command) => finish(user::run(self, command)),
            Command::Role(command) => finish(role::run(self, command)),
            Command::Client(command) => finish(client::run(self, command)),
            Command::Permission(command) => finish(permission::run(self, command)),
            Command::WhoCan { permission, list } => {
                finish(permission::who_can(self, permission, &list))
            }
            Command::Explain(command) => finish(explain::run(self, command)),
            Command::Lockout(command) => finish(lockout::run(self, command)),
            Command::Attempt(command) => finish(attempt::run(self, command)),
            Command::Registration(command) => finish(registration::run(self, command)),
            Command::Session(command) => finish(session::run(self, command)),
            Command::Token(command) => finish(token::run(self, command)),
            Command::Key(command) => finish(key::run(self, command)),
            Command::Audit(command) => finish(audit::run(self, command)),
            Command::Daemon(command) => finish(daemon::run(self, command)),
            Command::Backup(command) => finish(backup::run(self, command)),
            Command::Db(command) => finish(db::run(self, command)),
            Command::Cache(command) => finish(cache::run(self, command)),
            Command::Mail(command) => finish(mail::run(self, command)),
        }
    }

    /// Wants a name typed or given by `--confirm`; a rehearsal does nothing that needs one.
    ///
    /// # Errors
    /// Those of [`Deed::ask_name`].
    pub(crate) fn ask_name(&self, deed: &Deed, name: &str) -> Result<(), Error> {
        if self.settings.flags.dry_run {
            return Ok(());
        }
        deed.ask_name(name, self.settings.flags.confirm.as_deref())
    }

    /// Fetches a list page by page and writes it.
    ///
    /// # Errors
    /// Those of the call and of writing; a filter or column that the list lacks.
    pub(crate) async fn list<C, T>(
        &mut self,
        call: C,
        shape: &Shape<T>,
        list: &ListArgs,
        one_tenant: bool,
    ) -> Result<Exit, Error>
    where
        C: Paged + AdminCall<Answer = Page<T>>,
        T: Serialize,
    {
        let (items, next) = self.fetch(call, shape, list).await?;
        self.printer
            .list(shape, items, next.as_deref(), one_tenant)?;
        Ok(Exit::Done)
    }

    /// Fetches the rows that a list asks for, and the place where more would begin.
    ///
    /// # Errors
    /// Those of the call; a filter or column that the list lacks.
    pub(crate) async fn fetch<C, T, S>(
        &mut self,
        mut call: C,
        shape: &Shape<S>,
        list: &ListArgs,
    ) -> Result<(Vec<T>, Option<String>), Error>
    where
        C: Paged + AdminCall<Answer = Page<T>>,
        T: Serialize,
    {
        filter::check(&list.filters, shape.keys)?;
        self.printer.check_columns(shape)?;
        let limit = list.limit.filter(|&limit| limit > 0).unwrap_or(u64::MAX);
        let mut items = Vec::new();
        let mut have = 0_u64;
        let next = loop {
            let room = u32::try_from(limit.saturating_sub(have).min(PAGE)).unwrap_or(u32::MAX);
            call.page(room);
            let page = self.client.call(&call).await?;
            for item in page.items {
                if passes(&item, list)? {
                    have = have.saturating_add(1);
                    items.push(item);
                }
            }
            match page.next_cursor {
                None => break None,
                Some(cursor) if have >= limit => break Some(cursor),
                Some(cursor) => call.after(cursor),
            }
        };
        Ok((items, next))
    }

    /// Makes one call for each object, writes what each did, and goes on after a refusal.
    ///
    /// # Errors
    /// The refusal of a single object; what would stop all others too.
    pub(crate) async fn each<C>(
        &mut self,
        names: &[String],
        call: impl Fn(&str) -> C,
        sentence: impl Fn(&Change) -> String,
    ) -> Result<Exit, Error>
    where
        C: AdminCall<Answer = Change>,
    {
        if let [name] = names {
            let change = self.client.call(&call(name)).await?;
            self.printer.change(&change, &sentence(&change))?;
            return Ok(Exit::Done);
        }
        let mut changes = Vec::new();
        let mut failed = 0_usize;
        for (number, name) in names.iter().enumerate() {
            match self.client.call(&call(name)).await {
                Ok(change) if self.printer.format == crate::args::Format::Json => {
                    changes.push(change);
                }
                Ok(change) => self.printer.change(&change, &sentence(&change))?,
                Err(error) if error.ends_all() && number == 0 => return Err(error),
                Err(error) => {
                    failed = failed.saturating_add(1);
                    let all = error.ends_all();
                    let verbose = self.settings.flags.verbose;
                    self.printer.failure(&error.about(name), verbose)?;
                    if all {
                        let rest = names.len().saturating_sub(number).saturating_sub(1);
                        failed = failed.saturating_add(rest);
                        self.printer.note(&format!("{rest} more were not tried"))?;
                        break;
                    }
                }
            }
        }
        self.printer.changes(&changes)?;
        if failed == 0 {
            return Ok(Exit::Done);
        }
        self.printer
            .note(&format!("{failed} of {} failed", names.len()))?;
        Ok(Exit::Partial)
    }
}

/// Runs what talks to the daemon; one thread is enough for one conversation.
fn finish(work: impl Future<Output = Result<Exit, Error>>) -> Result<Exit, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Error::new(Exit::Failure, "internal", format!("cannot start: {error}")))?
        .block_on(work)
}

fn passes<T: Serialize>(item: &T, list: &ListArgs) -> Result<bool, Error> {
    if list.filters.is_empty() {
        return Ok(true);
    }
    let value = serde_json::to_value(item).map_err(|error| {
        Error::new(Exit::Failure, "internal", format!("cannot filter: {error}"))
    })?;
    Ok(list.filters.iter().all(|filter| filter.passes(&value)))
}

/// A list call that is asked for page by page.
pub(crate) trait Paged {
    /// Wants so many rows.
    fn page(&mut self, rows: u32);
    /// Goes on where the page before ended.
    fn after(&mut self, cursor: String);
}

/// The sentence of a change: what happened, in the past tense, what would have in a rehearsal, or
/// that nothing had to.
pub(crate) fn sentence(change: &Change, done: &str, already: &str) -> String {
    let done = if change.dry_run {
        conditional::of(done)
    } else {
        done.to_owned()
    };
    let place = change
        .tenant
        .as_ref()
        .map(|tenant| format!(" in tenant {tenant}"))
        .unwrap_or_default();
    if !change.changed {
        return format!("{already}{place}; nothing changed.");
    }
    let ended = match change.sessions_ended {
        0 => String::new(),
        1 if change.dry_run => "; 1 session would end".to_owned(),
        many if change.dry_run => format!("; {many} sessions would end"),
        1 => "; 1 session ended".to_owned(),
        many => format!("; {many} sessions ended"),
    };
    format!("{done}{place}{ended}.")
}
