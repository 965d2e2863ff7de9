//! Version numbers of scopes: what tells an outdated entry. They are kept in tables of fixed size;
//! two scopes in one slot only make each other's entries be loaded again.

use std::sync::atomic::{AtomicU64, Ordering};

use common::id::{Id, Kind, TenantId};
use store::Scope;

use super::StateKey;

pub(super) const TENANT_SLOTS: usize = 1 << 10;
pub(super) const USER_SLOTS: usize = 1 << 12;
pub(super) const SESSION_SLOTS: usize = 1 << 13;

/// The versions of a state's scopes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    key: StateKey,
    global: u64,
    tenant: u64,
    user: u64,
    session: u64,
}

impl Ticket {
    /// The state that it was taken for.
    pub const fn key(&self) -> &StateKey {
        &self.key
    }
}

/// The versions of a service client's scopes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientTicket {
    owner: TenantId,
    global: u64,
    tenant: u64,
}

impl ClientTicket {
    /// The tenant that it was taken for.
    pub const fn owner(&self) -> TenantId {
        self.owner
    }
}

/// The versions of a verified token's scopes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTicket {
    global: u64,
    tokens: u64,
}

/// All versions. They only grow, and 64 bits do not wrap.
#[derive(Debug)]
pub(super) struct Versions {
    global: AtomicU64,
    tokens: AtomicU64,
    tenants: Box<[AtomicU64]>,
    users: Box<[AtomicU64]>,
    sessions: Box<[AtomicU64]>,
}

impl Versions {
    pub(super) fn new() -> Self {
        let table = |slots| (0..slots).map(|_| AtomicU64::new(0)).collect();
        Self {
            global: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            tenants: table(TENANT_SLOTS),
            users: table(USER_SLOTS),
            sessions: table(SESSION_SLOTS),
        }
    }

    /// The present versions of a state's scopes.
    pub(super) fn ticket(&self, key: &StateKey) -> Ticket {
        Ticket {
            key: *key,
            global: self.global.load(Ordering::SeqCst),
            tenant: version(&self.tenants, key.tenant),
            user: version(&self.users, key.user),
            session: version(&self.sessions, key.session),
        }
    }

    /// Whether nothing was committed for the ticket's scopes since it was taken.
    pub(super) fn is_current(&self, ticket: &Ticket) -> bool {
        self.ticket(&ticket.key) == *ticket
    }

    /// The present versions of a service client's scopes.
    pub(super) fn client_ticket(&self, owner: TenantId) -> ClientTicket {
        ClientTicket {
            owner,
            global: self.global.load(Ordering::SeqCst),
            tenant: version(&self.tenants, owner),
        }
    }

    /// The present versions of a verified token's scopes.
    pub(super) fn token_ticket(&self) -> TokenTicket {
        TokenTicket {
            global: self.global.load(Ordering::SeqCst),
            tokens: self.tokens.load(Ordering::SeqCst),
        }
    }

    /// Outdates all entries of a scope.
    pub(super) fn raise(&self, scope: &Scope) {
        let slot = match scope {
            Scope::Global => Some(&self.global),
            Scope::Tokens => Some(&self.tokens),
            Scope::Tenant(id) => slot(&self.tenants, *id),
            Scope::User(id) => slot(&self.users, *id),
            Scope::Session(id) => slot(&self.sessions, *id),
        };
        // The tables are never empty, so there is a slot for every id; were there none, everything
        // would be outdated rather than nothing.
        slot.unwrap_or(&self.global).fetch_add(1, Ordering::SeqCst);
    }
}

fn version<K: Kind>(table: &[AtomicU64], id: Id<K>) -> u64 {
    slot(table, id).map_or(0, |slot| slot.load(Ordering::SeqCst))
}

/// The slot of an id, by the random half of its UUID.
pub(super) fn slot<K: Kind>(table: &[AtomicU64], id: Id<K>) -> Option<&AtomicU64> {
    let random = id.as_bytes().last_chunk::<8>()?;
    let slots = u64::try_from(table.len()).ok()?;
    let index = u64::from_be_bytes(*random).checked_rem(slots)?;
    table.get(usize::try_from(index).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::{SessionId, UserId};

    fn key(n: u8) -> StateKey {
        StateKey {
            tenant: TenantId::from_bytes([n; 16]),
            user: UserId::from_bytes([n; 16]),
            session: SessionId::from_bytes([n; 16]),
        }
    }

    #[test]
    fn a74_every_scope_of_a_ticket_outdates_it_and_no_other() {
        let own = key(1);
        for (scope, outdates) in [
            (Scope::Global, true),
            (Scope::Tokens, false),
            (Scope::Tenant(own.tenant), true),
            (Scope::User(own.user), true),
            (Scope::Session(own.session), true),
            (Scope::Tenant(key(2).tenant), false),
            (Scope::User(key(2).user), false),
            (Scope::Session(key(2).session), false),
        ] {
            let versions = Versions::new();
            let ticket = versions.ticket(&own);
            assert!(versions.is_current(&ticket));
            versions.raise(&scope);
            assert_eq!(versions.is_current(&ticket), !outdates, "{scope:?}");
            assert!(versions.is_current(&versions.ticket(&own)));
        }
    }

    #[test]
    fn a74_scopes_that_share_a_slot_outdate_each_other() {
        let versions = Versions::new();
        let mut bytes = [1; 16];
        // Only the random half selects the slot.
        bytes[0] = 9;
        let twin = SessionId::from_bytes(bytes);
        let ticket = versions.ticket(&key(1));
        versions.raise(&Scope::Session(twin));
        assert!(!versions.is_current(&ticket));
    }
}
