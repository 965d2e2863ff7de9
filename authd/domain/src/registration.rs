//! Registrations that wait for the owner of their address, and addresses that wait for theirs
//! (rules 21 and 25). Neither gives anybody a right before the link in its mail came back.

use common::email::Email;
use common::id::{TenantId, UserId};
use common::secret::Secret;
use common::time::Time;

use crate::user::{Address, Name};

/// Registrations of one address that may wait side by side; a further one replaces the oldest.
pub const SIDE_BY_SIDE: usize = 3;
/// Wrong passwords that end a registration.
pub const TRIES: u32 = 5;
/// The part of all places that one IPv4 address or IPv6 /64 may take.
const SHARE: u32 = 10;

/// Who may register with a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RegistrationPolicy {
    /// Whether anybody may.
    pub enabled: bool,
    /// Domains of the addresses that may; none for any.
    pub allowed_domains: Vec<String>,
    /// Most that may wait at one time.
    pub max_pending: u32,
}

impl RegistrationPolicy {
    /// Whether an address is of a domain that may register.
    pub fn allows(&self, email: &Email) -> bool {
        self.allowed_domains.is_empty()
            || self
                .allowed_domains
                .iter()
                .any(|domain| domain == email.domain())
    }

    /// Whether there is a place for one more beside those that wait.
    pub fn has_place(&self, waiting: Waiting) -> bool {
        let of_network = (self.max_pending / SHARE).max(1);
        waiting.of_tenant < self.max_pending && waiting.of_network < of_network
    }
}

/// How many registrations wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Of the tenant.
    pub of_tenant: u32,
    /// Of the tenant, from one IPv4 address or IPv6 /64.
    pub of_network: u32,
}

/// A registration that waits.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The id that its user will have.
    pub id: UserId,
    /// With whom.
    pub tenant_id: TenantId,
    /// Address that is to be proved.
    pub email: Email,
    /// Name of the person, as given.
    pub name: Name,
    /// E.164.
    pub phone: Option<String>,
    /// Postal address.
    pub address: Option<Address>,
    /// BCP 47 tag.
    pub locale: Option<String>,
    /// PHC string of the password that was chosen.
    pub hash: Secret<String>,
    /// IPv4 address or IPv6 /64 that it came from, as it is kept.
    pub network: String,
    /// Passwords that were tried with its token.
    pub tries: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it is over.
    pub expires_at: Time,
}

impl Registration {
    /// Whether it can still be completed.
    pub fn is_alive(&self, now: Time) -> bool {
        now < self.expires_at && self.tries < TRIES
    }
}

/// A user's new address that waits for its owner; until then the old one signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEmail {
    /// Whose.
    pub user_id: UserId,
    /// The new address.
    pub email: Email,
    /// When it was asked for.
    pub created_at: Time,
    /// When it is over.
    pub expires_at: Time,
}

impl PendingEmail {
    /// Whether it can still be confirmed.
    pub fn is_alive(&self, now: Time) -> bool {
        now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(max_pending: u32) -> RegistrationPolicy {
        RegistrationPolicy {
            enabled: true,
            allowed_domains: vec!["acme.test".to_owned()],
            max_pending,
        }
    }

    #[test]
    fn rule_21_a_network_takes_a_tenth_of_the_places_and_at_least_one() {
        let waiting = |of_tenant, of_network| Waiting {
            of_tenant,
            of_network,
        };
        assert!(policy(100).has_place(waiting(99, 9)));
        assert!(!policy(100).has_place(waiting(99, 10)));
        assert!(!policy(100).has_place(waiting(100, 0)));
        assert!(policy(5).has_place(waiting(0, 0)));
        assert!(!policy(5).has_place(waiting(1, 1)));
    }

    #[test]
    fn domains_are_compared_as_a_whole() {
        let allows = |email: &str| policy(1).allows(&email.parse().unwrap());
        assert!(allows("a@acme.test") && allows("a@ACME.test"));
        assert!(!allows("a@sub.acme.test") && !allows("a@notacme.test"));
        let any = RegistrationPolicy {
            allowed_domains: Vec::new(),
            ..policy(1)
        };
        assert!(any.allows(&"a@b.test".parse().unwrap()));
    }
}
