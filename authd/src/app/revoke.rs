//! Revoking a token for a service (RFC 7009): an access token by its id, a refresh token with its
//! session. A token that is not of the client's tenant, or of nobody, is revoked enough already.

use common::secret::Secret;
use common::time::Time;
use domain::client::ClientScope;
use domain::session::EndReason;
use store::{Denial, Priority, Scope, StoreError};

use crate::app::authenticate::expected;
use crate::app::refresh::session_of;
use crate::app::{App, Error, ServiceCaller};
use crate::crypto::{RefreshToken, VerifiedToken};

/// Revokes a token: it is refused from the answer on.
///
/// # Errors
/// `permission_denied` without the scope; `unavailable` if the database did not take it: nothing is
/// revoked then.
pub async fn revoke(app: &App, caller: &ServiceCaller, token: Secret<String>) -> Result<(), Error> {
    caller.may(ClientScope::Revoke)?;
    if RefreshToken::parse(token.expose()).is_some() {
        return end_session(app, caller, &token).await;
    }
    // Of another issuer, forged, or over: there is nothing to revoke.
    let now = app.now();
    match app.keys.verify(token.expose(), &expected(app), now) {
        Ok(token) if token.tenant() == caller.tenant.id => deny(app, caller, &token, now).await,
        _ => Ok(()),
    }
}

async fn end_session(
    app: &App,
    caller: &ServiceCaller,
    token: &Secret<String>,
) -> Result<(), Error> {
    let session = match session_of(app, token).await {
        Ok((_, session, _)) => session,
        Err(error) if error.code.status() >= 500 => return Err(error),
        Err(_) => return Ok(()),
    };
    if session.tenant_id != caller.tenant.id {
        return Ok(());
    }
    let (tenant, id, now) = (session.tenant_id, session.id, app.now());
    let claim = caller.client.claim.clone();
    app.store
        .write(
            Priority::Urgent,
            claim,
            move |tx| -> Result<(), StoreError> {
                // One that has ended stays as it is.
                tx.tenant_mut(tenant)
                    .sessions_mut()
                    .end(id, now, EndReason::Revoked)?;
                tx.invalidate(Scope::Session(id));
                Ok(())
            },
        )
        .await
        .map_err(Error::from)
}

async fn deny(
    app: &App,
    caller: &ServiceCaller,
    token: &VerifiedToken,
    now: Time,
) -> Result<(), Error> {
    let (_, exp) = token.period();
    let denial = Denial {
        tenant: Some(token.tenant()),
        denied_at: now,
        expires_at: Time::from_millis(exp.saturating_mul(1000)),
        reason: None,
    };
    let jti = token.id().to_owned();
    let claim = caller.client.claim.clone();
    app.store
        .write(
            Priority::Urgent,
            claim,
            move |tx| -> Result<(), StoreError> {
                if !tx.is_denied(&jti)? {
                    tx.deny(&jti, &denial)?;
                    tx.invalidate(Scope::Tokens);
                }
                Ok(())
            },
        )
        .await
        .map_err(Error::from)
}
