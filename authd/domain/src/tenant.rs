//! Tenants: slugs, and whether a tenant may be used at a given moment (rules 15 and 16).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use common::id::TenantId;
use common::time::Time;
pub use common::view::TenantStatus;

/// Slug of the built-in tenant that owns the installation.
pub const SYSTEM: &str = "system";

/// Longest name for people, in code points.
pub const NAME_LIMIT: usize = 120;
/// Form of a slug (JSON Schema, ECMA-262).
pub const SLUG_PATTERN: &str = "^[a-z][a-z0-9-]{0,61}[a-z0-9]$";

/// A tenant's name in requests: `[a-z][a-z0-9-]{1,62}`, not ending in a hyphen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

/// Why a text is no slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 2 to 63 characters of a-z, 0-9 and -, the first a letter, the last no hyphen")]
pub struct InvalidSlug;

impl Slug {
    /// The built-in tenant's slug.
    pub fn system() -> Self {
        Self(SYSTEM.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the built-in tenant's.
    pub fn is_system(&self) -> bool {
        self.0 == SYSTEM
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        let fits = (2..=63).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSlug)
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// `ten_…`
    pub id: TenantId,
    /// Never given twice, also not after deletion.
    pub slug: Slug,
    /// Name for people.
    pub name: String,
    /// Whether the operator closed it.
    pub status: TenantStatus,
    /// IANA name.
    pub time_zone: String,
    /// Label of the plan.
    pub plan: String,
    /// Last moment of the subscription, before the grace.
    pub ends_at: Option<Time>,
    /// Most users that are not deleted.
    pub max_users: Option<u32>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What a tenant's state means for its users at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In use.
    Active,
    /// The subscription has ended and the grace runs.
    Grace,
    /// The subscription and its grace have ended.
    Ended,
    /// Closed by the operator.
    Suspended,
}

impl Tenant {
    /// What the tenant's state means at `now`; `system` never ends and is never suspended.
    pub fn standing(&self, now: Time, grace: Duration) -> Standing {
        if self.slug.is_system() {
            return Standing::Active;
        }
        if self.status == TenantStatus::Suspended {
            return Standing::Suspended;
        }
        match self.ends_at {
            Some(end) if now > end.plus(grace) => Standing::Ended,
            Some(end) if now > end => Standing::Grace,
            _ => Standing::Active,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(slug: &str, ends_at: Option<Time>) -> Tenant {
        Tenant {
            id: TenantId::from_bytes([7; 16]),
            slug: slug.parse().unwrap(),
            name: "Acme".to_owned(),
            status: TenantStatus::Active,
            time_zone: "UTC".to_owned(),
            plan: "free".to_owned(),
            ends_at,
            max_users: None,
            created_at: Time::default(),
            updated_at: Time::default(),
        }
    }

    #[test]
    fn slugs_have_one_spelling() {
        for good in ["acme", "a1", "acme-hotels", "system"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "Acme",
            "1a",
            "-a",
            "a-",
            "a_b",
            "a b",
            "ä1",
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subscription_ends_after_its_grace_but_never_that_of_system() {
        let day = Duration::from_secs(86_400);
        let end = Time::from_millis(1_000_000);
        let acme = tenant("acme", Some(end));
        assert_eq!(acme.standing(end, day), Standing::Active);
        assert_eq!(acme.standing(end.plus(day), day), Standing::Grace);
        assert_eq!(
            acme.standing(end.plus(day).plus(Duration::from_millis(1)), day),
            Standing::Ended
        );
        assert_eq!(
            tenant("system", Some(end)).standing(end.plus(2 * day), day),
            Standing::Active
        );
    }
}
