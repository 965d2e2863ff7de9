//! What went wrong, in at most five lines for people or as one object for programs.
//! The end that it leads to is in it; nothing here prints.

mod words;

use std::fmt::Write;

use common::error::{ErrorCode, FieldError, Problem};
use common::text::visible;
use serde::Serialize;

use crate::exit::Exit;
use words::{deed, flag};

/// Most lines that one failure may take on the screen.
const LINES: usize = 5;
/// Code of an answer that broke off, or that cannot be read.
const UNEXPECTED: &str = "unexpected_answer";
/// Code of an end without anything to act on.
const NOTHING_NAMED: &str = "nothing_named";

/// A failure with the next step.
#[derive(Debug)]
pub(crate) struct Error {
    /// How authctl ends with it.
    pub(crate) exit: Exit,
    /// Stable name, for programs; that of the daemon where it has one.
    code: String,
    /// What failed, with the object, and why.
    message: String,
    /// What to do next, a line each; the first for programs too.
    hints: Vec<String>,
    /// The daemon's own words.
    problem: Option<Box<Problem>>,
}

impl Error {
    /// A failure of authctl's own.
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: code.to_owned(),
            message: message.into(),
            hints: Vec::new(),
            problem: None,
        }
    }

    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The reader of standard output has gone: no failure at all.
    pub(crate) fn closed_pipe() -> Self {
        Self::new(Exit::Done, "closed_pipe", "standard output was closed")
    }

    /// Nothing was named to act on: no failure, but worth a remark.
    pub(crate) fn nothing_named() -> Self {
        let remark = "standard input holds no ids; nothing to do";
        Self::new(Exit::Done, NOTHING_NAMED, remark)
    }

    /// What is said of an end that is no failure.
    pub(crate) fn remark(&self) -> Option<&str> {
        (self.code == NOTHING_NAMED).then_some(self.message.as_str())
    }

    /// What failed, in one sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The first thing to do about it.
    pub(crate) fn first_hint(&self) -> Option<&str> {
        self.hints.first().map(String::as_str)
    }

    /// Whether an answer broke off that had begun.
    pub(crate) fn is_cut(&self) -> bool {
        self.code == UNEXPECTED
    }

    /// Adds a next step.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Names the object, where the sentence does not.
    #[must_use]
    pub(crate) fn about(mut self, name: &str) -> Self {
        if !self.message.contains(name) {
            self.message = format!("{name}: {}", self.message);
        }
        self
    }

    /// A refusal of the daemon to the call of the given name.
    pub(crate) fn refusal(call: &str, problem: Problem) -> Self {
        let exit = Exit::of(problem.code);
        let mut error = Self::new(exit, problem.code.as_str(), sentence(call, exit, &problem));
        error.hints.extend(problem.hint.clone());
        error.hints.extend(field_lines(call, &problem));
        if problem.code == ErrorCode::Internal {
            error.hints.push(format!(
                "See: journalctl -u authd REQUEST_ID={}",
                problem.request_id
            ));
        }
        if let Some(seconds) = problem.retry_after_seconds {
            error.hints.push(format!("Try again in {seconds} s."));
        }
        error.problem = Some(Box::new(problem));
        error
    }

    /// Whether asking again for another object would end the same way.
    pub(crate) fn ends_all(&self) -> bool {
        self.problem.is_none()
    }

    /// The text for people, with a closing line break; empty for what is no failure.
    pub(crate) fn render(&self, color: bool, verbose: bool) -> String {
        if self.exit == Exit::Done {
            return String::new();
        }
        let (on, off) = if color {
            ("\u{1b}[1;31m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        let mut text = format!("authctl: {on}error:{off} {}\n", visible(&self.message));
        for hint in self.hints.iter().take(LINES - 1) {
            text.push_str("  ");
            text.push_str(&visible(hint));
            text.push('\n');
        }
        if let Some(problem) = self.problem.as_ref().filter(|_| verbose) {
            let _ = writeln!(
                text,
                "  {} ({}), request {}: {}",
                problem.code,
                problem.status,
                visible(&problem.request_id),
                visible(&problem.developer_message)
            );
        }
        text
    }

    /// The object for programs; the daemon's members stand beside authctl's.
    pub(crate) fn form(&self) -> Form<'_> {
        let problem = self.problem.as_deref();
        Form {
            kind: "error",
            v: crate::output::json::FORM,
            code: &self.code,
            message: problem.map_or(&self.message, |problem| &problem.message),
            hint: self.hints.first().map(String::as_str),
            exit: self.exit.code(),
            problem: problem.map(Members::of),
        }
    }
}

/// A failure as programs read it.
#[derive(Serialize)]
pub(crate) struct Form<'a> {
    kind: &'a str,
    v: u32,
    code: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
    exit: u8,
    #[serde(flatten)]
    problem: Option<Members<'a>>,
}

/// What only the daemon says.
#[derive(Serialize)]
struct Members<'a> {
    #[serde(rename = "type")]
    type_uri: &'a str,
    title: &'a str,
    status: u16,
    developer_message: &'a str,
    fields: &'a [FieldError],
    request_id: &'a str,
    retry_after_seconds: Option<u64>,
}

impl<'a> Members<'a> {
    fn of(problem: &'a Problem) -> Self {
        Self {
            type_uri: &problem.type_uri,
            title: &problem.title,
            status: problem.status,
            developer_message: &problem.developer_message,
            fields: &problem.fields,
            request_id: &problem.request_id,
            retry_after_seconds: problem.retry_after_seconds,
        }
    }
}

/// The daemon's sentence as the kernel would write it: no capital, no full stop.
fn sentence(call: &str, exit: Exit, problem: &Problem) -> String {
    let only_field = said_field(problem).map(|field| field_line(call, field));
    let of_change = !call.ends_with(" list") && !call.ends_with(" show");
    let is_field = only_field.is_some();
    let lower = only_field.unwrap_or_else(|| uncapped(&problem.developer_message));
    let lower = if lower.is_empty() {
        problem.title.to_lowercase()
    } else {
        lower
    };
    let alone = matches!(exit, Exit::Usage | Exit::NotFound) && !(is_field && of_change);
    if alone || lower.starts_with("cannot ") {
        return lower;
    }
    format!("cannot {}: {lower}", deed(call))
}

/// Without capital and full stop, but for abbreviations.
fn uncapped(text: &str) -> String {
    let words = text.trim().trim_end_matches('.');
    let mut rest = words.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => words.to_owned(),
    }
}

/// The refused field of which the daemon's sentence only repeats the path and the reason.
fn said_field(problem: &Problem) -> Option<&FieldError> {
    let rest = |field: &FieldError| {
        problem
            .developer_message
            .strip_prefix(&*field.path)?
            .strip_prefix(": ")
            .map(|rest| rest == field.message || rest == field.code)
    };
    let first = problem.fields.first()?;
    rest(first).filter(|said| *said).map(|_| first)
}

/// A refused field under the name that it has on the command line.
fn field_line(call: &str, field: &FieldError) -> String {
    let why = uncapped(&field.message);
    match flag(call, &field.path) {
        Some(name) => format!("{name}: {why}"),
        None => why,
    }
}

/// Refused fields, or the users that an address stands for.
fn field_lines(call: &str, problem: &Problem) -> Vec<String> {
    let ambiguous = |field: &&FieldError| field.path == "/user" && field.code == "ambiguous";
    if problem.hint.is_some() && problem.fields.iter().any(|field| ambiguous(&field)) {
        // The hint is the list already, ready to paste.
        return Vec::new();
    }
    let candidates: Vec<&str> = problem
        .fields
        .iter()
        .filter(ambiguous)
        .map(|field| field.message.as_ref())
        .collect();
    if candidates.len() > 1 {
        let list = candidates.join(", ");
        return vec![format!(
            "{list}. Use one of these, -t TENANT, or AUTHCTL_TENANT"
        )];
    }
    let said = usize::from(said_field(problem).is_some());
    let mut lines: Vec<String> = problem
        .fields
        .iter()
        .skip(said)
        .take(3)
        .map(|field| field_line(call, field))
        .collect();
    let shown = lines.len().saturating_add(said);
    let more = problem.fields.len().saturating_sub(shown);
    if more > 0
        && let Some(last) = lines.last_mut()
    {
        let _ = write!(last, " and {more} more");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: ErrorCode, developer: &str) -> Problem {
        Problem {
            type_uri: format!("urn:authd:error:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            message: code.user_message().to_owned(),
            developer_message: developer.to_owned(),
            fields: Vec::new(),
            request_id: "req_1".to_owned(),
            retry_after_seconds: None,
            hint: None,
        }
    }

    #[test]
    fn a_refusal_reads_like_the_kernel_and_names_the_next_step() {
        let mut refused = problem(
            ErrorCode::UserLimitReached,
            "Tenant acme has 100 of 100 users (plan pro).",
        );
        refused.hint = Some("Raise it: authctl tenant set acme --max-users 120".to_owned());
        assert_eq!(
            Error::refusal("user create", refused).render(false, false),
            "authctl: error: cannot create user: tenant acme has 100 of 100 users (plan pro)\n  \
             Raise it: authctl tenant set acme --max-users 120\n"
        );
    }

    #[test]
    fn a_refused_value_is_told_once_under_its_flag() {
        let refused = |code, path: &'static str, name: &'static str, why: &'static str, said| {
            let mut problem = problem(code, said);
            problem.fields = vec![FieldError::new(path, name, why)];
            problem
        };
        let zone = refused(
            ErrorCode::ValidationFailed,
            "/time_zone",
            "invalid_time_zone",
            "expected an IANA name",
            "/time_zone: expected an IANA name",
        );
        assert_eq!(
            Error::refusal("tenant create", zone).render(false, false),
            "authctl: error: cannot create tenant: --time-zone: expected an IANA name\n"
        );
        let short = refused(
            ErrorCode::PasswordRejected,
            "/password/given",
            "too_short",
            "Use at least 15 characters.",
            "/password/given: too_short",
        );
        assert_eq!(
            Error::refusal("user set-password", short).render(false, false),
            "authctl: error: cannot set the password: use at least 15 characters\n"
        );
        let ip = refused(
            ErrorCode::ValidationFailed,
            "/ip",
            "invalid_ip",
            "expected an address",
            "/ip: expected an address",
        );
        assert_eq!(
            Error::refusal("attempt list", ip).render(false, false),
            "authctl: error: --ip: expected an address\n"
        );
    }

    #[test]
    fn an_ambiguous_user_gets_the_list_to_paste() {
        let mut refused = problem(
            ErrorCode::ValidationFailed,
            "bob@acme.test exists in 2 tenants",
        );
        refused.fields = ["acme/bob@acme.test", "globex/bob@acme.test"]
            .into_iter()
            .map(|name| FieldError::new("/user", "ambiguous", name))
            .collect();
        let error = Error::refusal("user show", refused);
        assert_eq!(error.exit, Exit::Usage);
        assert!(
            error.render(false, false).contains(
                "\n  acme/bob@acme.test, globex/bob@acme.test. Use one of these, -t TENANT"
            )
        );
    }

    #[test]
    fn no_failure_takes_more_than_five_lines_or_shows_control_characters() {
        let mut refused = problem(ErrorCode::ValidationFailed, "bad \u{1b}[2J\u{202e} values");
        refused.hint = Some("one\ntwo".to_owned());
        refused.fields = (0..9)
            .map(|n| FieldError::new(format!("/field{n}"), "invalid", "Write it well."))
            .collect();
        let text = Error::refusal("user create", refused).render(false, false);
        assert!(text.lines().count() <= LINES, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }

    #[test]
    fn the_object_keeps_the_members_of_the_daemon() {
        let error = Error::refusal("user show", problem(ErrorCode::NotFound, "no such user"));
        let object = serde_json::to_value(error.form()).unwrap();
        assert_eq!(object["kind"], "error");
        assert_eq!(object["code"], "not_found");
        assert_eq!(object["exit"], 5);
        assert_eq!(object["request_id"], "req_1");
        assert_eq!(object["developer_message"], "no such user");
        assert!(object["hint"].is_null());
    }
}
