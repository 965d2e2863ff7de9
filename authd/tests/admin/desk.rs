//! An installation to administer, and what the tests put into it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authd::app::login_budget::LoginBudget;
use authd::app::settings::{LoginBudgetSettings, StoredIp};
use authd::app::status::{Running, Traffic, TrafficFigures};
use authd::app::waiters::Waiters;
use authd::app::{App, Error, Operator, Settings, tenant, user};
use authd::cache::{Activity, MemoryCache};
use authd::crypto::{HashPool, HashSettings, KeyRing, SeededRandom, WrapKey, bytes};
use common::call::user::NewPassword;
use common::call::{self, Change, Socket, UserRef};
use common::id::{AttemptId, RequestId, SessionId, TenantId, UserId};
use common::secret::Secret;
use common::time::{ManualClock, Time};
use common::view::{DeviceType, Name};
use domain::attempt::{Attempt, Outcome};
use domain::audit::{Actor, AuditRow};
use domain::device::{Device, KnownDevice};
use domain::lockout::{Boot, CounterKey, CounterKind, LockoutPolicy};
use domain::password::PasswordPolicy;
use domain::session::{Session, SessionLimits, SessionPolicy};
use store::sqlite::{self, Options};
use store::{Claim, CommitListener, Priority, Scope, StoreError};
use tempfile::TempDir;

pub(crate) const NOW: Time = Time::from_millis(1_790_000_000_000);
pub(crate) const GOOD: &str = "seven blue herons walk home";

/// Remembers what caches would have been told to forget.
#[derive(Default)]
pub(crate) struct Scopes(Mutex<Vec<Scope>>);

impl CommitListener for Scopes {
    fn committed(&self, scopes: &[Scope]) {
        self.0.lock().unwrap().extend_from_slice(scopes);
    }
}

impl Scopes {
    pub(crate) fn take(&self) -> Vec<Scope> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

pub(crate) struct Desk {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) scopes: Arc<Scopes>,
    jane: Actor,
    drawn: Mutex<u8>,
    _folder: TempDir,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.app.store.close();
        self.app.pool.stop();
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scopes = Arc::new(Scopes::default());
        let options = Options {
            readers: 2,
            repeat_every: Some(2),
            ..Options::new(folder.path().join("authd.db"))
        };
        let fatal = Box::new(|reason: &str| panic!("{reason}"));
        let listener = Arc::clone(&scopes) as Arc<dyn CommitListener>;
        let (store, _) = sqlite::open(options, listener, fatal).unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let random = Arc::new(SeededRandom::new(7));
        let wrap = WrapKey::generate(random.as_ref()).unwrap();
        let keys = KeyRing::first_keys(random.as_ref(), NOW, &wrap).unwrap();
        let app = App {
            store,
            cache: Arc::new(MemoryCache::new(1000)),
            activity: Arc::new(Activity::new(Duration::from_mins(1))),
            keys: Arc::new(KeyRing::open(&keys, &wrap).unwrap()),
            pool: HashPool::start(hashing(), Arc::clone(&random) as _).unwrap(),
            clock: Arc::clone(&clock) as _,
            settings: settings(),
            boot: Boot(bytes(random.as_ref()).unwrap()),
            random,
            login_floor: Duration::ZERO,
            draining: false.into(),
            login_budget: LoginBudget::default(),
            waiters: Waiters::default(),
        };
        Self {
            app: Arc::new(app),
            clock,
            scopes,
            jane: Actor {
                uid: Some(1001),
                user: Some("jane".to_owned()),
                pid: Some(4411),
                sudo_uid: None,
                channel: Socket::Admin.as_str().to_owned(),
            },
            drawn: Mutex::new(100),
            _folder: folder,
        }
    }

    /// Somebody at admin.sock.
    pub(crate) fn admin(&self) -> Operator {
        self.operator(Socket::Admin)
    }

    /// Somebody at monitor.sock.
    pub(crate) fn monitor(&self) -> Operator {
        self.operator(Socket::Monitor)
    }

    fn operator(&self, socket: Socket) -> Operator {
        Operator {
            actor: self.jane.clone(),
            socket,
            request_id: RequestId::from_bytes([1; 16]),
            claim: Claim::detached(),
        }
    }

    /// A byte that no object of the test has yet, to make ids of.
    pub(crate) fn next(&self) -> [u8; 16] {
        let mut drawn = self.drawn.lock().unwrap();
        *drawn += 1;
        [*drawn; 16]
    }

    pub(crate) async fn tenant(&self, slug: &str) -> TenantId {
        let change = tenant::create(&self.app, &self.admin(), new_tenant(slug)).await;
        change.unwrap().id.unwrap().parse().unwrap()
    }

    /// A user whose password stands.
    pub(crate) async fn user(&self, tenant: &str, email: &str) -> UserId {
        let request = call::user::Create {
            permanent: true,
            ..new_user(tenant, email)
        };
        self.create(request)
            .await
            .unwrap()
            .id
            .unwrap()
            .parse()
            .unwrap()
    }

    pub(crate) async fn create(&self, request: call::user::Create) -> Result<Change, Error> {
        user::create(&self.app, &self.admin(), request).await
    }

    pub(crate) async fn sign_in(&self, tenant: TenantId, user: UserId) -> SessionId {
        let now = self.app.now();
        let session = Session {
            id: SessionId::from_bytes(self.next()),
            tenant_id: tenant,
            user_id: user,
            device: Some(Device {
                id: "canary-device".to_owned(),
                name: Some("canary-phone".to_owned()),
                kind: DeviceType::Mobile,
            }),
            ip: Some("203.0.113.7".to_owned()),
            auth_time: now,
            created_at: now,
            last_active_at: now,
            generation: 0,
            rotated_at: now,
            salt: [0; 16],
            refresh_key: 1,
            ended: None,
        };
        let id = session.id;
        let device = KnownDevice {
            secret_hash: [self.next()[0]; 32],
            user_id: user,
            created_at: now,
            last_used_at: now,
        };
        self.write(move |tx| {
            let rows = tx.tenant_mut(tenant);
            rows.sessions_mut().insert(&session)?;
            rows.devices_mut().insert(&device)?;
            rows.users_mut().set_last_login(user, now)
        })
        .await;
        id
    }

    /// Evaluated failures of a name, from one address.
    pub(crate) async fn fail(&self, tenant: TenantId, key: CounterKey, times: u32) {
        let (now, boot) = (self.app.now(), self.app.boot);
        self.write(move |tx| {
            let counters = tx.counters_mut();
            for _ in 0..times {
                let kind = CounterKind::Subject;
                let id = counters.reserve(&key, kind, Some(tenant), now, boot)?;
                counters.fail(id, now, Some("203.0.113.7"))?;
            }
            Ok(())
        })
        .await;
    }

    pub(crate) async fn lock(&self, tenant: TenantId, key: CounterKey) {
        self.fail(tenant, key, 5).await;
        let until = self.app.now().plus(self.app.settings.lockout.duration);
        self.write(move |tx| tx.counters_mut().lock(&key, until, 5))
            .await;
    }

    pub(crate) async fn attempt(&self, tenant: TenantId, user: Option<UserId>) -> AttemptId {
        let id = AttemptId::from_bytes(self.next());
        let subject = CounterKey::from_bytes([*id.as_bytes().first().unwrap(); 32]);
        self.attempt_for(id, tenant, user, subject).await;
        id
    }

    pub(crate) async fn attempt_of_nobody(&self, tenant: TenantId, key: CounterKey) -> AttemptId {
        let id = AttemptId::from_bytes(self.next());
        self.attempt_for(id, tenant, None, key).await;
        id
    }

    async fn attempt_for(
        &self,
        id: AttemptId,
        tenant: TenantId,
        user: Option<UserId>,
        subject: CounterKey,
    ) {
        let attempt = Attempt {
            id,
            at: self.app.now(),
            tenant_id: Some(tenant),
            user_id: user,
            subject,
            ip: Some("203.0.113.7".to_owned()),
            outcome: Outcome::WrongPassword,
            device: None,
            request_id: None,
            trace: vec!["canary-trace".to_owned()],
        };
        self.write(move |tx| tx.attempts_mut().record(&attempt))
            .await;
    }

    pub(crate) async fn write(
        &self,
        work: impl Fn(&dyn store::WriteTx) -> Result<(), StoreError> + Send + 'static,
    ) {
        self.app
            .store
            .write(Priority::Normal, Claim::detached(), work)
            .await
            .unwrap();
    }

    /// The rows of a tenant's chain.
    pub(crate) async fn audit(&self, tenant: TenantId) -> Vec<AuditRow> {
        self.app
            .store
            .read(move |tx| tx.audit().rows(Some(tenant), 1, 100))
            .await
            .unwrap()
    }

    pub(crate) async fn open_sessions(&self, tenant: TenantId, user: UserId) -> usize {
        self.app
            .store
            .read(move |tx| tx.tenant(tenant).sessions().open_of(user))
            .await
            .unwrap()
            .len()
    }

    pub(crate) async fn devices(&self, tenant: TenantId, user: UserId) -> usize {
        self.app
            .store
            .read(move |tx| tx.tenant(tenant).devices().of(user))
            .await
            .unwrap()
            .len()
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
    }
}

pub(crate) fn new_user(tenant: &str, email: &str) -> call::user::Create {
    call::user::Create {
        tenant: tenant.to_owned(),
        email: email.to_owned(),
        name: Name::default(),
        phone: None,
        locale: None,
        employee_id: None,
        kra_pin: None,
        external_refs: std::collections::BTreeMap::new(),
        tenant_admin: false,
        password: given(GOOD),
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

struct Quiet;

impl TrafficFigures for Quiet {
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

pub(crate) fn running() -> Arc<Running> {
    Arc::new(Running {
        started_at: NOW,
        config_files: Vec::new(),
        public_url: "http://127.0.0.1:8440".to_owned(),
        listen: vec!["127.0.0.1:8440".to_owned()],
        traffic: Arc::new(Quiet),
        warnings: Arc::new(Vec::new),
    })
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

fn settings() -> Settings {
    Settings {
        default_tenant: None,
        issuer: "http://127.0.0.1:8440".to_owned(),
        audience: vec!["apps".to_owned()],
        access_ttl: Duration::from_mins(10),
        refresh_grace: Duration::from_secs(10),
        clock_skew: Duration::from_secs(5),
        lockout: LockoutPolicy {
            threshold: 5,
            window: Duration::from_mins(15),
            duration: Duration::from_mins(15),
        },
        device_ttl: Duration::from_hours(90 * 24),
        session_policy: SessionPolicy::Limit(50),
        session_limits: SessionLimits {
            idle_timeout: Duration::from_hours(14 * 24),
            max_age: Duration::from_hours(90 * 24),
        },
        session_retention: Duration::from_hours(30 * 24),
        password_policy: PasswordPolicy {
            min_length: 15,
            max_length: 128,
        },
        breached: Arc::new(HashSet::from(["leaked herons of yesterday".to_owned()])),
        temporary_ttl: Duration::from_hours(72),
        generated_length: 20,
        expiry_grace: Duration::from_hours(7 * 24),
        stored_ip: StoredIp::Full,
        attempts_retention: Duration::from_hours(180 * 24),
        login_budget: LoginBudgetSettings {
            failures_per_ip: 0,
            window: Duration::from_mins(15),
            exempt: Vec::new(),
        },
        default_plan: "free".to_owned(),
        default_max_users: 25,
        time_zone: "Africa/Nairobi".to_owned(),
        reference_names: vec!["branch_id".to_owned()],
    }
}
