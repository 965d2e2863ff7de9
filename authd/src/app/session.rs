//! Sessions: a user's own, to see and to end, and those of others, as who administers sees and ends them.

mod revoke;

use std::sync::Arc;
use std::time::Duration;

use common::call::Paging;
use common::call::session::{List, Show};
use common::id::SessionId;
use common::time::Time;
use common::view::{Page, SessionView};
use domain::session::{EndReason, Session, SessionLimits};
use domain::setting::Setting;
use store::{PageRequest, Priority, Scope, SessionFilter, SessionRow, StoreError};

pub use revoke::{end_all, end_one, revoke};

use crate::app::cursor::Place;
use crate::app::names::Found;
use crate::app::origin::Origin;
use crate::app::tenant::effective::{self, Effectives};
use crate::app::{App, By, Caller, Error, Operator, Sight, helpdesk, names, target};

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

/// Lists sessions that are alive, the newest first: an administrator's those of the tenant alone.
///
/// # Errors
/// Those of [`target::user_filter`], `permission_denied` for a personal filter on a socket without
/// such data, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<SessionView>, Error> {
    let by = by.into();
    names::refuse_personal_filters(by, &personal_filters(&request))?;
    let origin = Origin::parse(app, request.ip.as_deref())?;
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let (now, reach, sight) = (app.now(), by.reach(), Sight::of(by));
    let app = Arc::clone(app);
    let store = app.store.clone();
    store
        .read(move |tx| {
            let (tenant, user) =
                target::user_filter(tx, reach, request.tenant.clone(), request.user.clone())?;
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
                ip: origin.stored.clone(),
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
                let (tenant, user) = (session.tenant_id, session.user_id);
                origin.keeps(session.ip.as_deref())
                    && !helpdesk::hides(tx, reach, Some(tenant), Some(user))
                    && is_alive(&effectives, &session, now)
                    && idle_since.is_none_or(|since| session.last_active_at <= since)
            };
            let (rows, next) =
                place.collect(|row: &SessionRow| row.session.id.to_string(), keep, fetch)?;
            let items = rows
                .iter()
                .map(|row| Ok(view(&app, row, &limits(row)?.session_limits, sight)))
                .collect::<Result<_, Error>>()?;
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

/// The filters that ask for personal data, and whether they are used.
fn personal_filters(request: &List) -> [(&'static str, bool); 3] {
    [
        ("user", names::is_personal(request.user.as_deref())),
        ("ip", request.ip.is_some()),
        ("device", request.device.is_some()),
    ]
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
            view(app, &row, &limits, Sight::Whole)
        })
        .collect()
}

/// Shows one session, an ended one too.
///
/// # Errors
/// `not_found`.
pub async fn show(
    app: &Arc<App>,
    operator: &Operator,
    request: Show,
) -> Result<SessionView, Error> {
    let sight = Sight::of(operator);
    let app = Arc::clone(app);
    let store = app.store.clone();
    store
        .read(move |tx| {
            let (session, tenant) = revoke::find_session(tx, &request.id)?;
            let users = tx.operator();
            let owner = users.user(session.user_id)?.ok_or_else(Error::not_found)?;
            let base = Arc::clone(&app.settings().tenant);
            let limits = effective::read(base, tx, tenant.id)?.session_limits;
            let row = SessionRow {
                tenant: tenant.slug,
                email: owner.user.email,
                session,
            };
            let (ended_at, reason) = row.session.ended.unzip();
            Ok(SessionView {
                authenticated_at: Some(row.session.auth_time),
                ended_at,
                end_reason: reason.map(|reason| reason.as_str().to_owned()),
                ..view(&app, &row, &limits, sight)
            })
        })
        .await
}

fn view(app: &App, row: &SessionRow, limits: &SessionLimits, sight: Sight) -> SessionView {
    let session = app.with_last_use(row.session.clone());
    let shows_personal = sight.shows_personal();
    SessionView {
        id: session.id,
        user_id: Some(session.user_id),
        email: sight.names_users().then(|| row.email.to_string()),
        tenant: sight.is_operators().then(|| row.tenant.to_string()),
        current: None,
        created_at: session.created_at,
        updated_at: session.updated_at(),
        last_active_at: session.last_active_at,
        expires_at: session.expires_at(limits, session.last_active_at),
        device: session.device.filter(|_| shows_personal),
        ip: session.ip.filter(|_| shows_personal),
        authenticated_at: None,
        ended_at: None,
        end_reason: None,
    }
}
