//! The stable forms for programs: list, item, result; one line each.
//! No character that could act on a terminal leaves unescaped, and none is lost.

use std::fmt::Write;

use common::call::{Blast, Change};
use common::id::AuditId;
use common::secret::RevealedSecret;
use common::text::is_forbidden;
use common::time::Time;
use serde::Serialize;

use crate::error::Error;
use crate::exit::Exit;

/// Version of all forms here; within 1.x members are only added.
pub(crate) const FORM: u32 = 1;

/// A list as one object.
#[derive(Serialize)]
pub(crate) struct List<'a, T> {
    kind: &'a str,
    v: u32,
    items: &'a [T],
    next_cursor: Option<&'a str>,
}

impl<'a, T: Serialize> List<'a, T> {
    /// `kind` is that of an item with `.list`.
    pub(crate) fn new(kind: &'a str, items: &'a [T], next_cursor: Option<&'a str>) -> Self {
        Self {
            kind,
            v: FORM,
            items,
            next_cursor,
        }
    }
}

/// One object.
#[derive(Serialize)]
pub(crate) struct Single<'a, T> {
    kind: &'a str,
    v: u32,
    item: &'a T,
}

impl<'a, T: Serialize> Single<'a, T> {
    /// Wraps an object.
    pub(crate) fn new(kind: &'a str, item: &'a T) -> Self {
        Self {
            kind,
            v: FORM,
            item,
        }
    }
}

/// A remark beside the data, on standard error.
#[derive(Serialize)]
pub(crate) struct Note<'a> {
    kind: &'a str,
    v: u32,
    message: &'a str,
}

impl<'a> Note<'a> {
    /// Wraps a remark.
    pub(crate) fn new(message: &'a str) -> Self {
        Self {
            kind: "note",
            v: FORM,
            message,
        }
    }
}

/// What a change did.
#[derive(Serialize)]
pub(crate) struct Outcome<'a> {
    kind: &'a str,
    v: u32,
    action: &'a str,
    changed: bool,
    id: Option<&'a str>,
    tenant: Option<&'a str>,
    audit_id: Option<AuditId>,
    dry_run: bool,
    sessions_ended: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    blast: Option<&'a Blast>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    generated_password: Option<&'a RevealedSecret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a RevealedSecret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a RevealedSecret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
}

impl<'a> Outcome<'a> {
    /// Leaves out what is for people alone.
    pub(crate) fn new(change: &'a Change) -> Self {
        Self {
            kind: "result",
            v: FORM,
            action: &change.action,
            changed: change.changed,
            id: change.id.as_deref(),
            tenant: change.tenant.as_deref(),
            audit_id: change.audit_id,
            dry_run: change.dry_run,
            sessions_ended: change.sessions_ended,
            blast: change.blast.as_ref(),
            notes: &change.notes,
            generated_password: change.generated_password.as_ref(),
            client_secret: change.client_secret.as_ref(),
            link: change.link.as_ref(),
            expires_at: change.expires_at,
        }
    }
}

/// One line of JSON; control and direction-changing characters as `\u` escapes.
///
/// # Errors
/// An object that is none of JSON's; a failure of authctl.
pub(crate) fn line<T: Serialize>(value: &T) -> Result<String, Error> {
    let text = serde_json::to_string(value).map_err(|error| {
        Error::new(
            Exit::Failure,
            "internal",
            format!("cannot write JSON: {error}"),
        )
    })?;
    let mut safe = String::with_capacity(text.len().saturating_add(1));
    for c in text.chars() {
        if is_forbidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn hostile_characters_are_escaped_and_read_back() {
        let value = json!({"a": "x\u{202e}\u{9b}\u{1b}\u{7f}\u{e0041}\n"});
        let text = line(&value).unwrap();
        assert!(
            text.trim_end().chars().all(|c| !is_forbidden(c)),
            "{text:?}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn members_stand_in_the_documented_order() {
        let list = List::new("user.list", &["a"], None);
        assert_eq!(
            line(&list).unwrap(),
            "{\"kind\":\"user.list\",\"v\":1,\"items\":[\"a\"],\"next_cursor\":null}\n"
        );
        assert_eq!(
            line(&Single::new("user", &5)).unwrap(),
            "{\"kind\":\"user\",\"v\":1,\"item\":5}\n"
        );
    }
}
