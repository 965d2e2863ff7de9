//! Objects as both HTTP and authctl show them; one type a resource, so that the two cannot differ.
//! Fields that only the operator's side adds are optional and left out where they do not belong.

mod apply;
mod attempt;
mod audit;
mod backup;
mod cache;
mod client;
mod daemon;
mod doctor;
mod event;
mod explain;
mod key;
mod lockout;
mod mail;
mod registration;
mod role;
mod session;
mod setting;
mod stats;
mod status;
mod tenant;
mod token;
mod user;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use apply::{DiffLineView, TenantDiffView};
pub use attempt::{AttemptTopView, AttemptView, DecisionView};
pub use audit::{ActorView, AuditChainView, AuditMarkView, AuditView};
pub use backup::{BackupMade, BackupView, CheckView, DatabaseView, MigrationView, VacuumView};
pub use cache::CacheView;
pub use client::ClientView;
pub use daemon::{ConfigFaultView, ConfigValueView, ConfigView, KeyChangeView, ReloadView};
pub use doctor::{CheckedView, DoctorView, Finding, Section};
pub use event::{EventSubject, EventView};
pub use explain::{
    DeviceStanding, ExplainedAttempt, LockStanding, LoginExplanation, NameStanding,
    PermissionExplanation, ViaExplanation,
};
pub use key::KeyView;
pub use lockout::{LockoutView, SimulatedPolicy, SimulationView};
pub use mail::{MailStatus, MessageState, MessageView};
pub use registration::RegistrationView;
pub use role::{
    GrantedPermission, HeldPermission, HeldRole, HolderView, PermissionScope, PermissionView,
    RoleView, Via,
};
pub use session::{DeviceType, DeviceView, SessionView};
pub use setting::{SettingSource, SettingValue, SettingView};
pub use stats::{Family, FamilyKind, Sample, StatsView};
pub use status::{
    ApiStatus, BackupStatus, CacheStatus, Counts, DatabaseStatus, KeyStatus, RedisStatus,
    StatusView, VersionView, Warning,
};
pub use tenant::{SubscriptionView, TenantStatus, TenantUsageView, TenantView};
pub use token::{DeniedTokenView, TokenView};
pub use user::{Address, EmployeeView, Name, UserStatus, UserView};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Opaque key of the next page; null on the last.
    pub next_cursor: Option<String>,
}
