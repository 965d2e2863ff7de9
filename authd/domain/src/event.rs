//! Events: what revokes, which whoever checks tokens without asking must no longer accept (rule 11), and
//! what else the operator is told as it happens.

use common::id::{AuditId, ClientId, KeyId, SessionId, TenantId, UserId};
use common::time::Time;
use serde::Serialize;

use crate::lockout::CounterKey;

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// All tokens of a session.
    Session(SessionId),
    /// One token, by its id.
    Token(String),
    /// All tokens of a user that were made so far.
    User(UserId),
    /// All tokens of a service client that were made so far.
    Client(ClientId),
    /// All tokens of a tenant that were made so far.
    Tenant(TenantId),
    /// All tokens that a key signed.
    Key(KeyId),
}

/// A revocation in its place in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its number; a later commit has a higher one.
    pub number: u64,
    /// When it happened.
    pub at: Time,
    /// What is revoked.
    pub what: Revoked,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Something was revoked.
    Revocation(Revoked),
    /// A change of which the audit log has a row.
    Change(AuditId),
    /// A name is locked by failures.
    Lockout(CounterKey),
}

/// An event as the operator is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Its number; a later commit has a higher one.
    pub number: u64,
    /// When it happened.
    pub at: Time,
    /// The tenant that it belongs to.
    pub tenant: Option<TenantId>,
    /// What.
    pub what: Happened,
    /// The user that it is about, or that owns what it is about.
    pub user: Option<UserId>,
    /// Where the last failure of a locked name came from, if none came since.
    pub ip: Option<String>,
}

/// `typ` of a page of the feed.
pub const FEED_TYP: &str = "revocations+jwt";
/// Seconds that a page is good for: it is read at once or fetched again.
pub const FEED_SECONDS: i64 = 60;

/// A revocation as the feed tells it: which claim of a token to look at, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FeedItem {
    /// Tokens with this `sid`.
    Session {
        /// Place in the feed.
        number: u64,
        /// The session.
        sid: SessionId,
    },
    /// The token with this `jti`.
    Jti {
        /// Place in the feed.
        number: u64,
        /// The token.
        jti: String,
    },
    /// Tokens with this `sub`, a user or a service client, and an `iat` before `not_before`.
    User {
        /// Place in the feed.
        number: u64,
        /// The subject.
        sub: String,
        /// Seconds since 1970.
        not_before: i64,
    },
    /// Tokens with this `tid` and an `iat` before `not_before`.
    Tenant {
        /// Place in the feed.
        number: u64,
        /// The tenant.
        tid: TenantId,
        /// Seconds since 1970.
        not_before: i64,
    },
    /// Tokens whose header has this `kid`.
    Key {
        /// Place in the feed.
        number: u64,
        /// The key.
        kid: KeyId,
    },
}

impl From<&Revocation> for FeedItem {
    fn from(event: &Revocation) -> Self {
        let number = event.number;
        // `iat` has whole seconds: whatever was made in this one may have been made before.
        let not_before = event.at.seconds().saturating_add(1);
        let subject = |sub: String| Self::User {
            number,
            sub,
            not_before,
        };
        match &event.what {
            Revoked::Session(sid) => Self::Session { number, sid: *sid },
            Revoked::Token(jti) => Self::Jti {
                number,
                jti: jti.clone(),
            },
            Revoked::User(id) => subject(id.to_string()),
            Revoked::Client(id) => subject(id.to_string()),
            Revoked::Tenant(tid) => Self::Tenant {
                number,
                tid: *tid,
                not_before,
            },
            Revoked::Key(kid) => Self::Key { number, kid: *kid },
        }
    }
}

/// Claims of a page of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedClaims {
    /// Issuer.
    pub iss: String,
    /// Audience: the client that asked, and nobody else.
    pub aud: ClientId,
    /// The client's tenant.
    pub tid: TenantId,
    /// Issued at.
    pub iat: i64,
    /// Expires at: what is older may hide what came since.
    pub exp: i64,
    /// The number that was asked for.
    pub since: u64,
    /// The number to ask for next.
    pub upto: u64,
    /// What was revoked in between.
    pub items: Vec<FeedItem>,
}

/// From where to where the numbers go that can be given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// All up to this one may be gone.
    pub floor: u64,
    /// The last one that was given.
    pub head: u64,
}

impl Range {
    /// Whether all that came behind `since` is there.
    pub const fn covers(&self, since: u64) -> bool {
        self.floor <= since && since <= self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a79_what_is_too_old_or_ahead_is_a_gap() {
        let range = Range { floor: 5, head: 9 };
        for (since, covered) in [(0, false), (4, false), (5, true), (9, true), (10, false)] {
            assert_eq!(range.covers(since), covered, "{since}");
        }
        assert!(Range { floor: 0, head: 0 }.covers(0));
    }

    #[test]
    fn a79_each_kind_names_the_claim_to_look_at() {
        let told = |what: Revoked| {
            let at = Time::from_millis(1_800_000_000_001);
            let event = Revocation {
                number: 7,
                at,
                what,
            };
            serde_json::to_value(FeedItem::from(&event)).unwrap()
        };
        let until = 1_800_000_001;
        let user = UserId::from_bytes([1; 16]);
        let client = ClientId::from_bytes([2; 16]);
        let tenant = TenantId::from_bytes([3; 16]);
        let session = SessionId::from_bytes([4; 16]);
        let key = KeyId::from_bytes([5; 16]);
        for (what, item) in [
            (
                Revoked::Session(session),
                serde_json::json!({"kind": "session", "number": 7, "sid": session}),
            ),
            (
                Revoked::Token("x".to_owned()),
                serde_json::json!({"kind": "jti", "number": 7, "jti": "x"}),
            ),
            (
                Revoked::User(user),
                serde_json::json!({"kind": "user", "number": 7, "sub": user, "not_before": until}),
            ),
            (
                Revoked::Client(client),
                serde_json::json!({"kind": "user", "number": 7, "sub": client, "not_before": until}),
            ),
            (
                Revoked::Tenant(tenant),
                serde_json::json!({"kind": "tenant", "number": 7, "tid": tenant, "not_before": until}),
            ),
            (
                Revoked::Key(key),
                serde_json::json!({"kind": "key", "number": 7, "kid": key}),
            ),
        ] {
            assert_eq!(told(what), item);
        }
    }
}
