//! Caches: verified tokens and session state; they may be lost at any moment.
//! They never grant by themselves: the state decides, and its deadlines are asked at every use.
//!
//! An entry is served only while the versions of its scopes are those of before its load began. A
//! commit that may lessen access raises versions before it is answered, so what was loaded before
//! it, or while it was under way, is not served after its answer (rule 11). Where others change the same
//! database, entries are served under a lease alone: the follower has read their log a moment ago.

mod activity;
mod beside;
mod bus;
mod denied;
mod follower;
mod lease;
mod marks;
mod memory;
#[cfg(feature = "redis")]
pub mod redis;
mod shared;
mod versions;

use std::any::Any;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use common::id::{ClientId, SessionId, TenantId, UserId};
use common::time::Time;
use domain::client::ServiceClient;
use domain::rights::Access;
use domain::session::Session;
use domain::setting::{Effective, TenantSettings};
use domain::tenant::Tenant;
use domain::token::AccessClaims;
use domain::user::UserStatus;
use store::CommitListener;
use tokio::sync::watch;

use crate::crypto::VerifiedToken;

pub use activity::Activity;
pub use beside::{Awaited, Beside, Connection, Envelope, Name, VALUE_LIMIT};
pub use bus::{Bus, Notice};
pub(crate) use denied::DENIED_LIMIT;
pub use denied::Listed;
pub use follower::{Follower, Following, Place, Taken};
pub use lease::{LEASE, Lease, Moment};
pub use memory::MemoryCache;
pub use versions::{ClientTicket, Ticket, TokenTicket};

/// Names a state: a session as a token claims it. All three must be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateKey {
    /// Tenant.
    pub tenant: TenantId,
    /// User.
    pub user: UserId,
    /// Session.
    pub session: SessionId,
}

impl StateKey {
    /// What a token claims.
    pub const fn of(claims: &AccessClaims) -> Self {
        Self {
            tenant: claims.tid,
            user: claims.sub,
            session: claims.sid,
        }
    }
}

/// All that decides on a request of a session, as it was in one snapshot.
#[derive(Debug)]
pub struct SessionState {
    /// The session, ended or not.
    pub session: Session,
    /// Where its user stands.
    pub user_status: UserStatus,
    /// Whether its user may do everything within the tenant.
    pub is_tenant_admin: bool,
    /// What its user's roles come to; shared with others of the same roles.
    pub access: Arc<Access>,
    /// The user's tenant.
    pub tenant: Tenant,
    /// What holds for that tenant; shared with others of it.
    pub settings: Effective,
    last_active: AtomicI64,
}

impl SessionState {
    /// Takes what one snapshot said.
    pub fn new(
        session: Session,
        user_status: UserStatus,
        is_tenant_admin: bool,
        access: Arc<Access>,
        tenant: Tenant,
        settings: Effective,
    ) -> Self {
        let last_active = AtomicI64::new(session.last_active_at.millis());
        Self {
            session,
            user_status,
            is_tenant_admin,
            access,
            tenant,
            settings,
            last_active,
        }
    }

    /// Last use, as far as this state has heard.
    pub fn last_active(&self) -> Time {
        Time::from_millis(self.last_active.load(Ordering::Relaxed))
    }

    /// Hears of a use; an earlier one than known changes nothing.
    pub fn touched(&self, at: Time) {
        self.last_active.fetch_max(at.millis(), Ordering::Relaxed);
    }

    /// The name that it is kept under.
    pub const fn key(&self) -> StateKey {
        StateKey {
            tenant: self.session.tenant_id,
            user: self.session.user_id,
            session: self.session.id,
        }
    }
}

/// A verified token with the state of its session, found together.
#[derive(Debug)]
pub struct Remembered {
    /// The token.
    pub token: Arc<VerifiedToken>,
    /// The state.
    pub state: Arc<SessionState>,
    shown: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Remembered {
    pub(crate) const fn new(token: Arc<VerifiedToken>, state: Arc<SessionState>) -> Self {
        Self {
            token,
            state,
            shown: OnceLock::new(),
        }
    }

    /// What somebody made of the two, kept with them and gone with them. One kind of thing is kept:
    /// none for a second kind.
    pub fn shown<T: Any + Send + Sync>(&self, make: impl FnOnce(&Self) -> T) -> Option<&T> {
        self.shown
            .get_or_init(|| Box::new(make(self)))
            .downcast_ref()
    }
}

/// All that decides on a request of a service client, as it was in one snapshot.
#[derive(Debug)]
pub struct ClientState {
    /// The client.
    pub client: ServiceClient,
    /// What its roles come to.
    pub access: Arc<Access>,
    /// Its tenant.
    pub tenant: Tenant,
    /// What holds for that tenant.
    pub settings: Effective,
}

/// How much a cache holds, and how often that helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Entries held, states and tokens together.
    pub entries: u64,
    /// Look-ups answered.
    pub hits: u64,
    /// Look-ups that went to the database or to a signature.
    pub misses: u64,
    /// What commits outdated.
    pub outdated: Outdated,
}

/// How often commits outdated what is kept of whom: each may have lessened somebody's access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outdated {
    /// Everything, or all tokens.
    pub all: u64,
    /// All of a tenant.
    pub tenants: u64,
    /// All of a user.
    pub users: u64,
    /// One session.
    pub sessions: u64,
}

/// What may be remembered between requests, whichever kind of cache it is.
pub trait Cache: CommitListener {
    /// A state that no commit has outdated. What time alone ends is the caller's to check.
    fn state(&self, key: &StateKey) -> Option<Arc<SessionState>>;
    /// Must be taken before the snapshot that the state is read from.
    fn ticket(&self, key: &StateKey) -> Ticket;
    /// Keeps a state, unless something was committed for it since the ticket.
    fn put_state(&self, ticket: Ticket, state: Arc<SessionState>);
    /// A service client that no commit has outdated; a change of one outdates all of its tenant.
    fn client(&self, tenant: TenantId, id: ClientId) -> Option<Arc<ClientState>>;
    /// Must be taken before the snapshot that the client is read from.
    fn client_ticket(&self, tenant: TenantId) -> ClientTicket;
    /// Keeps a service client, unless something was committed for its tenant since the ticket.
    fn put_client(&self, ticket: ClientTicket, state: Arc<ClientState>);
    /// Moves on with every commit that may have lessened access.
    fn commits(&self) -> watch::Receiver<u64>;
    /// The one copy of what roles come to: those of a role share it, and a session costs a pointer.
    fn share(&self, access: Access) -> Arc<Access>;
    /// The one copy of a tenant's settings, in the same way.
    fn share_settings(&self, settings: TenantSettings) -> Arc<TenantSettings>;
    /// A token whose signature has been verified, by its SHA-256. Its period is the caller's to
    /// check, and it grants nothing without its session's state.
    fn token(&self, hash: &[u8; 32]) -> Option<Arc<VerifiedToken>>;
    /// A verified token and a state of its session that `fits`, both as [`Cache::token`] and
    /// [`Cache::state`] give them. What is not there is counted by those who ask for it next.
    fn recall(
        &self,
        hash: &[u8; 32],
        fits: &dyn Fn(&SessionState) -> bool,
    ) -> Option<Arc<Remembered>>;
    /// A state as [`Cache::state`] gives it, with the ticket that it was put under; not counted.
    fn glance(&self, key: &StateKey) -> Option<(Ticket, Arc<SessionState>)>;
    /// Keeps a token that was verified after its ticket was taken, with a state that was glanced at
    /// before, as [`Cache::recall`] finds both; none where either is outdated by now.
    fn introduce(
        &self,
        ticket: TokenTicket,
        hash: [u8; 32],
        token: Arc<VerifiedToken>,
        state: (Ticket, Arc<SessionState>),
    ) -> Option<Arc<Remembered>>;
    /// Whether a token was denied by its id, as far as the list is kept here.
    fn listed(&self, jti: &str) -> Listed;
    /// Keeps the list of denied ids, all or its first `DENIED_LIMIT`, that was read after its ticket
    /// was taken.
    fn put_denied(&self, ticket: TokenTicket, ids: Vec<String>);
    /// Must be taken before the keys that the token is verified with.
    fn token_ticket(&self) -> TokenTicket;
    /// Keeps a verified token, unless everything was forgotten since the ticket.
    fn put_token(&self, ticket: TokenTicket, hash: [u8; 32], token: Arc<VerifiedToken>);
    /// Forgets everything, also what is being loaded now: a signing key has ended.
    fn flush(&self);
    /// Counts.
    fn stats(&self) -> CacheStats;
}

#[cfg(test)]
mod contract;
