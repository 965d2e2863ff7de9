//! The signed-in user's own sessions: to see, and to end one.

use common::id::SessionId;
use domain::session::{EndReason, Session};
use store::{Priority, Scope};

use crate::app::{App, Caller, Error};

/// The caller's live sessions, the newest first.
///
/// # Errors
/// `unavailable`.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Session>, Error> {
    let (tenant, user) = (caller.tenant_id, caller.user_id);
    let open = app
        .store
        .read(move |tx| tx.tenant(tenant).sessions().open_of(user))
        .await
        .map_err(Error::from)?;
    let now = app.now();
    let limits = &app.settings.session_limits;
    Ok(open
        .into_iter()
        .map(|session| app.with_last_use(session))
        .filter(|session| session.is_alive(limits, session.last_active_at, now))
        .collect())
}

/// Ends one of the caller's sessions, the present one too.
///
/// # Errors
/// `not_found` for one that has ended, is another's, or does not exist: the answers are the same.
pub async fn end(app: &App, caller: &Caller, id: SessionId) -> Result<(), Error> {
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
