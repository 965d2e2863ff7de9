//! Who acts: every use case takes one of these first.

use std::net::IpAddr;
use std::sync::Arc;

use common::call::Socket;
use common::error::ErrorCode;
use common::id::{RequestId, SessionId, TenantId, UserId};
use common::time::Time;
use domain::audit::Actor;
use domain::client::{ClientScope, ServiceClient};
use domain::rights::Access;
use domain::setting::Effective;
use domain::tenant::Tenant;
use store::Claim;

use crate::app::Error;

/// A request over HTTP, whoever sent it.
#[derive(Debug, Clone)]
pub struct Client {
    /// Address of the client, after trusted proxies.
    pub ip: IpAddr,
    /// Whether the address budget of failed logins applies: not to a private peer that sends
    /// forwarding headers while no proxy is trusted (rule 7).
    pub has_own_address: bool,
    /// The request's own id.
    pub request_id: RequestId,
    /// The race between the request's deadline and its writes.
    pub claim: Claim,
}

/// A service client that proved itself by its secret.
#[derive(Debug, Clone)]
pub struct ServiceCaller {
    /// The request.
    pub client: Client,
    /// The client.
    pub service: ServiceClient,
    /// Its tenant, open.
    pub tenant: Tenant,
    /// What holds for that tenant.
    pub settings: Effective,
}

impl ServiceCaller {
    /// Whether it may ask for this.
    ///
    /// # Errors
    /// `permission_denied`.
    pub fn may(&self, scope: ClientScope) -> Result<(), Error> {
        if self.service.has(scope) {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::PermissionDenied,
            format!("the client does not have the scope {scope}"),
        ))
    }
}

/// A user who proved a session by its access token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The request.
    pub client: Client,
    /// The user.
    pub user_id: UserId,
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// The session.
    pub session_id: SessionId,
    /// When the password was checked.
    pub auth_time: Time,
    /// Whether the user may do everything within the tenant.
    pub is_tenant_admin: bool,
    /// What the user's roles and the flag come to.
    pub access: Arc<Access>,
}

/// An administrator at one of the sockets.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Who, for the audit log.
    pub actor: Actor,
    /// The door; what it may show depends on it.
    pub socket: Socket,
    /// The request's own id.
    pub request_id: RequestId,
    /// The race between the request's deadline and its writes.
    pub claim: Claim,
}

impl Operator {
    /// Whether the change is to be rehearsed and undone. Every write under [`Operator::claim`] is
    /// undone by the store then; a change that does more than write must look here before it does.
    pub fn is_rehearsal(&self) -> bool {
        self.claim.is_rehearsal()
    }
}
