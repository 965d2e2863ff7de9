//! What a request was let in by, looked at again where it writes (G16): the tenant may have been
//! closed, the user disabled or the session ended while a body was read or a password was hashed.
//! It only reads; whoever asks decides what is put in order before the refusal is answered.

use std::time::Duration;

use common::id::{SessionId, TenantId, UserId};
use common::time::Time;
use common::view::UserStatus;
use domain::client::ServiceClient;
use domain::session::EndReason;
use domain::tenant::Tenant;
use domain::user::User;
use store::{ReadTx, StoreError};

use crate::app::authenticate::{ended, invalid_token, tenant_is_open};
use crate::app::{Caller, Error, ServiceAgent, client};

/// Who has to be there still.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    /// Tenant.
    pub tenant: TenantId,
    /// User.
    pub user: UserId,
    /// The session that let the request in; none for a token that is not a session's.
    pub session: Option<SessionId>,
}

impl From<&Caller> for Who {
    fn from(caller: &Caller) -> Self {
        Self {
            tenant: caller.tenant_id,
            user: caller.user_id,
            session: Some(caller.session_id),
        }
    }
}

/// Tenant and service client as the transaction sees them: the client may have been removed, a secret of
/// it or its time ended, or its token denied.
///
/// # Errors
/// Those of the store; `tenant_suspended`, `subscription_ended`, `invalid_token`.
pub(super) fn look_at_client(
    tx: &dyn ReadTx,
    agent: &ServiceAgent,
    now: Time,
    expiry_grace: Duration,
) -> Result<(Tenant, ServiceClient), Error> {
    let tenant = tx.tenants().by_id(agent.tenant_id)?;
    let tenant = tenant.ok_or_else(invalid_token)?;
    tenant_is_open(tenant.standing(now, expiry_grace))?;
    let client = tx.tenant(tenant.id).clients().by_id(agent.id)?;
    let client = client.filter(|client| client::is_current(client, agent.generation, now));
    if tx.is_denied(&agent.token_id)? {
        return Err(invalid_token());
    }
    Ok((tenant, client.ok_or_else(invalid_token)?))
}

/// Tenant and user as the transaction sees them, or the refusal.
///
/// # Errors
/// Those of the store; the refusals stand within: `tenant_suspended`, `subscription_ended`,
/// `session_revoked` and whatever else ended the session.
pub(super) fn look(
    tx: &dyn ReadTx,
    who: Who,
    now: Time,
    expiry_grace: Duration,
) -> Result<Result<(Tenant, User), Error>, StoreError> {
    let revoked = || Ok(Err(ended(EndReason::Revoked)));
    let Some(tenant) = tx.tenants().by_id(who.tenant)? else {
        return revoked();
    };
    if let Err(closed) = tenant_is_open(tenant.standing(now, expiry_grace)) {
        return Ok(Err(closed));
    }
    let rows = tx.tenant(who.tenant);
    if let Some(id) = who.session {
        match rows.sessions().by_id(id)?.map(|session| session.ended) {
            None => return revoked(),
            Some(Some((_, reason))) => return Ok(Err(ended(reason))),
            Some(None) => {}
        }
    }
    match rows.users().by_id(who.user)? {
        Some(user) if user.status != UserStatus::Disabled => Ok(Ok((tenant, user))),
        _ => revoked(),
    }
}
