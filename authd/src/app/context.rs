//! Who acts: every use case takes one of these first.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use common::call::Socket;
use common::error::ErrorCode;
use common::id::{ClientId, RequestId, SessionId, TenantId, UserId};
use common::time::Time;
use domain::audit::Actor;
use domain::client::{ClientScope, ServiceClient};
use domain::permission::Permission;
use domain::rights::Access;
use domain::setting::Effective;
use domain::tenant::Tenant;
use store::Claim;

use crate::app::Error;
use crate::app::permit::missing_permission;

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
    /// The id that the caller gave the request, if it is one that may be repeated.
    pub correlation_id: Option<Arc<str>>,
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

/// A service client that proved itself by a token of its own: its roles, and no user behind it.
#[derive(Debug, Clone)]
pub struct ServiceAgent {
    /// The request.
    pub client: Client,
    /// The client.
    pub id: ClientId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// The token's id, by which it may be denied.
    pub token_id: String,
    /// The client's generation that the token is of.
    pub generation: i64,
    /// What its roles come to.
    pub access: Arc<Access>,
}

/// Whoever proved an access token, and may hold permissions.
#[derive(Debug, Clone)]
pub enum Agent {
    /// A user, by a session.
    User(Caller),
    /// A service client.
    Client(ServiceAgent),
}

impl Agent {
    /// The request.
    pub const fn request(&self) -> &Client {
        match self {
            Self::User(caller) => &caller.client,
            Self::Client(agent) => &agent.client,
        }
    }

    /// Its own tenant.
    pub const fn tenant_id(&self) -> TenantId {
        match self {
            Self::User(caller) => caller.tenant_id,
            Self::Client(agent) => agent.tenant_id,
        }
    }

    /// What it may do.
    pub fn access(&self) -> &Arc<Access> {
        match self {
            Self::User(caller) => &caller.access,
            Self::Client(agent) => &agent.access,
        }
    }

    /// The bytes of its id; no two of whatever kind share them.
    pub const fn id_bytes(&self) -> &[u8; 16] {
        match self {
            Self::User(caller) => caller.user_id.as_bytes(),
            Self::Client(agent) => agent.id.as_bytes(),
        }
    }

    /// Refuses who proved a password too long ago for an act of rule 14, however fresh the token. A
    /// service client has no password to prove: what needs that is a person's to do.
    ///
    /// # Errors
    /// `reauthentication_required`; `permission_denied` for a service client.
    pub(super) fn is_fresh(&self, now: Time) -> Result<(), Error> {
        match self {
            Self::User(caller) => fresh(caller.auth_time, now),
            Self::Client(_) => Err(Error::new(
                ErrorCode::PermissionDenied,
                "this needs a person who signed in just now; a service client cannot do it",
            )),
        }
    }
}

/// Somebody who administers a tenant by permissions, a user or a service client. It is made by
/// [`crate::app::administer::enter`] alone, which has checked what the route needs; each write checks it
/// again.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Who, and the request.
    pub agent: Agent,
    /// The tenant that is administered: the agent's own, or another one for users of `system`.
    pub tenant_id: TenantId,
    /// What the act needs: the route's permission, and one on tenants where the tenant is another.
    pub needs: Vec<Permission>,
}

impl Administrator {
    /// Whether a permission is held; for what is shown.
    pub fn may(&self, permission: &str) -> bool {
        permission
            .parse()
            .is_ok_and(|permission| self.agent.access().rights.allows(&permission))
    }

    /// Whether the act is on tenants, subscriptions or system roles: its permission exists in `system`
    /// only, and reaches objects of any tenant.
    pub fn is_wide(&self) -> bool {
        self.needs.first().is_some_and(Permission::is_system_only)
    }

    /// The same with one permission more that the act needs, here and in its transaction.
    ///
    /// # Errors
    /// `permission_denied`.
    pub fn also(&self, permission: &str) -> Result<Self, Error> {
        let needed: Permission = permission.parse().map_err(Error::internal)?;
        if !self.agent.access().rights.allows(&needed) {
            return Err(missing_permission(permission));
        }
        let mut administrator = self.clone();
        administrator.needs.push(needed);
        Ok(administrator)
    }

    fn actor(&self) -> Actor {
        let home = self.agent.tenant_id();
        let (user_id, client_id) = match &self.agent {
            Agent::User(caller) => (Some(caller.user_id), None),
            Agent::Client(agent) => (None, Some(agent.id)),
        };
        Actor {
            channel: "api".to_owned(),
            user_id,
            client_id,
            tenant_id: (home != self.tenant_id).then_some(home),
            ..Actor::default()
        }
    }
}

/// Whoever administers, through whichever door: the one thing that administrative use cases take.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// A peer of a socket, with the rights that the file system gives.
    Operator(&'a Operator),
    /// A signed-in user or a service client, with permissions in one tenant.
    Administrator(&'a Administrator),
}

impl<'a> From<&'a Operator> for By<'a> {
    fn from(operator: &'a Operator) -> Self {
        Self::Operator(operator)
    }
}

impl<'a> From<&'a Administrator> for By<'a> {
    fn from(administrator: &'a Administrator) -> Self {
        Self::Administrator(administrator)
    }
}

/// Which tenants somebody reaches: what lies outside is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    Everywhere,
    /// All of them but `system`, and no user who may do everything in a tenant: the helpdesk's.
    Shielded,
    /// One.
    Within(TenantId),
}

impl By<'_> {
    /// Who, for the audit log.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Operator(operator) => operator.actor.clone(),
            Self::Administrator(administrator) => administrator.actor(),
        }
    }

    /// The race between the request's deadline and its writes.
    pub fn claim(&self) -> Claim {
        match self {
            Self::Operator(operator) => operator.claim.clone(),
            Self::Administrator(administrator) => administrator.agent.request().claim.clone(),
        }
    }

    /// Which tenants are reached.
    pub fn reach(&self) -> Reach {
        match self {
            Self::Operator(operator) if operator.socket == Socket::Helpdesk => Reach::Shielded,
            Self::Operator(_) => Reach::Everywhere,
            Self::Administrator(administrator) => Reach::Within(administrator.tenant_id),
        }
    }

    /// The administrator; none for an operator.
    pub const fn administrator(&self) -> Option<&Administrator> {
        match self {
            Self::Operator(_) => None,
            Self::Administrator(administrator) => Some(administrator),
        }
    }

    /// Refuses who proved a password too long ago for an act of rule 14, however fresh the token.
    ///
    /// # Errors
    /// `reauthentication_required`; `permission_denied` for a service client, which has none.
    pub fn is_fresh(&self, now: Time) -> Result<(), Error> {
        match self {
            Self::Operator(_) => Ok(()),
            Self::Administrator(administrator) => administrator.agent.is_fresh(now),
        }
    }
}

/// Longest time since the password was proved for what needs it fresh (rule 14).
pub const FRESH: Duration = Duration::from_mins(15);

/// Refuses a password that was proved too long ago for an act of rule 14.
///
/// # Errors
/// `reauthentication_required`.
fn fresh(auth_time: Time, now: Time) -> Result<(), Error> {
    if now <= auth_time.plus(FRESH) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::ReauthenticationRequired,
        "this needs a sign-in within the last 15 minutes; sign in anew and repeat it",
    ))
}
