//! The cache of one process: moka beside the version tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use common::id::{ClientId, TenantId};
use common::tally::Counter;
use domain::rights::Access;
use domain::setting::TenantSettings;
use moka::sync::Cache as Moka;
use store::{CommitListener, Scope};
use tokio::sync::watch;

use super::denied::{DeniedIds, Listed};
use super::lease::Lease;
use super::shared::Shared;
use super::versions::{ClientTicket, Ticket, TokenTicket, Versions};
use super::{Cache, CacheStats, ClientState, Outdated, Remembered, SessionState, StateKey};
use crate::crypto::VerifiedToken;

type States = Moka<StateKey, (Ticket, Arc<SessionState>)>;
type Clients = Moka<(TenantId, ClientId), (ClientTicket, Arc<ClientState>)>;
type Tokens = Moka<[u8; 32], Arc<Known>>;

/// A verified token, and the state that it was last used with: one look-up finds both. A state is
/// held here until the next one takes its place or the token goes, so there are at most twice as
/// many as the cache's size says.
#[derive(Debug)]
struct Known {
    ticket: TokenTicket,
    token: Arc<VerifiedToken>,
    held: ArcSwapOption<Held>,
}

#[derive(Debug)]
struct Held {
    ticket: Ticket,
    remembered: Arc<Remembered>,
}

/// Most service clients; they are few, and each is a kilobyte.
const CLIENT_ENTRIES: u64 = 1000;

/// Cache in this process. It is emptied by its end.
#[derive(Debug)]
pub struct MemoryCache {
    lease: Arc<Lease>,
    versions: Versions,
    states: ArcSwap<States>,
    tokens: ArcSwap<Tokens>,
    denied: DeniedIds,
    clients: Clients,
    commits: watch::Sender<u64>,
    accesses: Shared<Access>,
    settings: Shared<TenantSettings>,
    hits: AtomicU64,
    misses: AtomicU64,
    outdated: Outdating,
}

/// The counters of [`Outdated`].
#[derive(Debug, Default)]
struct Outdating {
    all: Counter,
    tenants: Counter,
    users: Counter,
    sessions: Counter,
}

impl Outdating {
    fn count(&self, scope: &Scope) {
        match scope {
            Scope::Global | Scope::Tokens => self.all.one(),
            Scope::Tenant(_) => self.tenants.one(),
            Scope::User(_) => self.users.one(),
            Scope::Session(_) => self.sessions.one(),
        }
    }

    fn total(&self) -> Outdated {
        Outdated {
            all: self.all.total(),
            tenants: self.tenants.total(),
            users: self.users.total(),
            sessions: self.sessions.total(),
        }
    }
}

impl MemoryCache {
    /// Holds at most so many states, and as many tokens, for a node that is alone.
    pub fn new(token_entries: u64) -> Self {
        Self::under(Arc::new(Lease::alone()), token_entries)
    }

    /// The same, of a node that answers from it while the lease holds.
    pub fn under(lease: Arc<Lease>, token_entries: u64) -> Self {
        Self {
            lease,
            versions: Versions::new(),
            states: ArcSwap::from_pointee(Moka::new(token_entries)),
            tokens: ArcSwap::from_pointee(Moka::new(token_entries)),
            denied: DeniedIds::new(),
            clients: Moka::new(CLIENT_ENTRIES),
            commits: watch::Sender::new(0),
            accesses: Shared::new(),
            settings: Shared::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            outdated: Outdating::default(),
        }
    }

    /// Holds at most so many from now on. What it held is forgotten: moka's size is fixed.
    pub fn resize(&self, token_entries: u64) {
        if self.states.load().policy().max_capacity() != Some(token_entries) {
            self.states.store(Arc::new(Moka::new(token_entries)));
            self.tokens.store(Arc::new(Moka::new(token_entries)));
        }
    }

    /// Most states, and as many tokens, that it holds.
    pub fn capacity(&self) -> u64 {
        self.states
            .load()
            .policy()
            .max_capacity()
            .unwrap_or(u64::MAX)
    }

    /// What is found, if memory may answer. The lease is asked first, so that all is compared with that was
    /// applied when it was renewed, and once more behind it, for a process that was stopped in between.
    fn leased<T>(&self, find: impl FnOnce() -> Option<T>) -> Option<T> {
        if !self.lease.holds() {
            return None;
        }
        find().filter(|_| self.lease.holds())
    }

    fn remembered(
        &self,
        hash: &[u8; 32],
        fits: &dyn Fn(&SessionState) -> bool,
    ) -> Option<Arc<Remembered>> {
        // Looked up first and compared second: a commit between the two is seen.
        let known = self.tokens.load().get(hash)?;
        if self.versions.token_ticket() != known.ticket {
            return None;
        }
        let is_good =
            |ticket: &Ticket, state: &SessionState| self.versions.is_current(ticket) && fits(state);
        let held = known.held.load();
        let remembered = match held.as_ref() {
            Some(held) if is_good(&held.ticket, &held.remembered.state) => {
                Arc::clone(&held.remembered)
            }
            _ => {
                let VerifiedToken::Access(claims) = known.token.as_ref() else {
                    return None;
                };
                let (ticket, state) = self.states.load().get(&StateKey::of(claims))?;
                if !is_good(&ticket, &state) {
                    return None;
                }
                let remembered = Arc::new(Remembered::new(Arc::clone(&known.token), state));
                known.held.store(Some(Arc::new(Held {
                    ticket,
                    remembered: Arc::clone(&remembered),
                })));
                remembered
            }
        };
        Some(remembered)
    }

    fn counted<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }
}

impl CommitListener for MemoryCache {
    fn committed(&self, scopes: &[Scope]) {
        for scope in scopes {
            self.versions.raise(scope);
            self.outdated.count(scope);
        }
        self.commits
            .send_modify(|number| *number = number.wrapping_add(1));
    }
}

impl Cache for MemoryCache {
    fn state(&self, key: &StateKey) -> Option<Arc<SessionState>> {
        let current = self.leased(|| {
            let found = self.states.load().get(key);
            // As above: looked up first, compared second.
            found.filter(|(ticket, _)| self.versions.is_current(ticket))
        });
        self.counted(current.map(|(_, state)| state))
    }

    fn ticket(&self, key: &StateKey) -> Ticket {
        self.versions.ticket(key)
    }

    fn put_state(&self, ticket: Ticket, state: Arc<SessionState>) {
        if *ticket.key() == state.key() && self.versions.is_current(&ticket) {
            self.states.load().insert(state.key(), (ticket, state));
        }
    }

    fn client(&self, tenant: TenantId, id: ClientId) -> Option<Arc<ClientState>> {
        let current = self.leased(|| {
            let found = self.clients.get(&(tenant, id));
            found.filter(|(ticket, _)| self.versions.client_ticket(ticket.owner()) == *ticket)
        });
        self.counted(current.map(|(_, state)| state))
    }

    fn client_ticket(&self, tenant: TenantId) -> ClientTicket {
        self.versions.client_ticket(tenant)
    }

    fn put_client(&self, ticket: ClientTicket, state: Arc<ClientState>) {
        let key = (state.client.tenant_id, state.client.id);
        if ticket.owner() == key.0 && self.versions.client_ticket(key.0) == ticket {
            self.clients.insert(key, (ticket, state));
        }
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    fn share(&self, access: Access) -> Arc<Access> {
        self.accesses.share(access)
    }

    fn share_settings(&self, settings: TenantSettings) -> Arc<TenantSettings> {
        self.settings.share(settings)
    }

    fn token(&self, hash: &[u8; 32]) -> Option<Arc<VerifiedToken>> {
        let current = self.leased(|| {
            let found = self.tokens.load().get(hash);
            found.filter(|known| self.versions.token_ticket() == known.ticket)
        });
        self.counted(current.map(|known| Arc::clone(&known.token)))
    }

    fn recall(
        &self,
        hash: &[u8; 32],
        fits: &dyn Fn(&SessionState) -> bool,
    ) -> Option<Arc<Remembered>> {
        let remembered = self.leased(|| self.remembered(hash, fits))?;
        // Two look-ups that were answered.
        self.hits.fetch_add(2, Ordering::Relaxed);
        Some(remembered)
    }

    fn glance(&self, key: &StateKey) -> Option<(Ticket, Arc<SessionState>)> {
        self.leased(|| {
            let found = self.states.load().get(key);
            found.filter(|(ticket, _)| self.versions.is_current(ticket))
        })
    }

    fn introduce(
        &self,
        ticket: TokenTicket,
        hash: [u8; 32],
        token: Arc<VerifiedToken>,
        (state_ticket, state): (Ticket, Arc<SessionState>),
    ) -> Option<Arc<Remembered>> {
        let VerifiedToken::Access(claims) = token.as_ref() else {
            return None;
        };
        let is_of_token = *state_ticket.key() == StateKey::of(claims);
        // The state was glanced at under a lease that must hold still.
        if !is_of_token
            || !self.lease.holds()
            || self.versions.token_ticket() != ticket
            || !self.versions.is_current(&state_ticket)
        {
            return None;
        }
        let remembered = Arc::new(Remembered::new(Arc::clone(&token), state));
        let held = Held {
            ticket: state_ticket,
            remembered: Arc::clone(&remembered),
        };
        let known = Known {
            ticket,
            token,
            held: ArcSwapOption::from_pointee(held),
        };
        self.tokens.load().insert(hash, Arc::new(known));
        // The signature was looked at, the state was there.
        self.misses.fetch_add(1, Ordering::Relaxed);
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(remembered)
    }

    fn listed(&self, jti: &str) -> Listed {
        let looked = || Some(self.denied.look(jti, self.versions.token_ticket()));
        self.leased(looked).unwrap_or(Listed::Unread)
    }

    fn put_denied(&self, ticket: TokenTicket, ids: Vec<String>) {
        self.denied.put(ticket, ids);
    }

    fn token_ticket(&self) -> TokenTicket {
        self.versions.token_ticket()
    }

    fn put_token(&self, ticket: TokenTicket, hash: [u8; 32], token: Arc<VerifiedToken>) {
        if self.versions.token_ticket() == ticket {
            let known = Known {
                ticket,
                token,
                held: ArcSwapOption::empty(),
            };
            self.tokens.load().insert(hash, Arc::new(known));
        }
    }

    fn flush(&self) {
        self.versions.raise(&Scope::Global);
        self.states.load().invalidate_all();
        self.tokens.load().invalidate_all();
        self.clients.invalidate_all();
    }

    fn stats(&self) -> CacheStats {
        let (states, tokens) = (self.states.load(), self.tokens.load());
        states.run_pending_tasks();
        tokens.run_pending_tasks();
        CacheStats {
            entries: states.entry_count() + tokens.entry_count(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            outdated: self.outdated.total(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_size_holds_at_once_and_the_same_one_keeps_what_there_is() {
        let cache = MemoryCache::new(10);
        let before = cache.states.load_full();
        cache.resize(10);
        assert!(Arc::ptr_eq(&before, &cache.states.load_full()));
        cache.resize(20);
        assert_eq!(cache.capacity(), 20);
        assert_eq!(cache.tokens.load().policy().max_capacity(), Some(20));
    }
}
