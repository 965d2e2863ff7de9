//! Sessions: a user's own, to see and to end, and all of them, as the operator sees and ends them.

use std::sync::Arc;
use std::time::Duration;

use common::call::session::{List, Revoke, Target};
use common::call::{Change, Paging, Socket, UserRef};
use common::id::{SessionId, UserId};
use common::time::Time;
use common::view::{Page, SessionView};
use domain::session::{EndReason, Session, SessionLimits};
use domain::setting::Setting;
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{PageRequest, Priority, ReadTx, Scope, SessionFilter, SessionRow, StoreError};

use crate::app::audit::{Act, Record};
use crate::app::cursor::Place;
use crate::app::names::Found;
use crate::app::tenant::effective::{self, Effectives};
use crate::app::{App, Caller, Error, Operator, names};

/// How far the last use on disk may lie behind the one in memory: uses are written at least every
/// ten minutes, and a slow disk may take as long again.
const FLUSH_LAG: Duration = Duration::from_mins(20);

/// A page of the caller's live sessions, the newest first, and how long they live.
///
/// # Errors
/// `validation_failed` for a limit outside 1 to 200, `invalid_cursor`, `unavailable`.
pub async fn own(
    app: &App,
    caller: &Caller,
    paging: &Paging,
) -> Result<(Page<Session>, SessionLimits), Error> {
    let place = Place::of_own(&app.keys, "me/sessions", caller, paging)?;
    let (tenant, user) = (caller.tenant_id, caller.user_id);
    let base = Arc::clone(&app.settings().tenant);
    let (open, limits) = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            let limits = effective::read(base, tx, tenant)?.session_limits;
            Ok((tx.tenant(tenant).sessions().open_of(user)?, limits))
        })
        .await
        .map_err(Error::from)?;
    // A user has at most fifty, so they are read whole.
    let mut rest = alive(app, open, limits, app.now())
        .skip_while(|session| {
            let after = place.after.as_deref();
            after.is_some_and(|after| session.id.to_string().as_str() >= after)
        })
        .peekable();
    let items: Vec<Session> = rest.by_ref().take(place.limit()).collect();
    let next = rest
        .peek()
        .and(items.last())
        .map(|last| last.id.to_string());
    Ok((place.page(items, next.as_deref()), limits))
}

/// Ends one of the caller's sessions, the present one too.
///
/// # Errors
/// `not_found` for one that has ended, is another's, or does not exist: the answers are the same.
pub async fn end_own(app: &App, caller: &Caller, id: SessionId) -> Result<(), Error> {
    let (tenant, user) = (caller.tenant_id, caller.user_id);
    let now = app.now();
    app.store
        .write(Priority::Urgent, caller.client.claim.clone(), move |tx| {
            let rows = tx.tenant_mut(tenant);
            let owned = rows
                .sessions()
                .by_id(id)?
                .is_some_and(|session| session.user_id == user);
            if !owned || !rows.sessions_mut().end(id, now, EndReason::Revoked)? {
                return Err(Error::not_found());
            }
            tx.invalidate(Scope::Session(id));
            Ok(())
        })
        .await
}

/// Those of the open sessions that are alive at `now`, with their last use.
fn alive(
    app: &App,
    open: Vec<Session>,
    limits: SessionLimits,
    now: Time,
) -> impl Iterator<Item = Session> {
    open.into_iter()
        .map(|session| app.with_last_use(session))
        .filter(move |session| session.is_alive(&limits, session.last_active_at, now))
}

/// Lists sessions that are alive, the newest first.
///
/// # Errors
/// Those of [`names::user_filter`], `permission_denied` for a personal filter on a socket without
/// such data, those of the page.
pub async fn list(
    app: &Arc<App>,
    operator: &Operator,
    request: List,
) -> Result<Page<SessionView>, Error> {
    let personal = [
        ("user", names::is_personal(request.user.as_deref())),
        ("ip", request.ip.is_some()),
        ("device", request.device.is_some()),
    ];
    names::refuse_personal_filters(operator, &personal)?;
    let ip = request
        .ip
        .as_deref()
        .map(names::address)
        .transpose()?
        .map(|ip| app.stored_ip(ip));
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let (now, socket) = (app.now(), operator.socket);
    let app = Arc::clone(app);
    let store = app.store.clone();
    store
        .read(move |tx| {
            let (tenant, user) =
                names::user_filter(tx, request.tenant.as_deref(), request.user.as_deref())?;
            let base = Arc::clone(&app.settings().tenant);
            let idle_timeout = effective::longest(tx, &base, Setting::SessionIdleTimeout)?;
            let max_age = effective::longest(tx, &base, Setting::SessionMaxAge)?;
            let effectives = Effectives::new(&app);
            let idle_since = request
                .idle_seconds
                .map(|seconds| now.minus(Duration::from_secs(seconds)));
            let filter = SessionFilter {
                tenant,
                user,
                device: request.device,
                ip,
                idle_since,
                // The disk may be behind; whether a session is alive is decided row by row below.
                active_after: now.minus(idle_timeout.saturating_add(FLUSH_LAG)),
                created_after: now.minus(max_age),
            };
            let fetch = |page: &PageRequest| {
                let rows = tx.operator().sessions(&filter, page)?;
                for row in &rows {
                    effectives.of(tx, Some(row.session.tenant_id))?;
                }
                Ok(rows)
            };
            let limits = |row: &SessionRow| effectives.of(tx, Some(row.session.tenant_id));
            let keep = |row: &SessionRow| {
                let session = app.with_last_use(row.session.clone());
                is_alive(&effectives, &session, now)
                    && idle_since.is_none_or(|since| session.last_active_at <= since)
            };
            let (rows, next) =
                place.collect(|row: &SessionRow| row.session.id.to_string(), keep, fetch)?;
            let items = rows
                .iter()
                .map(|row| Ok(view(&app, row, &limits(row)?.session_limits, socket)))
                .collect::<Result<_, Error>>()?;
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// Whether a session is alive by the limits of its tenant, which were asked for before.
fn is_alive(effectives: &Effectives, session: &Session, now: Time) -> bool {
    effectives
        .known(session.tenant_id)
        .is_some_and(|own| session.is_alive(&own.session_limits, session.last_active_at, now))
}

/// Those of one user's open sessions that are alive at `now`, as they are shown.
pub fn alive_of(
    app: &App,
    owner: &Found,
    open: Vec<Session>,
    limits: SessionLimits,
    now: Time,
) -> Vec<SessionView> {
    alive(app, open, limits, now)
        .map(|session| {
            let row = SessionRow {
                session,
                tenant: owner.tenant.slug.clone(),
                email: owner.user.email.clone(),
            };
            view(app, &row, &limits, Socket::Admin)
        })
        .collect()
}

/// Ends sessions; their tokens are dead when it answers (rule 11).
///
/// # Errors
/// `not_found`; `validation_failed` at `/confirm` for a tenant whose slug was not typed.
pub async fn revoke(app: &Arc<App>, operator: &Operator, request: Revoke) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let target = request.target;
    let (ending, act) = app.store.read(move |tx| find(tx, &target)).await?;
    if let Ending::OfTenant = ending {
        check_confirmed(&act.tenant, request.confirm.as_deref())?;
    }
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let tenant = tx.tenant_mut(act.tenant.id);
            let sessions = tenant.sessions_mut();
            let (ended, scope) = match ending {
                Ending::One(id) => (
                    u32::from(sessions.end(id, now, EndReason::Revoked)?),
                    Scope::Session(id),
                ),
                Ending::OfUser(user) => {
                    let ended = sessions.end_of(user, None, now, EndReason::Revoked)?;
                    (
                        u32::try_from(ended.len()).unwrap_or(u32::MAX),
                        Scope::User(user),
                    )
                }
                Ending::OfTenant => (
                    sessions.end_all(now, EndReason::Revoked)?,
                    Scope::Tenant(act.tenant.id),
                ),
            };
            if ended == 0 {
                return Ok(act.unchanged());
            }
            tx.invalidate(scope);
            let after = json!({"sessions_ended": ended});
            let mut change = record.append(tx, &act, &Value::Null, &after)?;
            change.sessions_ended = ended;
            Ok(change)
        })
        .await
}

/// Which sessions end.
#[derive(Debug, Clone, Copy)]
enum Ending {
    One(SessionId),
    OfUser(UserId),
    OfTenant,
}

fn find(tx: &dyn ReadTx, target: &Target) -> Result<(Ending, Act), Error> {
    match target {
        Target::Session(id) => find_session(tx, id),
        Target::User(reference) => find_user(tx, reference),
        Target::Tenant(name) => {
            let tenant = names::tenant(tx, name)?;
            let act = Act {
                action: "session.revoke",
                object: tenant.id.to_string(),
                subject: format!("all sessions of tenant {}", tenant.slug),
                tenant,
            };
            Ok((Ending::OfTenant, act))
        }
    }
}

fn find_user(tx: &dyn ReadTx, reference: &UserRef) -> Result<(Ending, Act), Error> {
    let found = names::user(tx, reference)?;
    let act = Act {
        action: "session.revoke",
        object: found.user.id.to_string(),
        subject: format!("all sessions of user {}", found.user.email),
        tenant: found.tenant,
    };
    Ok((Ending::OfUser(found.user.id), act))
}

fn find_session(tx: &dyn ReadTx, text: &str) -> Result<(Ending, Act), Error> {
    let unknown = || {
        let mut error = Error::not_found();
        error.developer_message = format!("no session \"{}\"", names::echo(text)).into();
        error.with_hint("List: authctl session list")
    };
    let id: SessionId = text.parse().map_err(|_| unknown())?;
    let session = tx.session(id)?.ok_or_else(unknown)?;
    let tenant = tx.tenants().by_id(session.tenant_id)?.ok_or_else(unknown)?;
    let owner = tx.tenant(tenant.id).users().by_id(session.user_id)?;
    let subject = owner.map_or_else(
        || format!("session {id}"),
        |user| format!("session {id} of user {}", user.email),
    );
    let act = Act {
        action: "session.revoke",
        tenant,
        object: id.to_string(),
        subject,
    };
    Ok((Ending::One(id), act))
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

fn view(app: &App, row: &SessionRow, limits: &SessionLimits, socket: Socket) -> SessionView {
    let session = app.with_last_use(row.session.clone());
    let shows_personal = socket == Socket::Admin;
    SessionView {
        id: session.id,
        user_id: Some(session.user_id),
        email: shows_personal.then(|| row.email.to_string()),
        tenant: Some(row.tenant.to_string()),
        current: None,
        created_at: session.created_at,
        last_active_at: session.last_active_at,
        expires_at: session.expires_at(limits, session.last_active_at),
        device: session.device.filter(|_| shows_personal),
        ip: session.ip.filter(|_| shows_personal),
    }
}
