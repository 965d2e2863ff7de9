//! Signing out: access and refresh tokens are dead when it answers (rule 11).

use common::error::ErrorCode;
use common::id::{SessionId, TenantId, UserId};
use common::secret::Secret;
use common::time::Time;
use domain::session::EndReason;
use schemars::JsonSchema;
use store::{Claim, Priority, Scope, StoreError};

use crate::app::authenticate::ended;
use crate::app::refresh::session_of;
use crate::app::{App, Caller, Client, Error};

/// Which sessions a sign-out ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogoutScope {
    /// The one that asks.
    #[default]
    This,
    /// All others of its user.
    Others,
    /// All of its user.
    All,
}

/// Signs out by access token.
///
/// # Errors
/// `unavailable` if the database did not take it: then nothing has ended.
pub async fn by_access_token(app: &App, caller: &Caller, scope: LogoutScope) -> Result<(), Error> {
    let claim = caller.client.claim.clone();
    end(
        app,
        claim,
        caller.tenant_id,
        caller.user_id,
        caller.session_id,
        scope,
    )
    .await
}

/// Signs out by refresh token, when the access token has expired.
///
/// # Errors
/// `invalid_token`; the code of a session that has ended; `refresh_token_reused` for one that was
/// replaced before (its session ends all the same).
pub async fn by_refresh_token(
    app: &App,
    client: &Client,
    token: Secret<String>,
    scope: LogoutScope,
) -> Result<(), Error> {
    let (token, session, settings) = session_of(app, &token).await?;
    if let Some((_, reason)) = session.ended {
        return Err(ended(reason));
    }
    // Over by time alone: its token is good for nothing, least of all for ending other sessions.
    let session = app.with_last_use(session);
    if !session.is_alive(&settings.session_limits, session.last_active_at, app.now()) {
        return Err(ended(EndReason::Expired));
    }
    let is_replaced = token.generation != session.generation;
    let scope = if is_replaced {
        LogoutScope::This
    } else {
        scope
    };
    let claim = client.claim.clone();
    end(
        app,
        claim,
        session.tenant_id,
        session.user_id,
        session.id,
        scope,
    )
    .await?;
    if is_replaced {
        return Err(Error::new(
            ErrorCode::RefreshTokenReused,
            "this refresh token was replaced before; its session has been ended",
        ));
    }
    Ok(())
}

async fn end(
    app: &App,
    claim: Claim,
    tenant: TenantId,
    user: UserId,
    session: SessionId,
    scope: LogoutScope,
) -> Result<(), Error> {
    let now: Time = app.now();
    app.store
        .write(
            Priority::Urgent,
            claim,
            move |tx| -> Result<(), StoreError> {
                let rows = tx.tenant_mut(tenant);
                let sessions = rows.sessions_mut();
                let ended = match scope {
                    LogoutScope::This => {
                        sessions.end(session, now, EndReason::Revoked)?;
                        vec![session]
                    }
                    LogoutScope::Others => {
                        sessions.end_of(user, Some(session), now, EndReason::Revoked)?
                    }
                    LogoutScope::All => sessions.end_of(user, None, now, EndReason::Revoked)?,
                };
                for id in ended {
                    tx.invalidate(Scope::Session(id));
                }
                Ok(())
            },
        )
        .await
        .map_err(Error::from)
}
