//! Service clients: programs of one tenant with a secret of their own. A client acts in its tenant
//! alone; what it may ask of authd are its scopes, what it may do elsewhere are its roles.

use std::fmt;
use std::time::Duration;

use common::id::{ClientId, TenantId};
use common::time::Time;

use crate::role::RoleName;

/// Most clients of one tenant.
pub const CLIENT_LIMIT: u32 = 100;
/// Secrets that are good side by side, so that one can follow the other without a pause.
pub const SECRETS_LIMIT: usize = 2;
/// How long a token of a client lives at most.
pub const TOKEN_TTL: Duration = Duration::from_mins(10);
/// Longest name, in code points.
pub const NAME_LIMIT: usize = 100;

/// What a client may ask of authd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientScope {
    /// To be told about tokens (RFC 7662).
    Introspect,
    /// To follow the feed of revocations.
    Revocations,
    /// To revoke tokens (RFC 7009).
    Revoke,
}

impl ClientScope {
    /// All of them, sorted by name.
    pub const ALL: [Self; 3] = [Self::Introspect, Self::Revocations, Self::Revoke];

    /// The name, as it is spelt everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Introspect => "introspect",
            Self::Revocations => "revocations",
            Self::Revoke => "revoke",
        }
    }

    /// Reads a name; one spelling each.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// The permission that somebody must hold to give this scope to a client (rule 18): a client may
    /// do no more to sessions than who made it.
    pub const fn grantable_by(self) -> &'static str {
        match self {
            Self::Introspect | Self::Revocations => "sessions:view",
            Self::Revoke => "sessions:delete",
        }
    }
}

impl fmt::Display for ClientScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A secret of a client as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSecretRow {
    /// The highest is the newest, whatever the clock said.
    pub number: u32,
    /// SHA-256 of 256 random bits.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Time,
}

/// A service client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceClient {
    /// `cli_…`
    pub id: ClientId,
    /// The tenant that it acts in.
    pub tenant_id: TenantId,
    /// For people; unique in its tenant.
    pub name: String,
    /// What it may ask, sorted.
    pub scopes: Vec<ClientScope>,
    /// Roles held, sorted.
    pub roles: Vec<RoleName>,
    /// Secrets that are good, the newest first; none where a restore ended them.
    pub secrets: Vec<ClientSecretRow>,
    /// Tokens of another generation are void.
    pub generation: i64,
    /// From when on it is dead.
    pub expires_at: Option<Time>,
    /// Last use, as far as the disk knows.
    pub last_used_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl ServiceClient {
    /// Whether its time is over.
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it may ask for this.
    pub fn has(&self, scope: ClientScope) -> bool {
        self.scopes.contains(&scope)
    }

    /// How long a token lives that is made now: not beyond the client itself.
    pub fn token_ttl(&self, now: Time) -> Duration {
        self.expires_at
            .map_or(TOKEN_TTL, |end| end.since(now).min(TOKEN_TTL))
    }

    /// The secrets after one more was made: the newest before it stays beside it, unless all are to
    /// end. With them the generation that follows, where a secret ended: it never stands still then,
    /// and never goes back, whatever the clock does.
    pub fn rotated(&self, hash: [u8; 32], now: Time, ends_all: bool) -> Rotated {
        let stay = if ends_all {
            0
        } else {
            SECRETS_LIMIT.saturating_sub(1)
        };
        let newest = self.secrets.first().map_or(0, |secret| secret.number);
        let added = ClientSecretRow {
            number: newest.saturating_add(1),
            hash,
            created_at: now,
        };
        // Without any, all were ended: by a restore, or with the tenant.
        let has_ended = self.secrets.len() > stay || self.secrets.is_empty();
        let kept = self.secrets.iter().copied().take(stay);
        Rotated {
            secrets: std::iter::once(added).chain(kept).collect(),
            generation: has_ended.then(|| self.next_generation(now)),
        }
    }

    /// The generation that voids all tokens of the present one.
    pub fn next_generation(&self, now: Time) -> i64 {
        now.millis().max(self.generation.saturating_add(1))
    }
}

/// What a rotation makes of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Its secrets from now on, the newest first.
    pub secrets: Vec<ClientSecretRow>,
    /// Its next generation, where a secret ended: tokens that it may have fetched are void.
    pub generation: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(hashes: &[u8]) -> ServiceClient {
        let at = Time::from_millis(1_800_000_000_000);
        ServiceClient {
            id: ClientId::from_bytes([1; 16]),
            tenant_id: TenantId::from_bytes([2; 16]),
            name: "billing".to_owned(),
            scopes: vec![ClientScope::Revoke],
            roles: Vec::new(),
            secrets: hashes
                .iter()
                .map(|n| ClientSecretRow {
                    number: u32::from(*n),
                    hash: [*n; 32],
                    created_at: at,
                })
                .collect(),
            generation: at.millis(),
            expires_at: None,
            last_used_at: None,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn v10_4_10_two_secrets_side_by_side_and_the_oldest_ends_with_its_tokens() {
        let now = Time::from_millis(1_800_000_000_000);
        for (before, ends_all, after, voids) in [
            // Whoever lost all secrets gets no token back by a new one (rule 19).
            (&[][..], false, &[9][..], true),
            (&[1], false, &[9, 1], false),
            (&[2, 1], false, &[9, 2], true),
            (&[1], true, &[9], true),
            (&[2, 1], true, &[9], true),
            (&[], true, &[9], true),
        ] {
            let rotated = client(before).rotated([9; 32], now, ends_all);
            let hashes: Vec<u8> = rotated.secrets.iter().map(|s| s.hash[0]).collect();
            assert_eq!(hashes, after, "{before:?} {ends_all}");
            assert_eq!(rotated.generation.is_some(), voids, "{before:?} {ends_all}");
            assert!(rotated.secrets.is_sorted_by(|a, b| a.number > b.number));
        }
        // A clock that stands or goes back voids all the same.
        let back = Time::from_millis(5);
        let rotated = client(&[2, 1]).rotated([9; 32], back, false);
        assert_eq!(rotated.generation, Some(1_800_000_000_001));
    }

    #[test]
    fn a79_a_token_does_not_outlive_its_client() {
        let now = Time::from_millis(1_800_000_000_000);
        let mut mortal = client(&[1]);
        assert_eq!(mortal.token_ttl(now), TOKEN_TTL);
        mortal.expires_at = Some(now.plus(Duration::from_secs(90)));
        assert_eq!(mortal.token_ttl(now), Duration::from_secs(90));
        assert!(!mortal.is_expired(now));
        mortal.expires_at = Some(now);
        assert!(mortal.is_expired(now));
        assert_eq!(mortal.token_ttl(now), Duration::ZERO);
    }

    #[test]
    fn a79_scopes_have_one_spelling_and_a_permission_that_exists() {
        for scope in ClientScope::ALL {
            assert_eq!(ClientScope::from_name(scope.as_str()), Some(scope));
            assert!(crate::permission::BUILT_IN.contains(&scope.grantable_by()));
        }
        for other in ["", "Introspect", "introspect ", "*", "all"] {
            assert_eq!(ClientScope::from_name(other), None, "{other}");
        }
        assert!(ClientScope::ALL.is_sorted_by_key(|scope| scope.as_str()));
    }
}
