//! What a change invalidates, and the one form in which it is written down: a number for the kind and
//! the id's sixteen bytes. The log in the database and what travels between nodes both use it.

use common::id::{SessionId, TenantId, UserId};

/// What a commit may have taken rights from; caches forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything.
    Global,
    /// All verified tokens: a token or a key was denied.
    Tokens,
    /// All of a tenant, its service clients too.
    Tenant(TenantId),
    /// All of a user.
    User(UserId),
    /// One session.
    Session(SessionId),
}

impl Scope {
    /// The kind's number and the id; numbers are never given anew.
    pub const fn to_parts(&self) -> (u8, Option<&[u8; 16]>) {
        match self {
            Self::Global => (1, None),
            Self::Tokens => (2, None),
            Self::Tenant(id) => (3, Some(id.as_bytes())),
            Self::User(id) => (4, Some(id.as_bytes())),
            Self::Session(id) => (5, Some(id.as_bytes())),
        }
    }

    /// Reads what [`Scope::to_parts`] gave; none if it is something else.
    pub const fn from_parts(kind: u8, id: Option<[u8; 16]>) -> Option<Self> {
        match (kind, id) {
            (1, None) => Some(Self::Global),
            (2, None) => Some(Self::Tokens),
            (3, Some(id)) => Some(Self::Tenant(TenantId::from_bytes(id))),
            (4, Some(id)) => Some(Self::User(UserId::from_bytes(id))),
            (5, Some(id)) => Some(Self::Session(SessionId::from_bytes(id))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_survives_its_parts_and_nothing_else_is_read() {
        let id = [7; 16];
        for scope in [
            Scope::Global,
            Scope::Tokens,
            Scope::Tenant(TenantId::from_bytes(id)),
            Scope::User(UserId::from_bytes(id)),
            Scope::Session(SessionId::from_bytes(id)),
        ] {
            let (kind, id) = scope.to_parts();
            assert_eq!(Scope::from_parts(kind, id.copied()), Some(scope));
            let other = if id.is_some() { None } else { Some([7; 16]) };
            assert_eq!(Scope::from_parts(kind, other), None, "{scope:?}");
        }
        for kind in [0, 6, u8::MAX] {
            assert_eq!(Scope::from_parts(kind, None), None);
            assert_eq!(Scope::from_parts(kind, Some(id)), None);
        }
    }
}
