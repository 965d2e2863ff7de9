//! How users and other objects are named on the command line: `usr_…`, address, `TENANT/USER`,
//! and a hyphen for ids from standard input.

use std::io::Read;

use common::call::UserRef;
use common::call::role::RoleRef;

use crate::error::Error;

/// Longest input that is read for ids.
const INPUT_LIMIT: u64 = 16 << 20;

/// Reads a user's name; a tenant before a slash goes before that of the run.
pub(crate) fn user(text: &str, tenant: Option<&str>) -> UserRef {
    if let Some((before, name)) = text.split_once('/')
        && !name.is_empty()
        && is_tenant(before)
    {
        return UserRef {
            tenant: Some(before.to_owned()),
            name: name.to_owned(),
        };
    }
    UserRef {
        tenant: tenant.map(str::to_owned),
        name: text.to_owned(),
    }
}

/// What a system role's name begins with.
pub(crate) const SYSTEM_ROLE: &str = "system:";

/// Reads a role's name; a tenant before a slash goes before that of the run.
pub(crate) fn role(text: &str, tenant: Option<&str>) -> RoleRef {
    let UserRef { tenant, name } = user(text, tenant);
    RoleRef { tenant, name }
}

/// Whether a role is named without its tenant: by an id, or as a system role.
pub(crate) fn is_role_anywhere(name: &str) -> bool {
    name.starts_with(SYSTEM_ROLE) || name.starts_with("rol_")
}

/// A local part may hold a slash too; a tenant's name has neither `@` nor capitals.
fn is_tenant(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

/// The user as it would be typed.
pub(crate) fn shown(user: &UserRef) -> String {
    match &user.tenant {
        Some(tenant) => format!("{tenant}/{}", user.name),
        None => user.name.clone(),
    }
}

/// The objects named, a hyphen replaced by the lines of standard input.
///
/// # Errors
/// The end of the run where there is no line; a wrong command line: not UTF-8, or far too much of it.
pub(crate) fn expand(arguments: &[String]) -> Result<Vec<String>, Error> {
    if !from_stdin(arguments) {
        return Ok(arguments.to_vec());
    }
    let mut text = String::new();
    std::io::stdin()
        .take(INPUT_LIMIT)
        .read_to_string(&mut text)
        .map_err(|error| Error::usage(format!("cannot read ids from standard input: {error}")))?;
    let names: Vec<String> = arguments
        .iter()
        .filter(|argument| *argument != "-")
        .cloned()
        .chain(lines(&text))
        .collect();
    if names.is_empty() {
        // A list in front of the pipe that found nobody is no mistake.
        return Err(Error::nothing_named());
    }
    Ok(names)
}

/// Whether the names come from standard input, which then cannot answer a question.
pub(crate) fn from_stdin(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument == "-")
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_before_a_slash_goes_before_that_of_the_run() {
        let named = user("acme/bob@acme.test", Some("globex"));
        assert_eq!(named.tenant.as_deref(), Some("acme"));
        assert_eq!(named.name, "bob@acme.test");
        assert_eq!(shown(&named), "acme/bob@acme.test");
        let plain = user("bob@acme.test", Some("globex"));
        assert_eq!(plain.tenant.as_deref(), Some("globex"));
        let slash = user("A.b/c@acme.test", None);
        assert_eq!(
            (slash.tenant, slash.name.as_str()),
            (None, "A.b/c@acme.test")
        );
    }

    #[test]
    fn ids_come_one_a_line() {
        assert_eq!(lines("a\n\n  b \r\nc").collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
