//! The use cases: one file a resource, one function a verb. No sockets, no SQL, no HTTP.

pub mod access;
pub mod administer;
mod again;
pub mod apply;
pub mod attempt;
pub mod audit;
pub mod authenticate;
pub mod backup;
mod blast;
pub mod cache;
pub mod check;
pub mod client;
pub mod context;
pub mod cors;
mod counter;
pub mod counts;
mod current;
pub mod cursor;
pub mod daemon;
pub mod db;
pub mod doctor;
pub mod email_change;
pub mod entity;
pub mod error;
pub mod events;
pub mod explain;
pub mod feed;
pub mod follow;
pub mod health;
pub mod helpdesk;
pub mod housekeeping;
pub mod introspect;
pub mod job;
pub mod key;
pub mod last_admin;
pub mod lockout;
pub mod login;
pub mod login_budget;
pub mod logout;
pub mod mail;
pub mod me;
pub mod names;
pub mod origin;
pub mod password;
pub mod password_change;
pub mod password_reset;
pub mod patch;
pub mod permission;
pub mod permit;
pub mod picture;
pub mod profile_patch;
pub mod refresh;
pub mod refused_peer;
pub mod registration;
pub mod revoke;
pub mod role;
pub mod session;
pub mod settings;
pub mod shared;
pub mod sight;
pub mod stats;
pub mod status;
pub mod target;
pub mod tenant;
pub mod token;
pub mod tokens;
pub mod user;
pub mod waiters;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::id::{ClientKind, Id, Kind};
use common::secret::Secret;
use common::time::{Clock, Time};
use domain::lockout::Boot;
use domain::session::Session;
use store::Store;

pub use context::{
    Administrator, Agent, By, Caller, Client, Operator, Reach, ServiceAgent, ServiceCaller,
};
pub use counter::settle_earlier_runs;
pub use current::Current;
pub use error::Error;
pub use settings::Settings;
pub use sight::Sight;

use self::backup::Backups;
use self::counts::Counts;
use self::db::Room;
use self::login_budget::LoginBudget;
use self::picture::Pictures;
use self::settings::StoredIp;
use self::shared::Shared;
use self::waiters::Waiters;
use crate::cache::{Activity, Cache, Follower, StateKey};
use crate::crypto::{self, DeviceSecret, HashPool, KeyRing, Random};

/// Everything that the use cases work with; built once by `startup`.
pub struct App {
    /// The truth.
    pub store: Store,
    /// Verified tokens and session state; may be lost at any moment.
    pub cache: Arc<dyn Cache>,
    /// Follows the log of what was taken away; it hears of commits, and tells the cache.
    pub follower: Arc<Follower>,
    /// Last uses of sessions that are not on disk yet.
    pub activity: Arc<Activity>,
    /// Last uses of service clients that are not on disk yet.
    pub client_uses: Arc<Activity<ClientKind>>,
    /// Signing, refresh, subject, audit and cursor keys.
    pub keys: Arc<KeyRing>,
    /// Threads that hash passwords.
    pub pool: HashPool,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub random: Arc<dyn Random>,
    /// Policies and names from the configuration; [`App::settings`] reads them.
    pub settings: Current<Settings>,
    /// This run of the daemon.
    pub boot: Boot,
    /// Time before which no refused login answers (rule 4).
    pub login_floor: Current<Duration>,
    /// Whether the API is closed for maintenance, and what to say about it.
    pub maintenance: Current<Option<String>>,
    /// Failed logins by address.
    pub login_budget: LoginBudget,
    /// What stands beside the database and may be shared by several nodes.
    pub shared: Shared,
    /// Whether the daemon is about to end: it answers, and says that it is not ready.
    pub draining: AtomicBool,
    /// Where mails leave.
    pub mail: mail::Mailroom,
    /// Tries that wait for others of their counter.
    pub waiters: Waiters,
    /// What backups need beside the configuration.
    pub backups: Backups,
    /// How much room is left beside the database.
    pub room: Room,
    /// Where uploaded pictures are made anew.
    pub pictures: Pictures,
    /// What happened since the start, for `stats` and Prometheus.
    pub counts: Counts,
}

impl App {
    /// The present moment.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Policies and names as they are now. A reload may replace them at any moment: who needs two
    /// of them together reads once.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// A new id made at `now`.
    ///
    /// # Errors
    /// `internal` if the random source fails: no id, and no substitute.
    pub fn new_id<K: Kind>(&self, now: Time) -> Result<Id<K>, Error> {
        crypto::new_id(self.random.as_ref(), now).map_err(Error::internal)
    }

    /// So many new ids made at `now`, of one draw.
    ///
    /// # Errors
    /// As [`App::new_id`].
    pub fn new_ids<K: Kind, const N: usize>(&self, now: Time) -> Result<[Id<K>; N], Error> {
        crypto::new_ids(self.random.as_ref(), now).map_err(Error::internal)
    }

    /// SHA-256 of a device secret as a client gave it, if it has the form of one.
    pub fn device_secret_hash(&self, given: &Secret<String>) -> Option<[u8; 32]> {
        DeviceSecret::hash_of(given)
    }

    /// Fresh random bytes.
    ///
    /// # Errors
    /// `internal` if the random source fails.
    pub fn random_bytes<const N: usize>(&self) -> Result<[u8; N], Error> {
        crypto::bytes(self.random.as_ref()).map_err(Error::internal)
    }

    /// A client's address as the configuration says to keep it.
    pub fn stored_ip(&self, ip: IpAddr) -> String {
        let ip = ip.to_canonical();
        match (self.settings().stored_ip, ip) {
            (StoredIp::Full, ip) => ip.to_string(),
            (StoredIp::Truncated, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                IpAddr::from([a, b, c, 0]).to_string()
            }
            (StoredIp::Truncated, IpAddr::V6(v6)) => {
                let [a, b, c, ..] = v6.segments();
                IpAddr::from([a, b, c, 0, 0, 0, 0, 0]).to_string()
            }
        }
    }

    /// What a client's address has in common with those of its neighbours: an IPv4 address, or the
    /// /64 of an IPv6 one; less where the configuration says to keep less.
    pub fn network(&self, ip: IpAddr) -> String {
        match ip.to_canonical() {
            IpAddr::V6(v6) if self.settings().stored_ip == StoredIp::Full => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            _ => self.stored_ip(ip),
        }
    }

    /// The session with its last use, also where that is not on disk yet.
    pub fn with_last_use(&self, mut session: Session) -> Session {
        if let Some(used) = self.activity.last_active(session.id) {
            session.last_active_at = session.last_active_at.max(used);
        }
        session
    }

    /// Remembers a use of a session, for the cached state and for the disk.
    pub fn used(&self, session: &Session, at: Time) {
        let key = StateKey {
            tenant: session.tenant_id,
            user: session.user_id,
            session: session.id,
        };
        if let Some(state) = self.cache.state(&key) {
            state.touched(at);
        }
        self.activity.touch(session.tenant_id, session.id, at);
    }
}
