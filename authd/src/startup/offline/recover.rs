//! `authd recover`: ends the locks of a user while no daemon runs, and prints a link for a new password.

use std::sync::Arc;

use common::call::UserRef;
use common::id::UserId;
use common::time::{Clock, SystemClock};
use domain::mail::MailedToken;
use serde_json::json;
use store::{Priority, WriteTx};

use super::keys::Begun;
use super::{Say, actor, become_owner, entry};
use crate::app::Error;
use crate::app::mail::link;
use crate::app::user::{Recovered, recover};
use crate::config::{DatabaseUrl, Loaded};
use crate::crypto::{MailedSecret, SystemRandom};
use crate::startup::exit::Failure;
use crate::startup::{process, settings};

/// Ends the locks of a user: an address, `TENANT/ADDRESS`, or an id.
///
/// # Errors
/// [`Failure`] with its exit status.
pub fn run(name: &str, loaded: &Loaded, say: Say<'_>) -> Result<(), Failure> {
    process::harden()?;
    let DatabaseUrl::Sqlite(database) = &loaded.config.database.url;
    let actor = actor();
    become_owner(database)?;
    let begun = Begun::open(database, loaded, "Use: authctl lockout clear USER")?;
    let now = SystemClock.now();
    let secret = MailedSecret::generate(&SystemRandom).map_err(Failure::other)?;
    // Printed, not mailed: it proves no mailbox.
    let token = MailedToken {
        hash: secret.hash(),
        user_id: UserId::from_bytes([0; 16]),
        is_mailed: false,
        made_at: now,
        expires_at: now.plus(loaded.config.password.reset_ttl),
    };
    let until = token.expires_at;
    let row = entry(now, actor, "user.recover", "user", json!(null))?;
    let (ring, reference) = (Arc::clone(&begun.ring), reference(name));
    let base = Arc::new(settings::tenant(&loaded.config));
    let write = move |tx: &dyn WriteTx| -> Result<Recovered, Error> {
        recover(tx, (&ring, &base), &reference, &token, &row)
    };
    let done = begun.store.write_blocking(Priority::Urgent, write);
    begun.store.close();
    let done = done.map_err(|error| {
        let hint = hint(error.hint.as_deref().unwrap_or_default()).to_owned();
        Failure::use_case(error, hint)
    })?;
    tell(&done, say);
    if !done.is_disabled() {
        say(&format!(
            "A link for a new password, good once and until {until}; it needs authd running:"
        ));
        say(link(&done.page, &secret).expose());
    }
    Ok(())
}

/// A tenant before a slash; a local part may hold a slash too, behind a letter that no slug has.
fn reference(name: &str) -> UserRef {
    match name.split_once('/') {
        Some((tenant, user)) if !tenant.is_empty() && !tenant.contains('@') => UserRef {
            tenant: Some(tenant.to_owned()),
            name: user.to_owned(),
        },
        _ => UserRef {
            tenant: None,
            name: name.to_owned(),
        },
    }
}

/// What helps of a hint that is meant for authctl: its lists need the daemon, its flags are not here.
fn hint(said: &str) -> &str {
    let near = ["List: authctl", ", -t TENANT"]
        .into_iter()
        .fold(said, |text, end| {
            text.split_once(end).map_or(text, |(kept, _)| kept)
        })
        .trim_end();
    if near.is_empty() || near.contains("authctl") {
        "Name a user by address, by TENANT/ADDRESS, or by id (usr_…). Nothing was changed."
    } else {
        near
    }
}

fn tell(done: &Recovered, say: Say<'_>) {
    let name = format!("{}/{}", done.tenant.slug, done.user.email);
    say(match (done.had_failures, done.was_locked_by_hand) {
        (true, true) => format!("{name}: failures and lock by hand are cleared"),
        (true, false) => format!("{name}: failures are cleared"),
        (false, true) => format!("{name}: the lock by hand is cleared"),
        (false, false) => format!("{name}: nothing was locked"),
    }
    .as_str());
    if done.is_disabled() {
        say(&format!(
            "{name} is disabled, and stays so; with authd running: authctl user enable {name}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_speak_of_what_can_be_done_without_the_daemon() {
        let general = "Name a user by address,";
        for (said, told) in [
            ("", general),
            ("List: authctl user list", general),
            ("Bring it back: authctl tenant restore acme", general),
            (
                "Did you mean bob@a.test? List: authctl user list",
                "Did you mean bob@a.test?",
            ),
            (
                "a/b@a.test, c/b@a.test. Use one of these, -t TENANT, or AUTHCTL_TENANT",
                "a/b@a.test, c/b@a.test. Use one of these",
            ),
        ] {
            let hint = hint(said);
            assert!(
                hint.starts_with(told) && !hint.contains("authctl"),
                "{hint}"
            );
        }
    }

    #[test]
    fn users_are_named_as_for_authctl() {
        for (text, tenant, name) in [
            ("acme/bob@acme.test", Some("acme"), "bob@acme.test"),
            ("bob@acme.test", None, "bob@acme.test"),
            ("usr_01", None, "usr_01"),
            ("/x", None, "/x"),
        ] {
            let found = reference(text);
            assert_eq!(
                (found.tenant.as_deref(), found.name.as_str()),
                (tenant, name)
            );
        }
    }
}
