//! What forces an order of events: random bytes that keep a hash thread waiting or run out, and a
//! cache that keeps a load waiting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use authd::app::App;
use authd::cache::{
    Cache, CacheStats, ClientState, ClientTicket, Listed, MemoryCache, Remembered, SessionState,
    StateKey, Ticket, TokenTicket,
};
use authd::crypto::VerifiedToken;
use authd::crypto::{CryptoError, HashPool, HashSettings, Lane, Random, SeededRandom};
use common::id::{ClientId, TenantId};
use common::secret::Secret;
use domain::password::Password;
use domain::rights::Access;
use domain::setting::TenantSettings;
use store::{CommitListener, Scope};

use crate::house::until;

#[derive(Default)]
struct Held {
    is_closed: bool,
    waiting: usize,
}

/// A gate that threads wait at while it is closed.
#[derive(Default)]
pub(crate) struct Gate {
    held: Mutex<Held>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.held.lock().unwrap().is_closed = true;
    }

    pub(crate) fn open(&self) {
        self.held.lock().unwrap().is_closed = false;
        self.changed.notify_all();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.held.lock().unwrap().waiting
    }

    fn pass(&self) {
        let mut held = self.held.lock().unwrap();
        held.waiting += 1;
        while held.is_closed {
            held = self.changed.wait(held).unwrap();
        }
        held.waiting -= 1;
    }
}

/// Random bytes that are drawn through a gate.
pub(crate) struct GatedRandom {
    gate: Arc<Gate>,
    seeded: SeededRandom,
}

impl Random for GatedRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        self.gate.pass();
        self.seeded.fill(bytes)
    }
}

impl GatedRandom {
    pub(crate) fn behind(gate: &Arc<Gate>) -> Arc<Self> {
        Arc::new(Self {
            gate: Arc::clone(gate),
            seeded: SeededRandom::new(9),
        })
    }
}

/// A pool whose threads can be held.
pub(crate) fn gated_pool(settings: HashSettings) -> (HashPool, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let pool = HashPool::start(settings, GatedRandom::behind(&gate)).unwrap();
    (pool, gate)
}

/// Keeps every thread of the app's pool at the gate, in hashes of nobody's; each takes a place.
pub(crate) async fn hold(app: &App, gate: &Gate) {
    gate.close();
    for _ in 0..app.pool.threads() {
        let mut place = app.pool.place(Lane::Kept).unwrap();
        tokio::spawn(async move {
            let password = Password::new(&Secret::new("nobody's".to_owned())).unwrap();
            place.hash(&password).await.map(drop)
        });
    }
    until(async || gate.waiting() == app.pool.threads()).await;
}

/// Random bytes that run out after a number of draws.
pub(crate) struct EndingRandom {
    seeded: SeededRandom,
    left: AtomicU64,
}

impl EndingRandom {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            seeded: SeededRandom::new(7),
            left: AtomicU64::new(u64::MAX),
        })
    }

    pub(crate) fn ends_after(&self, draws: u64) {
        self.left.store(draws, Ordering::SeqCst);
    }
}

impl Random for EndingRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .map_err(|_| CryptoError::Random)?;
        self.seeded.fill(bytes)
    }
}

/// A cache that keeps loads of states at a gate, between the snapshot and the entry.
pub(crate) struct GatedCache {
    inner: MemoryCache,
    pub(crate) gate: Gate,
}

impl GatedCache {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryCache::new(1000),
            gate: Gate::default(),
        })
    }
}

impl CommitListener for GatedCache {
    fn committed(&self, scopes: &[Scope]) {
        self.inner.committed(scopes);
    }
}

impl Cache for GatedCache {
    fn state(&self, key: &StateKey) -> Option<Arc<SessionState>> {
        self.inner.state(key)
    }

    fn ticket(&self, key: &StateKey) -> Ticket {
        self.inner.ticket(key)
    }

    fn put_state(&self, ticket: Ticket, state: Arc<SessionState>) {
        self.gate.pass();
        self.inner.put_state(ticket, state);
    }

    fn client(&self, tenant: TenantId, id: ClientId) -> Option<Arc<ClientState>> {
        self.inner.client(tenant, id)
    }

    fn client_ticket(&self, tenant: TenantId) -> ClientTicket {
        self.inner.client_ticket(tenant)
    }

    fn put_client(&self, ticket: ClientTicket, state: Arc<ClientState>) {
        self.gate.pass();
        self.inner.put_client(ticket, state);
    }

    fn commits(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.commits()
    }

    fn share(&self, access: Access) -> Arc<Access> {
        self.inner.share(access)
    }

    fn share_settings(&self, settings: TenantSettings) -> Arc<TenantSettings> {
        self.inner.share_settings(settings)
    }

    fn token(&self, hash: &[u8; 32]) -> Option<Arc<VerifiedToken>> {
        self.inner.token(hash)
    }

    fn recall(
        &self,
        hash: &[u8; 32],
        fits: &dyn Fn(&SessionState) -> bool,
    ) -> Option<Arc<Remembered>> {
        self.inner.recall(hash, fits)
    }

    fn glance(&self, key: &StateKey) -> Option<(Ticket, Arc<SessionState>)> {
        self.inner.glance(key)
    }

    fn introduce(
        &self,
        ticket: TokenTicket,
        hash: [u8; 32],
        token: Arc<VerifiedToken>,
        state: (Ticket, Arc<SessionState>),
    ) -> Option<Arc<Remembered>> {
        self.inner.introduce(ticket, hash, token, state)
    }

    fn listed(&self, jti: &str) -> Listed {
        self.inner.listed(jti)
    }

    fn put_denied(&self, ticket: TokenTicket, ids: Vec<String>) {
        self.inner.put_denied(ticket, ids);
    }

    fn token_ticket(&self) -> TokenTicket {
        self.inner.token_ticket()
    }

    fn put_token(&self, ticket: TokenTicket, hash: [u8; 32], token: Arc<VerifiedToken>) {
        self.inner.put_token(ticket, hash, token);
    }

    fn flush(&self) {
        self.inner.flush();
    }

    fn stats(&self) -> CacheStats {
        self.inner.stats()
    }
}
