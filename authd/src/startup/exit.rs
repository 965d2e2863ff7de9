//! Why the daemon did not start or did not go on, and the exit status for it (operator.md 3).

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use common::error::chain;
use store::{OpenError, StoreError};

use crate::admin::listener::BindError;
use crate::app::Error;
use crate::backup::BackupError;
use crate::crypto::CryptoError;
use crate::print::Printer;

/// A failed start or run: one sentence, perhaps a next step, and the exit status.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

const DATAERR: u8 = 65;
const OSERR: u8 = 71;
const CANTCREAT: u8 = 73;
const IOERR: u8 = 74;
const TEMPFAIL: u8 = 75;
const NOPERM: u8 = 77;
const CONFIG: u8 = 78;

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code,
        }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Anything without a status of its own.
    pub(super) fn other(cause: impl std::error::Error) -> Self {
        Self::new(1, chain(&cause))
    }

    /// The configuration, a key or a credential is wrong.
    pub(super) fn config(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(CONFIG, message).with_hint(hint)
    }

    /// A commit failed in a way that leaves its outcome open.
    pub(super) fn io(reason: impl Into<String>) -> Self {
        Self::new(IOERR, format!("the database failed: {}", reason.into())).with_hint(
            "Look at the disk and the kernel's log; authd starts again from what is on it.",
        )
    }

    /// A use case failed during the start.
    pub(super) fn app(error: &Error) -> Self {
        let cause = error
            .cause
            .as_deref()
            .map(|cause| format!(": {}", chain(cause)));
        Self::new(
            1,
            format!("{}{}", error.developer_message, cause.unwrap_or_default()),
        )
    }

    /// The database could not be opened.
    pub(super) fn open(error: OpenError, development: bool) -> Self {
        let message = chain(&error);
        match error {
            OpenError::Locked { pid, .. } => {
                Self::new(TEMPFAIL, message).with_hint(other_daemon(pid, development))
            }
            OpenError::Newer { .. } => Self::new(DATAERR, message).with_hint(
                "Nothing was changed. Install the version that wrote it, or a newer one.",
            ),
            OpenError::Pending { .. } => Self::new(DATAERR, message),
            OpenError::Damaged { .. } => Self::new(DATAERR, message).with_hint(
                "Nothing was changed. Restore a backup, or name another file: database.url",
            ),
            OpenError::Migration { .. } => Self::new(1, message),
            OpenError::Create { source, .. } if is_denied(&source) => Self::new(NOPERM, message),
            OpenError::Create { .. } => Self::new(CANTCREAT, message).with_hint(
                "The folder of database.url must exist or be creatable, and be writable.",
            ),
            OpenError::Other { .. } => Self::new(OSERR, message),
        }
    }

    /// A listener could not be bound.
    pub(super) fn bind(key: &str, address: &str, source: &std::io::Error) -> Self {
        let code = if is_denied(source) { NOPERM } else { OSERR };
        let failure = Self::new(
            code,
            format!("cannot listen on {address} ({key}): {source}"),
        );
        match (source.kind(), address.rsplit_once(':')) {
            (std::io::ErrorKind::AddrInUse, Some((host, port))) => failure.with_hint(format!(
                "See who has it: ss -ltnp 'sport = :{port}' — or choose another port: --set {key}={host}:{}",
                other_port(port)
            )),
            _ => failure.with_hint(format!("Choose another address: {key}")),
        }
    }

    /// An admin socket could not be bound.
    pub(super) fn socket(error: BindError) -> Self {
        let message = chain(&error);
        match error {
            BindError::AddrInUse { .. } => Self::new(TEMPFAIL, message)
                .with_hint("Stop the other one first, or name another path: admin.socket"),
            BindError::NoGroup { group } => Self::config(
                message,
                format!(
                    "Make it: groupadd --system {group} — or name another one: admin.socket_group"
                ),
            ),
            BindError::System { source, .. } if is_denied(&source) => Self::new(NOPERM, message)
                .with_hint(
                    "Its folder must be writable for authd, or a unit must pass the socket: \
                     systemctl enable authd-admin.socket authd-monitor.socket",
                ),
            BindError::NotASocket { .. }
            | BindError::TooLong { .. }
            | BindError::OpenFolder { .. }
            | BindError::System { .. } => Self::new(OSERR, message).with_hint(
                "Name another path: admin.socket, admin.monitor_socket, admin.helpdesk_socket",
            ),
        }
    }

    /// A file or folder of authd's could not be read or made.
    pub(super) fn file(path: &Path, source: &std::io::Error) -> Self {
        let code = if is_denied(source) { NOPERM } else { CANTCREAT };
        Self::new(code, format!("{}: {source}", path.display()))
    }

    /// A file that somebody named could not be read.
    pub(super) fn unreadable(path: &Path, source: &std::io::Error) -> Self {
        let code = if is_denied(source) { NOPERM } else { 1 };
        Self::new(code, format!("cannot read {}: {source}", path.display()))
    }

    /// A daemon has the database; `instead` says what can be done.
    pub(super) fn running(pid: Option<u32>, instead: &str) -> Self {
        let who = match pid {
            Some(pid) => format!("authd is running (pid {pid})"),
            None => "authd is running".to_owned(),
        };
        Self::new(TEMPFAIL, who).with_hint(instead)
    }

    /// A file is not what it should be.
    pub(super) fn data(message: impl Into<String>) -> Self {
        Self::new(DATAERR, message)
    }

    /// Something cannot be done as things stand; nothing was changed.
    pub(super) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(1, message).with_hint(hint)
    }

    /// A use case was refused, or the database failed beneath it.
    pub(super) fn use_case(error: Error, hint: impl Into<String>) -> Self {
        let beneath = error.cause.as_ref().and_then(|cause| cause.downcast_ref());
        match beneath.map(|store| (code_of(store), chain(store))) {
            Some((code, message)) => Self::new(code, message),
            None => Self::refused(error.developer_message, hint),
        }
    }

    /// A file that a key of the configuration names cannot be read.
    pub(super) fn named(key: &str, path: &Path, source: &std::io::Error) -> Self {
        let code = if is_denied(source) { NOPERM } else { CONFIG };
        Self::new(code, format!("{}: {source}", path.display())).with_hint(format!(
            "Make it readable for authd, or name another one: {key}"
        ))
    }

    /// There is no room for a file.
    pub(super) fn no_room(message: impl Into<String>) -> Self {
        Self::new(CANTCREAT, message)
            .with_hint("Free some: sudo authd db rescue. Nothing was changed.")
    }

    /// A backup that could not be made or read.
    pub(super) fn backup(error: &BackupError) -> Self {
        let message = chain(error);
        match error {
            BackupError::NoRoom { .. } => Self::no_room(message),
            BackupError::File { path, source } => Self::file(path, source),
            BackupError::NoBackup { .. }
            | BackupError::Unsound { .. }
            | BackupError::Database(_) => Self::data(message),
            BackupError::Unwanted => Self::new(1, message),
        }
    }

    /// The exit status.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Writes the sentence and the next step.
    pub fn tell<W: Write>(&self, errors: &mut Printer<W>) {
        errors.line(format_args!("authd: error: {}", self.message));
        if let Some(hint) = &self.hint {
            errors.line(format_args!("  {hint}"));
        }
    }

    /// The sentence.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The next step.
    pub(super) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Prints the sentence and gives the exit status.
    pub(super) fn report(&self) -> ExitCode {
        self.tell(&mut Printer::stderr());
        ExitCode::from(self.code)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(code_of(&error), chain(&error))
    }
}

fn code_of(error: &StoreError) -> u8 {
    match error {
        StoreError::OutcomeUnknown { .. } => IOERR,
        StoreError::Damaged { .. } => DATAERR,
        StoreError::Unavailable { .. } | StoreError::Expired | StoreError::Panicked => 1,
    }
}

impl From<CryptoError> for Failure {
    fn from(error: CryptoError) -> Self {
        Self::other(error)
    }
}

/// How to go on beside, or instead of, the daemon that has the database.
fn other_daemon(pid: Option<u32>, development: bool) -> String {
    match (pid, development) {
        (Some(pid), true) => format!(
            "Stop it: kill {pid} — or start a second one: authd run --dev --ephemeral --set api.listen=127.0.0.1:8441"
        ),
        (None, true) => {
            "Start a second one beside it: authd run --dev --ephemeral --set api.listen=127.0.0.1:8441"
                .to_owned()
        }
        (_, false) => "Stop the other one first: sudo systemctl stop authd".to_owned(),
    }
}

/// A port to suggest in place of one that is taken.
fn other_port(taken: &str) -> u16 {
    taken
        .parse()
        .map_or(8441, |port: u16| port.wrapping_add(1).max(1024))
}

fn is_denied(source: &std::io::Error) -> bool {
    source.kind() == std::io::ErrorKind::PermissionDenied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_beneath_a_use_case_has_the_status_of_the_database() {
        let unknown = || StoreError::OutcomeUnknown {
            operation: "commit",
            source: None,
        };
        let damaged = || StoreError::Damaged { what: "users.id" };
        let busy = || StoreError::Unavailable {
            operation: "begin",
            source: None,
        };
        for (error, code) in [(unknown(), 74), (damaged(), 65), (busy(), 1)] {
            let failure = Failure::use_case(Error::from(error), "Try again.");
            assert_eq!(failure.code(), code, "{}", failure.message());
            assert_eq!(failure.hint(), None, "the name is not what was wrong");
        }
        assert_eq!(Failure::from(unknown()).code(), 74);
        let refused = Failure::use_case(Error::not_found(), "Name a user.");
        assert_eq!((refused.code(), refused.hint()), (1, Some("Name a user.")));
    }

    #[test]
    fn a_file_that_the_configuration_names_is_the_configurations_fault() {
        for (kind, code) in [
            (std::io::ErrorKind::NotFound, 78),
            (std::io::ErrorKind::InvalidData, 78),
            (std::io::ErrorKind::PermissionDenied, 77),
        ] {
            let path = Path::new("/nowhere/breached.txt");
            let failure = Failure::named("password.breached_list", path, &kind.into());
            assert_eq!(failure.code(), code, "{kind}");
            assert!(
                failure
                    .hint()
                    .is_some_and(|hint| hint.contains("breached_list"))
            );
        }
    }

    #[test]
    fn r34_the_hint_fits_the_daemon_that_has_the_database() {
        assert!(other_daemon(Some(812), true).starts_with("Stop it: kill 812 — or "));
        assert!(other_daemon(None, true).contains("--ephemeral"));
        assert!(other_daemon(Some(812), false).ends_with("systemctl stop authd"));
    }

    #[test]
    fn r41_a_taken_port_names_who_to_ask_and_another_one() {
        let taken = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let failure = Failure::bind("api.listen", "[::1]:8440", &taken);
        assert_eq!(failure.code, OSERR);
        let hint = failure.hint.unwrap();
        assert!(
            hint.contains("ss -ltnp 'sport = :8440'") && hint.ends_with("api.listen=[::1]:8441"),
            "{hint}"
        );
        assert_eq!((other_port("65535"), other_port("80")), (1024, 1024));
    }
}
