//! An installation to administer, and what the tests put into it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use authd::app::stats::Figures;
use authd::app::status::{Running, Traffic, TrafficFigures};
use authd::app::{App, Error, Operator, tenant, user};
use common::call::{self, Change, Socket};
use common::id::{AttemptId, SessionId, TenantId, UserId};
use common::secret::Secret;
use common::time::ManualClock;
use common::view::DeviceType;
use domain::attempt::{Attempt, Outcome};
use domain::audit::AuditRow;
use domain::device::{Device, KnownDevice};
use domain::lockout::{CounterKey, CounterKind};
use domain::registration::Registration;
use domain::session::Session;
use store::{Claim, CommitListener, Priority, Scope, StoreError};

use crate::daemon::Wheel;
use crate::support::{self, FakePost, Installation, Plan, operator, plan};
pub(crate) use crate::support::{NOW, given, new_tenant, reference};

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
    jane: Operator,
    drawn: Mutex<u8>,
    _installation: Installation,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(plan())
    }

    /// With `database.min_free`.
    pub(crate) fn with_min_free(bytes: u64) -> Self {
        let mut plan = plan();
        plan.settings.min_free = bytes;
        Self::with(plan)
    }

    /// A desk from which mails leave.
    pub(crate) fn with_post(post: &Arc<FakePost>) -> Self {
        Self::with(Plan {
            post: Some(Arc::clone(post) as _),
            ..plan()
        })
    }

    fn with(plan: Plan) -> Self {
        let scopes = Arc::new(Scopes::default());
        let installation = Installation::new(Plan {
            listener: Some(Arc::clone(&scopes) as _),
            ..plan
        });
        Self {
            app: Arc::clone(&installation.app),
            clock: Arc::clone(&installation.clock),
            scopes,
            jane: operator(Socket::Admin),
            drawn: Mutex::new(100),
            _installation: installation,
        }
    }

    /// The file of the database.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.app.store.info().path
    }

    /// Somebody at admin.sock.
    pub(crate) fn admin(&self) -> Operator {
        self.at(Socket::Admin)
    }

    /// Somebody at admin.sock who only wants to see what would happen.
    pub(crate) fn rehearsing(&self) -> Operator {
        let admin = self.admin();
        Operator {
            claim: admin.claim.rehearsing(),
            ..admin
        }
    }

    /// Somebody at monitor.sock.
    pub(crate) fn monitor(&self) -> Operator {
        self.at(Socket::Monitor)
    }

    /// Somebody at helpdesk.sock.
    pub(crate) fn helpdesk(&self) -> Operator {
        self.at(Socket::Helpdesk)
    }

    pub(crate) fn at(&self, socket: Socket) -> Operator {
        Operator {
            socket,
            ..self.jane.clone()
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
        self.fail_from(tenant, key, times, "203.0.113.7").await;
    }

    async fn fail_from(&self, tenant: TenantId, key: CounterKey, times: u32, ip: &'static str) {
        let (now, boot) = (self.app.now(), self.app.boot);
        self.write(move |tx| {
            let counters = tx.counters_mut();
            for _ in 0..times {
                let kind = CounterKind::Subject;
                let id = counters.reserve(&key, kind, Some(tenant), now, boot)?;
                counters.fail(id, now, Some(ip))?;
            }
            Ok(())
        })
        .await;
    }

    pub(crate) async fn lock(&self, tenant: TenantId, key: CounterKey) {
        self.lock_from(tenant, key, "203.0.113.7").await;
    }

    pub(crate) async fn lock_from(&self, tenant: TenantId, key: CounterKey, ip: &'static str) {
        self.fail_from(tenant, key, 5, ip).await;
        let until = self
            .app
            .now()
            .plus(self.app.settings().tenant.lockout.duration);
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

    /// Attempts of two days ago, each by itself.
    pub(crate) async fn attempts_of_the_past(&self, tenant: TenantId, count: u16) {
        let at = self.app.now().minus(Duration::from_hours(48));
        self.write(move |tx| {
            for n in 0..count {
                let mut id = [7; 16];
                id[..2].copy_from_slice(&n.to_be_bytes());
                let mut subject = [7; 32];
                subject[..2].copy_from_slice(&n.to_be_bytes());
                tx.attempts_mut().record(&Attempt {
                    id: AttemptId::from_bytes(id),
                    at,
                    tenant_id: Some(tenant),
                    user_id: None,
                    subject: CounterKey::from_bytes(subject),
                    ip: None,
                    outcome: Outcome::WrongPassword,
                    device: None,
                    request_id: None,
                    trace: Vec::new(),
                    decision: None,
                    correlation_id: None,
                })?;
            }
            Ok(())
        })
        .await;
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
            decision: None,
            correlation_id: None,
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
    /// The installation's own chain.
    /// Somebody who registered a moment ago.
    pub(crate) async fn registration(&self, tenant: TenantId, email: &str) {
        let now = self.app.now();
        let waiting = Registration {
            id: UserId::from_bytes(self.next()),
            tenant_id: tenant,
            email: email.parse().unwrap(),
            name: common::view::Name::default(),
            phone: None,
            address: None,
            locale: None,
            hash: Secret::new("$argon2id$x".to_owned()),
            network: "203.0.113.7".to_owned(),
            tries: 1,
            created_at: now,
            expires_at: now.plus(Duration::from_hours(48)),
        };
        self.write(move |tx| {
            tx.tenant_mut(tenant)
                .waiting_mut()
                .add_registration(&waiting)
        })
        .await;
    }

    pub(crate) async fn audit_wide(&self) -> Vec<AuditRow> {
        self.app
            .store
            .read(move |tx| tx.audit().rows(None, 1, 100))
            .await
            .unwrap()
    }

    pub(crate) async fn audit(&self, tenant: TenantId) -> Vec<AuditRow> {
        self.app
            .store
            .read(move |tx| tx.audit().rows(Some(tenant), 1, 100))
            .await
            .unwrap()
    }

    /// The id of a tenant by its name.
    pub(crate) async fn tenant_named(&self, slug: &str) -> TenantId {
        let slug = slug.parse().unwrap();
        let read = self.app.store.read(move |tx| tx.tenants().by_slug(&slug));
        let tenant: Option<domain::tenant::Tenant> = read.await.unwrap();
        tenant.unwrap().id
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

pub(crate) fn new_user(tenant: &str, email: &str) -> call::user::Create {
    support::new_user(tenant, email, GOOD)
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
        figures: Figures::default(),
        steering: Arc::new(Wheel::default()),
        warnings: Arc::new(Vec::new),
    })
}
