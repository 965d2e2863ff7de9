//! The log's last number of each scope, in tables of fixed size: what tells whether something that was
//! read when the log stood at a number is as good as now. Scopes in one slot share the higher number.

use std::sync::atomic::{AtomicU64, Ordering};

use store::Scope;

use super::versions::{SESSION_SLOTS, TENANT_SLOTS, USER_SLOTS, slot};

/// Last numbers. They only grow.
#[derive(Debug)]
pub(super) struct Marks {
    /// Nothing is known of what was logged up to here.
    floor: AtomicU64,
    global: AtomicU64,
    tokens: AtomicU64,
    tenants: Box<[AtomicU64]>,
    users: Box<[AtomicU64]>,
    sessions: Box<[AtomicU64]>,
}

impl Marks {
    pub(super) fn new() -> Self {
        let table = |slots| (0..slots).map(|_| AtomicU64::new(0)).collect();
        Self {
            // Until the log has been read, nothing is good.
            floor: AtomicU64::new(u64::MAX),
            global: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            tenants: table(TENANT_SLOTS),
            users: table(USER_SLOTS),
            sessions: table(SESSION_SLOTS),
        }
    }

    /// From now on nothing is known of what was logged up to a number.
    pub(super) fn begin_above(&self, number: u64) {
        self.floor.store(number, Ordering::SeqCst);
    }

    /// Takes an entry of the log.
    pub(super) fn raise(&self, scope: &Scope, number: u64) {
        self.of(scope).fetch_max(number, Ordering::SeqCst);
    }

    /// The highest number that took from any of these scopes, or may have.
    pub(super) fn latest(&self, scopes: &[Scope]) -> u64 {
        let of_scopes = scopes.iter().map(|scope| self.of(scope));
        of_scopes
            .chain([&self.floor, &self.global])
            .map(|mark| mark.load(Ordering::SeqCst))
            .max()
            .unwrap_or(u64::MAX)
    }

    fn of(&self, scope: &Scope) -> &AtomicU64 {
        let slot = match scope {
            Scope::Global => None,
            Scope::Tokens => Some(&self.tokens),
            Scope::Tenant(id) => slot(&self.tenants, *id),
            Scope::User(id) => slot(&self.users, *id),
            Scope::Session(id) => slot(&self.sessions, *id),
        };
        slot.unwrap_or(&self.global)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::{SessionId, TenantId, UserId};

    #[test]
    fn rule_11_what_is_older_than_an_entry_of_its_scopes_is_told() {
        let (tenant, user, session) = (
            Scope::Tenant(TenantId::from_bytes([1; 16])),
            Scope::User(UserId::from_bytes([1; 16])),
            Scope::Session(SessionId::from_bytes([1; 16])),
        );
        let own = [tenant, user, session, Scope::Tokens];
        let marks = Marks::new();
        assert_eq!(marks.latest(&own), u64::MAX, "nothing is good at first");
        marks.begin_above(5);
        assert_eq!(marks.latest(&own), 5);
        marks.raise(&Scope::User(UserId::from_bytes([2; 16])), 6);
        assert_eq!(marks.latest(&own), 5, "somebody else's");
        for (number, scope) in (7..).zip(own) {
            marks.raise(&scope, number);
            assert_eq!(marks.latest(&own), number);
            assert_eq!(marks.latest(&[scope]), number);
        }
        marks.raise(&tenant, 6);
        assert_eq!(marks.latest(&own), 10, "it only grows");
        marks.raise(&Scope::Global, 11);
        assert_eq!(marks.latest(&[]), 11);
    }
}
