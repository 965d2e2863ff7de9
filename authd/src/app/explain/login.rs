//! `explain login`: how a name stands and its last attempts, or one attempt and how its name stands now.

use std::sync::Arc;

use common::call::UserRef;
use common::call::explain::{ATTEMPTS_LIMIT, Login};
use common::id::{AttemptId, RequestId};
use common::time::Time;
use common::view::{ExplainedAttempt, LoginExplanation, NameStanding, UserStatus};
use domain::attempt::{AttemptRow, Outcome};
use store::{AttemptFilter, PageRequest, ReadTx};

use super::{attempts, standing};
use crate::app::names::{self, Subject};
use crate::app::{App, Error, Operator};

/// Attempts that are told where nobody says how many.
const ATTEMPTS: u32 = 5;

/// Explains a name, or attempts by an id of theirs or of their request.
///
/// # Errors
/// `not_found`; those of [`names::subject`]; `validation_failed` at `/last`.
pub async fn login(
    app: &Arc<App>,
    _operator: &Operator,
    request: Login,
) -> Result<LoginExplanation, Error> {
    let last = request.last.unwrap_or(ATTEMPTS);
    if !(1..=ATTEMPTS_LIMIT).contains(&last) {
        let detail = format!("expected a number from 1 to {ATTEMPTS_LIMIT}");
        return Err(Error::field("/last", "out_of_range", detail));
    }
    let now = app.now();
    let app = Arc::clone(app);
    let store = app.store.clone();
    store
        .read(move |tx| match Wanted::of(&request.subject) {
            Wanted::Name => of_name(&app, tx, request.tenant, request.subject, last, now),
            Wanted::Attempts(filter) => {
                let page = PageRequest {
                    limit: last,
                    after: None,
                };
                of_attempts(&app, tx, &tx.operator().attempts(&filter, &page)?, now)
            }
            Wanted::Attempt(id) => {
                let row = tx.operator().attempt(id)?;
                of_attempts(&app, tx, row.as_slice(), now)
            }
        })
        .await
}

/// What is asked about.
enum Wanted {
    Name,
    Attempt(AttemptId),
    Attempts(AttemptFilter),
}

impl Wanted {
    fn of(text: &str) -> Self {
        if let Ok(id) = text.parse() {
            return Self::Attempt(id);
        }
        if let Ok(id) = text.parse::<RequestId>() {
            return Self::Attempts(AttemptFilter {
                request: Some(id),
                ..AttemptFilter::default()
            });
        }
        if text.contains('@') || text.starts_with("usr_") {
            return Self::Name;
        }
        Self::Attempts(AttemptFilter {
            correlation_id: Some(text.to_owned()),
            ..AttemptFilter::default()
        })
    }
}

fn of_name(
    app: &App,
    tx: &dyn ReadTx,
    tenant: Option<String>,
    name: String,
    last: u32,
    now: Time,
) -> Result<LoginExplanation, Error> {
    let only_match = tenant.is_none() && !name.starts_with("usr_");
    let subject = names::subject(tx, &UserRef { tenant, name })?;
    let rows = attempts::of(app, tx, &subject)?;
    let stands = standing::of(app, tx, &subject, &rows, now)?;
    let told: Vec<AttemptRow> = rows
        .into_iter()
        .take(usize::try_from(last).unwrap_or(usize::MAX))
        .collect();
    let stands = NameStanding {
        only_match,
        ..stands
    };
    let verdict = standing::verdict(&subject, &stands);
    let place = place(&subject);
    let next = next(&place, verdict, told.first());
    Ok(LoginExplanation {
        verdict: verdict.to_owned(),
        locked_until: stands.lock.locked_until,
        standing: Some(stands),
        attempts: attempts::explained(tx, &told)?,
        next,
        ..blank(Some(&subject))
    })
}

/// Explains rows of the log; where they are of one name, also how that stands now.
fn of_attempts(
    app: &App,
    tx: &dyn ReadTx,
    rows: &[AttemptRow],
    now: Time,
) -> Result<LoginExplanation, Error> {
    let Some(newest) = rows.first() else {
        return Err(Error::not_found().with_hint(
            "Attempts that were folded into one row keep the id of the first request alone. \
             List: authctl attempt list",
        ));
    };
    let outcome = newest.first.outcome;
    let one_name = rows
        .iter()
        .all(|row| row.first.subject == newest.first.subject);
    let subject = match newest.first.user_id {
        Some(id) if one_name => tx.operator().user(id)?.map(|row| row.user),
        _ => None,
    };
    let subject = match subject {
        Some(user) => tx.tenants().by_id(user.tenant_id)?.map(|tenant| {
            let found = names::Found { tenant, user };
            Subject::Known(Box::new(found))
        }),
        None => None,
    };
    let stands = subject
        .as_ref()
        .map(|subject| {
            let all = attempts::of(app, tx, subject)?;
            standing::of(app, tx, subject, &all, now)
        })
        .transpose()?;
    let next = match (&subject, &stands) {
        (Some(subject), Some(stands)) => {
            let verdict = standing::verdict(subject, stands);
            next(&place(subject), verdict, Some(newest))
        }
        _ => of_nobody(newest),
    };
    let explained: Vec<ExplainedAttempt> = attempts::explained(tx, rows)?;
    let tenant = explained
        .first()
        .and_then(|explained| explained.attempt.tenant.clone());
    let blank = blank(subject.as_ref());
    Ok(LoginExplanation {
        verdict: outcome.as_str().to_owned(),
        locked_until: stands.as_ref().and_then(|s| s.lock.locked_until),
        standing: stands,
        attempts: explained,
        next,
        tenant: blank.tenant.clone().or(tenant),
        ..blank
    })
}

fn blank(subject: Option<&Subject>) -> LoginExplanation {
    let (user_id, email, tenant) = match subject {
        None => (None, None, None),
        Some(Subject::Known(found)) => (
            Some(found.user.id),
            Some(found.user.email.to_string()),
            Some(found.tenant.slug.to_string()),
        ),
        Some(Subject::Unknown { tenant, email }) => {
            (None, Some(email.to_string()), Some(tenant.slug.to_string()))
        }
    };
    LoginExplanation {
        user_id,
        email,
        tenant,
        verdict: String::new(),
        locked_until: None,
        standing: None,
        attempts: Vec::new(),
        next: Vec::new(),
    }
}

/// Slug and address, as commands take them.
struct Place {
    tenant: String,
    email: String,
}

fn place(subject: &Subject) -> Place {
    match subject {
        Subject::Known(found) => Place {
            tenant: found.tenant.slug.to_string(),
            email: found.user.email.to_string(),
        },
        Subject::Unknown { tenant, email } => Place {
            tenant: tenant.slug.to_string(),
            email: email.to_string(),
        },
    }
}

/// The next step: what takes away what hinders a login now, else what the last attempt calls for.
fn next(place: &Place, verdict: &str, last: Option<&AttemptRow>) -> Vec<String> {
    let Place { tenant, email } = place;
    let name = quoted(&format!("{tenant}/{email}"));
    let step = match verdict {
        standing::LOCKED | standing::LOCKED_BY_HAND => {
            format!("authctl lockout clear {name}")
        }
        standing::DISABLED => format!("authctl user enable {name}"),
        standing::TENANT_SUSPENDED => format!("authctl tenant resume {tenant}"),
        standing::SUBSCRIPTION_ENDED => format!("authctl tenant set {tenant} --ends DATE"),
        standing::REGISTRATION_WAITS => format!("authctl -t {tenant} registration list"),
        standing::UNKNOWN => {
            let start: String = email.chars().take_while(|c| *c != '@').take(3).collect();
            let test = quoted(&format!("email~={start}"));
            format!("authctl -t {tenant} user list --filter {test}")
        }
        standing::NO_PASSWORD | standing::TEMPORARY_OVER => {
            format!("authctl user reset-password {name}")
        }
        _ => return last.map_or_else(Vec::new, |last| of_last(place, last)),
    };
    vec![step]
}

/// Nothing hinders: the last attempt tells what went wrong, if anything did.
fn of_last(place: &Place, last: &AttemptRow) -> Vec<String> {
    let name = quoted(&format!("{}/{}", place.tenant, place.email));
    match last.first.outcome {
        Outcome::WrongPassword | Outcome::CredentialStale | Outcome::Unsettled => {
            vec![format!("authctl user reset-password {name}")]
        }
        Outcome::RateLimited => of_nobody(last),
        _ => Vec::new(),
    }
}

fn of_nobody(last: &AttemptRow) -> Vec<String> {
    let Some(ip) = last.first.ip.as_deref() else {
        return Vec::new();
    };
    match last.first.outcome {
        Outcome::RateLimited | Outcome::UnknownUser | Outcome::Locked => {
            vec![format!(
                "authctl attempt list --ip {ip} --failed --since 1h"
            )]
        }
        _ => Vec::new(),
    }
}

/// A word that can be pasted into a shell: an address may hold what one would act on.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@/+-".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whether the user may sign in as far as the account goes.
pub(super) const fn is_closed(status: UserStatus) -> bool {
    matches!(status, UserStatus::Disabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_cannot_act_on_a_shell() {
        assert_eq!(quoted("acme/bob@acme.test"), "acme/bob@acme.test");
        assert_eq!(quoted("acme/`id`@x.test"), "'acme/`id`@x.test'");
        assert_eq!(
            quoted("acme/o'brien$x@x.test"),
            r"'acme/o'\''brien$x@x.test'"
        );
    }
}
