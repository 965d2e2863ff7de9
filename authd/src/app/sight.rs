//! How much of a row of a log or a list whoever asks for it is shown: the operator everything or nothing
//! personal, by the socket; an administrator what belongs to the tenant, and no person of another one.

use common::id::TenantId;
use domain::audit::Actor;

use crate::app::{Administrator, By};

/// Permission without which an administrator's lists name users by their ids alone.
const SEES_USERS: &str = "users:view";

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Everything: to the operator.
    Whole,
    /// Ids, states and times: on the sockets without personal data.
    Masked,
    /// What belongs to one tenant: to who administers it.
    Tenant {
        /// The tenant that is administered.
        within: TenantId,
        /// The administrator's own tenant.
        home: TenantId,
        /// Whether users are named by their addresses.
        names_users: bool,
    },
}

impl Sight {
    /// What whoever asks is shown.
    pub fn of<'a>(by: impl Into<By<'a>>) -> Self {
        match by.into() {
            By::Operator(operator) if !operator.socket.shows_personal() => Self::Masked,
            By::Operator(_) => Self::Whole,
            By::Administrator(administrator) => Self::of_tenant(administrator),
        }
    }

    fn of_tenant(administrator: &Administrator) -> Self {
        Self::Tenant {
            within: administrator.tenant_id,
            home: administrator.agent.tenant_id(),
            names_users: administrator.may(SEES_USERS),
        }
    }

    /// Whether IP addresses and devices are shown.
    pub fn shows_personal(self) -> bool {
        self != Self::Masked
    }

    /// Whether users are named by their addresses.
    pub fn names_users(self) -> bool {
        match self {
            Self::Whole => true,
            Self::Masked => false,
            Self::Tenant { names_users, .. } => names_users,
        }
    }

    /// Whether a user of that tenant may be named.
    pub fn shows_user_of(self, tenant: TenantId) -> bool {
        match self {
            Self::Whole => true,
            Self::Masked => false,
            Self::Tenant { within, .. } => tenant == within,
        }
    }

    /// Whether it is an operator's, on whichever socket.
    pub fn is_operators(self) -> bool {
        !matches!(self, Self::Tenant { .. })
    }

    /// Whether a user who acted over the API is shown to an administrator: one of the tenant that is
    /// administered, or of the administrator's own; of others only which tenant they came from.
    pub fn shows_actor(self, actor: &Actor) -> bool {
        match self {
            Self::Whole => true,
            Self::Masked => false,
            Self::Tenant { within, home, .. } => actor
                .tenant_id
                .is_none_or(|from| from == within || from == home),
        }
    }
}
