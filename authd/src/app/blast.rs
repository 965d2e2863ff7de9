//! The blast radius of a rehearsal (`--dry-run`): whom a change of roles would touch. Small crowds are
//! counted in the transaction that is undone; larger ones by a reader afterwards, so that no rehearsal
//! holds the writer, and then the numbers are an estimate, since the two saw different moments.

use std::sync::Arc;

use common::call::{Blast, Change, Touched};
use common::id::{RoleId, UserId};
use common::time::Time;
use domain::rights::Right;
use domain::role::Role;
use store::{ReadTx, RoleCrowd, StoreError};

use crate::app::{App, Error};

/// Members of a role that are counted within the rehearsal.
const COUNTED_AT_ONCE: u64 = 1000;
/// Rights that are counted one by one; of more, all are counted as one.
const RIGHTS_TOLD: usize = 20;

/// What a change of a role takes from its members, and gives to them.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    role: RoleId,
    members: u64,
    takes: Vec<Right>,
    gives: Vec<Right>,
    active_after: Time,
    created_after: Time,
}

impl Plan {
    /// The plan of making `after` of what a role grants.
    pub(super) fn of(app: &App, now: Time, (role, members): (&Role, u64), after: &[Right]) -> Self {
        let before = &role.rights;
        // Who has everything by this role anyway, loses and gains nothing by name.
        let missing = |from: &[Right], of: &[Right]| -> Vec<Right> {
            if from.contains(&Right::All) {
                return Vec::new();
            }
            of.iter().filter(|r| !from.contains(r)).cloned().collect()
        };
        let limits = app.settings().tenant.session_limits;
        Self {
            role: role.id,
            members,
            takes: missing(after, before),
            gives: missing(before, after),
            active_after: now.minus(limits.idle_timeout),
            created_after: now.minus(limits.max_age),
        }
    }

    fn is_large(&self) -> bool {
        self.members > COUNTED_AT_ONCE
    }

    fn crowd(&self, tx: &dyn ReadTx, rights: &[Right]) -> Result<(u64, u64), StoreError> {
        let crowd = RoleCrowd {
            role: self.role,
            rights: rights.to_vec(),
            active_after: self.active_after,
            created_after: self.created_after,
        };
        tx.operator().crowd(&crowd)
    }

    fn touched(&self, tx: &dyn ReadTx, rights: &[Right]) -> Result<Vec<Touched>, StoreError> {
        let one = |right: &Right| {
            Ok(Touched {
                permission: right.as_str().to_owned(),
                users: self.crowd(tx, std::slice::from_ref(right))?.0,
            })
        };
        rights.iter().take(RIGHTS_TOLD).map(one).collect()
    }

    fn count(&self, tx: &dyn ReadTx) -> Result<Blast, StoreError> {
        let all: Vec<Right> = self.takes.iter().chain(&self.gives).cloned().collect();
        let (users, sessions) = self.crowd(tx, &all)?;
        Ok(Blast {
            users,
            sessions,
            takes: self.touched(tx, &self.takes)?,
            gives: self.touched(tx, &self.gives)?,
            estimated: self.is_large(),
        })
    }
}

/// Counts within the rehearsal, where the crowd is small; else says what is left to be counted.
///
/// # Errors
/// Those of the store.
pub(super) fn at_once(
    tx: &dyn ReadTx,
    change: &mut Change,
    plan: Plan,
) -> Result<Option<Plan>, StoreError> {
    if plan.is_large() {
        return Ok(Some(plan));
    }
    put(change, plan.count(tx)?);
    Ok(None)
}

/// Counts by a reader what was left.
///
/// # Errors
/// Those of the store.
pub(super) async fn later(
    app: &Arc<App>,
    (mut change, plan): (Change, Option<Plan>),
) -> Result<Change, Error> {
    if let Some(plan) = plan {
        let counted = app.store.read(move |tx| plan.count(tx)).await?;
        put(&mut change, counted);
    }
    Ok(change)
}

/// What giving or taking roles does to one user.
///
/// # Errors
/// Those of the store.
pub(super) fn of_user(
    tx: &dyn ReadTx,
    tenant: common::id::TenantId,
    id: UserId,
    [before, after]: [&[Right]; 2],
) -> Result<Blast, StoreError> {
    let sessions = tx.tenant(tenant).sessions().open_of(id)?.len();
    let missing = |from: &[Right], of: &[Right]| -> Vec<Touched> {
        let is_missing = |right: &&Right| !from.contains(right) && !from.contains(&Right::All);
        of.iter()
            .filter(is_missing)
            .map(|right| Touched {
                permission: right.as_str().to_owned(),
                users: 1,
            })
            .collect()
    };
    let (takes, gives) = (missing(after, before), missing(before, after));
    let touches = !takes.is_empty() || !gives.is_empty();
    Ok(Blast {
        users: u64::from(touches),
        sessions: if touches {
            u64::try_from(sessions).unwrap_or(u64::MAX)
        } else {
            0
        },
        takes,
        gives,
        estimated: false,
    })
}

/// Puts the numbers into the answer, and the sentence for people.
pub(super) fn put(change: &mut Change, blast: Blast) {
    change.notes.extend(sentences(&blast));
    change.blast = Some(blast);
}

fn sentences(blast: &Blast) -> Vec<String> {
    let about = if blast.estimated { "about " } else { "" };
    let counted = |count: u64, noun: &str| match count {
        1 => format!("{about}1 {noun}"),
        many => format!("{about}{many} {noun}s"),
    };
    let told = |verb: &str, link: &str, touched: &[Touched]| -> Vec<String> {
        touched
            .iter()
            .map(|one| {
                let users = counted(one.users, "user");
                format!("{verb} {} {link} {users}.", one.permission)
            })
            .collect()
    };
    let mut sentences = told("Takes", "from", &blast.takes);
    sentences.extend(told("Gives", "to", &blast.gives));
    let changes = if blast.sessions == 1 {
        "changes"
    } else {
        "change"
    };
    let sessions = counted(blast.sessions, "live session");
    sentences.push(format!("{sessions} {changes}."));
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_reader_are_said_to_be_estimates() {
        let touched = |users| {
            vec![Touched {
                permission: "orders:edit".to_owned(),
                users,
            }]
        };
        let exact = Blast {
            users: 37,
            sessions: 12,
            takes: touched(37),
            gives: Vec::new(),
            estimated: false,
        };
        assert_eq!(
            sentences(&exact),
            [
                "Takes orders:edit from 37 users.",
                "12 live sessions change."
            ]
        );
        let estimated = Blast {
            users: 1,
            sessions: 1,
            takes: Vec::new(),
            gives: touched(1),
            estimated: true,
        };
        assert_eq!(
            sentences(&estimated),
            [
                "Gives orders:edit to about 1 user.",
                "about 1 live session changes."
            ]
        );
    }
}
