//! Keeping a session alive: rotation, the grace, and what reuse does (rule 10).

use std::sync::Arc;

use common::error::ErrorCode;
use common::id::SessionId;
use common::secret::Secret;
use common::time::Time;
use common::view::UserStatus;
use domain::refresh::{self, Refresh};
use domain::session::{EndReason, Session};
use domain::setting::Effective;
use domain::tenant::Tenant;
use domain::user::User;
use store::{Priority, Scope, StoreError, WriteTx};

use crate::app::authenticate::{ended, tenant_is_open};
use crate::app::tenant::effective;
use crate::app::tokens::{Owner, SignedIn};
use crate::app::{App, Client, Error, tokens};
use crate::crypto::RefreshToken;

/// What became of a refresh.
enum Refreshed {
    /// The session stands at the generation to be handed out.
    Kept {
        session: Box<Session>,
        user: Box<User>,
        tenant: Box<Tenant>,
        settings: Effective,
        permissions: Option<Vec<String>>,
    },
    /// An old token was used again; the session ended with this.
    Reused,
}

fn invalid() -> Error {
    Error::new(
        ErrorCode::InvalidToken,
        "not a refresh token of this issuer",
    )
}

/// Finds the session that a refresh token was made for, ended or not, and what holds for its tenant.
///
/// # Errors
/// `invalid_token` for anything that this daemon did not make.
pub async fn session_of(
    app: &App,
    token: &Secret<String>,
) -> Result<(RefreshToken, Session, Effective), Error> {
    let token = RefreshToken::parse(token.expose()).ok_or_else(invalid)?;
    let id = token.session;
    let base = Arc::clone(&app.settings().tenant);
    let found = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            let Some(session) = tx.session(id)? else {
                return Ok(None);
            };
            let settings = effective::read(base, tx, session.tenant_id)?;
            Ok(Some((session, settings)))
        })
        .await?;
    let (session, settings) = found.ok_or_else(invalid)?;
    if !app.keys.refresh_matches(&token, &session) {
        return Err(invalid());
    }
    Ok((token, session, settings))
}

/// Rotates a refresh token and makes a new access token.
///
/// # Errors
/// `invalid_token`, `refresh_token_reused` (the session ended with it), `session_expired`,
/// `session_revoked` (also for a disabled user), `session_superseded`, `tenant_suspended`,
/// `subscription_ended`.
pub async fn refresh(
    app: &Arc<App>,
    client: &Client,
    token: Secret<String>,
) -> Result<SignedIn, Error> {
    let result = renew(app, client, token).await;
    app.counts.refreshes.ended(&result);
    result
}

async fn renew(app: &Arc<App>, client: &Client, token: Secret<String>) -> Result<SignedIn, Error> {
    let token = RefreshToken::parse(token.expose()).ok_or_else(invalid)?;
    let now = app.now();
    let token_id = app.token_id()?;
    let inner = Arc::clone(app);
    let refreshed = app
        .store
        .write(Priority::Normal, client.claim.clone(), move |tx| {
            rotate(&inner, tx, &token, now)
        })
        .await?;
    let Refreshed::Kept {
        session,
        user,
        tenant,
        settings,
        permissions,
    } = refreshed
    else {
        return Err(Error::new(
            ErrorCode::RefreshTokenReused,
            "this refresh token was replaced before; the session has been ended",
        ));
    };
    let last_use = session.last_active_at;
    app.used(&session, last_use);
    let owner = Owner {
        session: &session,
        tenant: &tenant,
        settings: &settings,
        permissions: permissions.as_deref(),
    };
    let mut signed_in = app.issue(&owner, *user, token_id, now)?;
    if let Some(refresh) = &mut signed_in.refresh {
        let limits = &settings.session_limits;
        refresh.expires_in = session.expires_at(limits, last_use).since(now);
    }
    Ok(signed_in)
}

/// The transaction of a refresh. Whether the token is one is found out here and nowhere before: a
/// forged one costs the writer one look by a key and no commit, and a good one no second thread.
fn rotate(
    app: &App,
    tx: &dyn WriteTx,
    token: &RefreshToken,
    now: Time,
) -> Result<Refreshed, Error> {
    let session = tx
        .session(token.session)?
        .filter(|session| app.keys.refresh_matches(token, session))
        .map(|session| app.with_last_use(session))
        .ok_or_else(invalid)?;
    let (id, generation) = (session.id, token.generation);
    let settings = effective::of(app, tx, session.tenant_id)?;
    let decision = refresh::decide(
        &session,
        generation,
        app.settings().refresh_grace,
        &settings.session_limits,
        session.last_active_at,
        now,
    );
    match decision {
        Refresh::Ended(reason) => Err(ended(reason)),
        Refresh::Reuse => {
            end(tx, &session, now)?;
            Ok(Refreshed::Reused)
        }
        Refresh::Rotate => {
            let (user, tenant) = owner(app, tx, &session, now)?;
            tx.tenant_mut(session.tenant_id)
                .sessions_mut()
                .rotate(id, generation, now)?;
            let session = Box::new(Session {
                generation: generation.saturating_add(1),
                rotated_at: now,
                last_active_at: now,
                ..session
            });
            let permissions = tokens::shown_permissions(tx, &tenant, &user, &settings)?;
            Ok(Refreshed::Kept {
                session,
                user,
                tenant,
                settings,
                permissions,
            })
        }
        Refresh::SameSuccessor => {
            let (user, tenant) = owner(app, tx, &session, now)?;
            let permissions = tokens::shown_permissions(tx, &tenant, &user, &settings)?;
            Ok(Refreshed::Kept {
                session: Box::new(session),
                user,
                tenant,
                settings,
                permissions,
            })
        }
    }
}

fn end(tx: &dyn WriteTx, session: &Session, now: Time) -> Result<(), StoreError> {
    let id: SessionId = session.id;
    tx.tenant_mut(session.tenant_id)
        .sessions_mut()
        .end(id, now, EndReason::Reused)?;
    tx.invalidate(Scope::Session(id));
    Ok(())
}

/// User and tenant of a session, if both are open.
fn owner(
    app: &App,
    tx: &dyn WriteTx,
    session: &Session,
    now: Time,
) -> Result<(Box<User>, Box<Tenant>), Error> {
    let tenant = tx.tenants().by_id(session.tenant_id)?.ok_or_else(invalid)?;
    tenant_is_open(tenant.standing(now, app.settings().expiry_grace))?;
    let user = tx
        .tenant(session.tenant_id)
        .users()
        .by_id(session.user_id)?
        .ok_or_else(invalid)?;
    if user.status == UserStatus::Disabled {
        return Err(ended(EndReason::Revoked));
    }
    Ok((Box::new(user), Box::new(tenant)))
}
