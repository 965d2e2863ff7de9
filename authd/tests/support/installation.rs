//! What an installation is built from, and how.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use authd::app::backup::{Apart, Backups, OpenKeys};
use authd::app::counts::Counts;
use authd::app::db::Room;
use authd::app::login_budget::LoginBudget;
use authd::app::mail::Mailroom;
use authd::app::picture::Pictures;
use authd::app::settings::{
    BackupSettings, CorsSettings, LoginBudgetSettings, MailSettings, PictureSettings, StoredIp,
};
use authd::app::shared::Shared;
use authd::app::waiters::Waiters;
use authd::app::{App, Current, Operator, Settings};
use authd::cache::{Activity, Cache, Follower, Lease, MemoryCache};
use authd::crypto::{HashPool, HashSettings, KeyRing, Random, SeededRandom, WrapKey, bytes};
use authd::mail::Post;
use common::call::user::{FirstPassword, NewPassword};
use common::call::{self, Socket, UserRef};
use common::id::RequestId;
use common::secret::Secret;
use common::time::{ManualClock, Time};
use common::view::Name;
use domain::audit::Actor;
use domain::key::{KeyPolicy, SigningAlgorithm, StoredKey};
use domain::lockout::{Boot, LockoutPolicy};
use domain::password::PasswordPolicy;
use domain::registration::RegistrationPolicy;
use domain::session::{Floors, SessionLimits, SessionPolicy};
use domain::setting::{LinkPages, TenantSettings};
use store::sqlite::{self, Options};
use store::{Claim, CommitListener, Priority, Store, StoreError, WriteTx};
use tempfile::TempDir;

pub(crate) const NOW: Time = Time::from_millis(1_790_000_000_000);

/// What a test may choose.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) hashing: HashSettings,
    pub(crate) cache: Arc<dyn Cache>,
    /// Hears of commits in the follower's place, which does in the daemon.
    pub(crate) listener: Option<Arc<dyn CommitListener>>,
    /// For everything but the hash threads, once the keys are made.
    pub(crate) random: Arc<dyn Random>,
    /// For the hash threads.
    pub(crate) hash_random: Arc<dyn Random>,
    pub(crate) login_floor: Duration,
    /// Where mails go; none leaves without.
    pub(crate) post: Option<Arc<dyn Post>>,
    /// Whether others may change the database, too; the cache must answer under it.
    pub(crate) lease: Arc<Lease>,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) struct Installation {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.app.store.close();
        self.app.pool.stop();
    }
}

/// The usual: no floor, no budget of an address, cheap hashes.
pub(crate) fn plan() -> Plan {
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(7));
    Plan {
        settings: settings(),
        hashing: hashing(),
        cache: Arc::new(MemoryCache::new(1000)),
        listener: None,
        hash_random: Arc::clone(&random),
        random,
        login_floor: Duration::ZERO,
        post: None,
        lease: Arc::new(Lease::alone()),
        clock: Arc::new(ManualClock::at(NOW)),
    }
}

impl Installation {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut plan = plan;
        let folder = tempfile::tempdir().unwrap();
        plan.settings.backup.folder = folder.path().join("backups");
        let clock = plan.clock;
        let follower = Arc::new(Follower::new(Arc::clone(&plan.cache), plan.lease));
        let listener = plan.listener.unwrap_or_else(|| Arc::clone(&follower) as _);
        let options = Options {
            readers: 2,
            repeat_every: Some(2),
            clock: Arc::clone(&clock) as _,
            ..Options::new(folder.path().join("authd.db"))
        };
        let fatal = Box::new(|reason: &str| panic!("{reason}"));
        let (store, _) = sqlite::open(options, listener, fatal).unwrap();
        let seed = SeededRandom::new(8);
        let wrap = WrapKey::generate(&seed).unwrap();
        let keys: Vec<StoredKey> =
            KeyRing::first_keys(&seed, NOW, &wrap, plan.settings.keys.algorithm).unwrap();
        Self::know(&store, &wrap, &keys);
        let app = App {
            store,
            follower,
            cache: plan.cache,
            activity: Arc::new(Activity::new(Duration::from_mins(1))),
            client_uses: Arc::new(Activity::new(Duration::from_mins(1))),
            keys: Arc::new(KeyRing::open(&keys, &wrap).unwrap()),
            pool: HashPool::start(plan.hashing, plan.hash_random).unwrap(),
            clock: Arc::clone(&clock) as _,
            settings: Current::new(plan.settings),
            boot: Boot(bytes(&seed).unwrap()),
            random: plan.random,
            login_floor: Current::new(plan.login_floor),
            maintenance: Current::new(None),
            draining: false.into(),
            login_budget: LoginBudget::default(),
            shared: Shared::default(),
            waiters: Waiters::default(),
            backups: Backups::new(open_keys(&wrap), Apart::default()),
            room: Room::default(),
            pictures: Pictures::start().unwrap(),
            counts: Counts::default(),
            mail: Mailroom::new(plan.post),
        };
        Self {
            app: Arc::new(app),
            clock,
            _folder: folder,
        }
    }

    /// What a first start writes down of its keys.
    fn know(store: &Store, wrap: &WrapKey, keys: &[StoredKey]) {
        let (id, keys) = (wrap.id().into_bytes(), keys.to_vec());
        let write = move |tx: &dyn WriteTx| -> Result<(), StoreError> {
            tx.meta_mut().set("wrap_key_id", &id)?;
            keys.iter().try_for_each(|key| tx.keys_mut().insert(key))
        };
        // The test's own thread may be driving a runtime, and must not block then.
        let store = store.clone();
        let thread = std::thread::spawn(move || store.write_blocking(Priority::Normal, write));
        thread.join().unwrap().unwrap();
    }
}

/// Opens keys as a daemon does that has the wrap key at hand.
fn open_keys(wrap: &WrapKey) -> OpenKeys {
    let text = wrap.to_text();
    Arc::new(move |stored| {
        let wrap = WrapKey::from_text(&text).map_err(|error| error.to_string())?;
        KeyRing::open(stored, &wrap).map_err(|error| error.to_string())
    })
}

/// Somebody at one of the sockets.
pub(crate) fn operator(socket: Socket) -> Operator {
    Operator {
        actor: Actor {
            uid: Some(1001),
            user: Some("jane".to_owned()),
            pid: Some(4411),
            channel: Socket::Admin.as_str().to_owned(),
            ..Actor::default()
        },
        socket,
        request_id: RequestId::from_bytes([1; 16]),
        claim: Claim::detached(),
    }
}

pub(crate) fn new_tenant(slug: &str) -> call::tenant::Create {
    call::tenant::Create {
        slug: slug.to_owned(),
        name: None,
        plan: None,
        max_users: None,
        ends: None,
        time_zone: None,
        admin_email: None,
        print_link: false,
    }
}

pub(crate) fn new_user(tenant: &str, email: &str, password: &str) -> call::user::Create {
    call::user::Create {
        tenant: tenant.to_owned(),
        email: email.to_owned(),
        name: Name::default(),
        phone: None,
        locale: None,
        employee_id: None,
        kra_pin: None,
        external_refs: BTreeMap::new(),
        tenant_admin: false,
        roles: Vec::new(),
        password: FirstPassword::Given(Secret::new(password.to_owned())),
        permanent: false,
    }
}

pub(crate) fn given(password: &str) -> NewPassword {
    NewPassword::Given(Secret::new(password.to_owned()))
}

pub(crate) fn reference(tenant: &str, name: &str) -> UserRef {
    UserRef {
        tenant: Some(tenant.to_owned()),
        name: name.to_owned(),
    }
}

fn hashing() -> HashSettings {
    HashSettings {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        threads: 2,
        queue_length: 32,
        queue_deadline: Duration::from_secs(30),
        idle_release: Duration::from_secs(30),
    }
}

fn key_policy() -> KeyPolicy {
    KeyPolicy {
        algorithm: SigningAlgorithm::EdDsa,
        rotate_every: Duration::from_hours(90 * 24),
        announce: Duration::from_hours(1),
        overlap: Duration::from_hours(24),
    }
}

fn pictures() -> PictureSettings {
    PictureSettings {
        max_bytes: 5 << 20,
        max_pixels: 40_000_000,
    }
}

fn settings() -> Settings {
    Settings {
        default_tenant: None,
        issuer: "http://127.0.0.1:8440".to_owned(),
        keys: key_policy(),
        refresh_grace: Duration::from_secs(10),
        clock_skew: Duration::from_secs(5),
        tenant: Arc::new(tenant_settings()),
        session_retention: Duration::from_hours(30 * 24),
        events_retention: Duration::from_hours(7 * 24),
        breached: Arc::new(HashSet::from(["leaked herons of yesterday".to_owned()])),
        generated_length: 20,
        expiry_grace: Duration::from_hours(7 * 24),
        delete_grace: Duration::from_hours(30 * 24),
        stored_ip: StoredIp::Full,
        login_budget: LoginBudgetSettings {
            failures_per_ip: 0,
            window: Duration::from_mins(15),
            exempt: Vec::new(),
        },
        mail: MailSettings {
            per_address_hourly: 3,
            retry_max: 8,
            retry_base: Duration::from_secs(30),
            rate: 0,
            timeout: Duration::from_secs(20),
        },
        cors: CorsSettings {
            credentials: false,
            expose_headers: "X-Request-Id, Retry-After".to_owned(),
            headers: "authorization, content-type".to_owned(),
            max_age: Duration::from_mins(10),
            methods: "GET, POST".to_owned(),
        },
        verify_ttl: Duration::from_hours(48),
        reset_ttl: Duration::from_hours(1),
        default_plan: "free".to_owned(),
        default_max_users: 25,
        time_zone: "Africa/Nairobi".to_owned(),
        min_free: 0,
        backup: BackupSettings {
            compress: true,
            folder: PathBuf::from("/nonexistent/backups"),
            keep: 3,
        },
        picture: pictures(),
        tenant_label: false,
    }
}

fn tenant_settings() -> TenantSettings {
    TenantSettings {
        attempts_retention: Duration::from_hours(180 * 24),
        claimed_references: Vec::new(),
        claimed_permissions: false,
        cors_origins: Vec::new(),
        allowed_hosts: Vec::new(),
        pages: LinkPages {
            confirm: "http://127.0.0.1:8440/confirm-email".to_owned(),
            reset: "http://127.0.0.1:8440/reset-password".to_owned(),
            verify: "http://127.0.0.1:8440/verify-email".to_owned(),
        },
        device_ttl: Duration::from_hours(90 * 24),
        show_password: false,
        lockout: LockoutPolicy {
            threshold: 5,
            window: Duration::from_mins(15),
            duration: Duration::from_mins(15),
        },
        mail: domain::setting::MailLook::default(),
        temporary_ttl: Duration::from_hours(72),
        password_policy: PasswordPolicy {
            min_length: 15,
            max_length: 128,
        },
        reference_names: vec!["branch_id".to_owned()],
        registration: RegistrationPolicy {
            enabled: false,
            allowed_domains: Vec::new(),
            max_pending: 100,
        },
        session_limits: SessionLimits {
            idle_timeout: Duration::from_hours(14 * 24),
            max_age: Duration::from_hours(90 * 24),
            floors: Floors::NONE,
        },
        session_policy: SessionPolicy::Limit(50),
        access_ttl: Duration::from_mins(10),
        audience: vec!["apps".to_owned()],
    }
}
