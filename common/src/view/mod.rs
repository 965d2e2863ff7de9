//! Objects as both HTTP and authctl show them; one type a resource, so that the two cannot differ.
//! Fields that only the operator's side adds are optional and left out where they do not belong.

mod attempt;
mod audit;
mod lockout;
mod mail;
mod role;
mod session;
mod status;
mod tenant;
mod user;

use serde::{Deserialize, Serialize};

pub use attempt::AttemptView;
pub use audit::{AuditChainView, AuditMarkView};
pub use lockout::LockoutView;
pub use mail::{MailStatus, MessageState, MessageView};
pub use role::{HeldPermission, HolderView, PermissionScope, PermissionView, RoleView, Via};
pub use session::{DeviceType, DeviceView, SessionView};
pub use status::{
    ApiStatus, CacheStatus, Counts, DatabaseStatus, KeyStatus, StatusView, VersionView, Warning,
};
pub use tenant::{SubscriptionView, TenantStatus, TenantUsageView, TenantView};
pub use user::{Address, EmployeeView, Name, UserStatus, UserView};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Opaque key of the next page; null on the last.
    pub next_cursor: Option<String>,
}
