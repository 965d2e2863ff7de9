//! Ending the sessions of others: one, or all of a user; as the operator all of a tenant too, or those
//! that an address or an age tells. Many are ended in chunks, so that no job holds the writer for long; the first chunk
//! carries the audit row, and all are dead when it is answered (rule 11).

mod matching;

use std::sync::Arc;

use common::call::session::{Revoke, Target};
use common::call::{Change, UserRef};
use common::id::{SessionId, TenantId};
use common::time::Time;
use domain::session::{EndReason, Session};
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{Claim, Priority, ReadTx, Scope, StoreError, WriteTx};

use crate::app::audit::{Act, Record};
use crate::app::{Administrator, App, By, Error, Operator, helpdesk, names, target};

/// Sessions that one job ends.
const CHUNK: u32 = 200;

/// Ends sessions; their tokens are dead when it answers (rule 11).
///
/// # Errors
/// `not_found`; `validation_failed` at `/confirm` for a tenant whose slug was not typed, and for a
/// range or an age that means all; `permission_denied` for what the helpdesk may not.
pub async fn revoke(app: &Arc<App>, operator: &Operator, request: Revoke) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), request.reason.as_deref())?;
    let by = By::from(operator);
    if !matches!(request.target, Target::User(_)) {
        helpdesk::refuse(by, "ending other sessions than those of one user")?;
    }
    match request.target {
        Target::Session(id) => {
            let found = app.store.read(move |tx| find_session(tx, &id)).await?;
            one(app, record, found).await
        }
        Target::User(reference) => of_user(app, by, record, reference).await,
        Target::Tenant(name) => of_tenant(app, operator, record, name, request.confirm).await,
        Target::Matching(matching) => matching::revoke(app, operator, record, matching).await,
    }
}

/// Ends all sessions of a user of the tenant that is administered.
///
/// # Errors
/// `not_found`; `permission_denied` for a stronger user (rule 18).
pub async fn end_all(
    app: &App,
    administrator: &Administrator,
    user: String,
) -> Result<Change, Error> {
    let record = Record::draw(app, administrator, app.now(), None)?;
    let reference = UserRef {
        tenant: None,
        name: user,
    };
    of_user(app, administrator.into(), record, reference).await
}

/// Ends one of them.
///
/// # Errors
/// `not_found` for one that has ended, is another's, or does not exist: the answers are the same;
/// `permission_denied` for a stronger user (rule 18).
pub async fn end_one(
    app: &App,
    administrator: &Administrator,
    user: String,
    session: &str,
) -> Result<Change, Error> {
    let record = Record::draw(app, administrator, app.now(), None)?;
    let reach = By::Administrator(administrator).reach();
    let id: Option<SessionId> = session.parse().ok();
    let read = app.store.read(move |tx| {
        let reference = UserRef {
            tenant: None,
            name: user,
        };
        let found = target::user(tx, reach, &reference)?;
        let id = id.ok_or_else(Error::not_found)?;
        let session = tx.tenant(found.tenant.id).sessions().by_id(id)?;
        let own = session.filter(|session| session.user_id == found.user.id);
        Ok::<_, Error>((own.ok_or_else(Error::not_found)?, found.tenant))
    });
    let change = one(app, record, read.await?).await?;
    if change.changed {
        Ok(change)
    } else {
        Err(Error::not_found())
    }
}

async fn one(
    app: &App,
    record: Record,
    (session, tenant): (Session, Tenant),
) -> Result<Change, Error> {
    let (id, now) = (session.id, record.at());
    record
        .write(app, move |tx, permit| {
            let rows = tx.tenant_mut(tenant.id);
            let owner = rows.users().by_id(session.user_id)?;
            if owner.is_some() {
                permit.may_act_on(tx, &tenant, session.user_id)?;
            }
            let act = Act {
                action: "session.revoke",
                tenant: tenant.clone(),
                object: id.to_string(),
                subject: owner.map_or_else(
                    || format!("session {id}"),
                    |user| format!("session {id} of user {}", user.email),
                ),
            };
            if !rows.sessions_mut().end(id, now, EndReason::Revoked)? {
                return Ok(act.unchanged());
            }
            tx.invalidate(Scope::Session(id));
            let mut change = permit.append(tx, &act, &Value::Null, &told(1))?;
            change.sessions_ended = 1;
            Ok(change)
        })
        .await
}

async fn of_user(
    app: &App,
    by: By<'_>,
    record: Record,
    reference: UserRef,
) -> Result<Change, Error> {
    let reach = by.reach();
    let read = app
        .store
        .read(move |tx| target::user(tx, reach, &reference));
    let found = read.await?;
    let (user, now) = (found.user.id, record.at());
    let act = Act {
        action: "session.revoke",
        object: user.to_string(),
        subject: format!(
            "all sessions of user {}",
            helpdesk::name_of(by, &found.user)
        ),
        tenant: found.tenant,
    };
    record
        .write(app, move |tx, permit| {
            permit.may_act_on(tx, &act.tenant, user)?;
            let rows = tx.tenant_mut(act.tenant.id);
            let sessions = rows.sessions_mut();
            let ended = sessions.end_of(user, None, now, EndReason::Revoked)?;
            if ended.is_empty() {
                return Ok(act.unchanged());
            }
            tx.invalidate(Scope::User(user));
            let ended = u32::try_from(ended.len()).unwrap_or(u32::MAX);
            let mut change = permit.append(tx, &act, &Value::Null, &told(ended))?;
            change.sessions_ended = ended;
            Ok(change)
        })
        .await
}

fn told(ended: u32) -> Value {
    json!({"sessions_ended": ended})
}

fn tell(record: &Record, tx: &dyn WriteTx, act: &Act, ended: u32) -> Result<Change, Error> {
    let mut change = record.append(tx, act, &Value::Null, &told(ended))?;
    change.sessions_ended = ended;
    Ok(change)
}

async fn of_tenant(
    app: &Arc<App>,
    operator: &Operator,
    record: Record,
    name: String,
    confirm: Option<String>,
) -> Result<Change, Error> {
    let found = app.store.read(move |tx| {
        let tenant = names::tenant(tx, &name)?;
        check_confirmed(&tenant, confirm.as_deref())?;
        let open = tx.tenant(tenant.id).sessions().open_count()?;
        Ok::<_, Error>((tenant, open))
    });
    let (tenant, open) = found.await?;
    let (id, now) = (tenant.id, app.now());
    let act = Act {
        action: "session.revoke",
        object: id.to_string(),
        subject: format!("all sessions of tenant {}", tenant.slug),
        tenant,
    };
    let written: Result<(Change, u32), Error> = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let ended = end_chunk(tx, id, now)?;
            if ended == 0 {
                return Ok((act.unchanged(), 0));
            }
            // After a whole chunk others follow, as many as the reader saw.
            let all = if ended < CHUNK {
                ended
            } else {
                open.max(ended)
            };
            Ok((tell(&record, tx, &act, all)?, ended))
        })
        .await;
    let (mut change, first) = written?;
    if first < CHUNK || operator.claim.is_rehearsal() {
        return Ok(change);
    }
    let store = app.store.clone();
    let rest = finish(async move {
        let mut all = first;
        loop {
            let chunk = store.write(Priority::Urgent, Claim::detached(), move |tx| {
                end_chunk(tx, id, now)
            });
            let ended = chunk.await.map_err(Error::from)?;
            all = all.saturating_add(ended);
            if ended < CHUNK {
                return Ok(all);
            }
        }
    });
    change.sessions_ended = rest.await?;
    Ok(change)
}

/// Ends a chunk of a tenant's sessions, which are dead once it is committed.
fn end_chunk(tx: &dyn WriteTx, tenant: TenantId, now: Time) -> Result<u32, StoreError> {
    let rows = tx.tenant_mut(tenant);
    let sessions = rows.sessions_mut();
    let ended = sessions.end_some(now, EndReason::Revoked, CHUNK)?;
    if ended > 0 {
        tx.invalidate(Scope::Tenant(tenant));
    }
    Ok(ended)
}

/// Goes on to the end of what was begun, also where nobody waits for the answer any more.
async fn finish<T: Send + 'static>(
    rest: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(rest).await.map_err(Error::internal)?
}

/// The session with this id, and its tenant.
///
/// # Errors
/// `not_found`.
pub(super) fn find_session(tx: &dyn ReadTx, text: &str) -> Result<(Session, Tenant), Error> {
    let unknown = || {
        let mut error = Error::not_found();
        error.developer_message = format!("no session \"{}\"", names::echo(text)).into();
        error.with_hint("List: authctl session list")
    };
    let id: SessionId = text.parse().map_err(|_| unknown())?;
    let session = tx.session(id)?.ok_or_else(unknown)?;
    let tenant = tx.tenants().by_id(session.tenant_id)?.ok_or_else(unknown)?;
    Ok((session, tenant))
}

/// The server demands the confirmation too, whatever a client asked before (operator.md 2.1).
fn check_confirmed(tenant: &Tenant, confirm: Option<&str>) -> Result<(), Error> {
    if confirm == Some(tenant.slug.as_str()) {
        return Ok(());
    }
    let error = Error::field(
        "/confirm",
        "not_confirmed",
        format!("expected the tenant's name, {}", tenant.slug),
    );
    Err(error.with_hint(format!(
        "In scripts: authctl session revoke --tenant {0} --confirm={0}",
        tenant.slug
    )))
}
