//! What stands beside the database and may be shared by several nodes (S17). It makes answers faster or
//! refuses more; it never grants (rule 12): a token that comes from there saves looking at a signature,
//! and whether its session lives is asked of the database as always. Values are sealed, names are keyed
//! hashes, and what does not open is as though it were not there.

pub(super) mod state;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::id::TenantId;
use common::tally::Counter;
use common::time::Time;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use crate::app::{App, login_budget};
use crate::cache::{Beside, Bus, Connection, Envelope, Name};
use crate::crypto::{KeyRing, Random, VerifiedToken};

/// Form of what is kept; another one has names of its own.
const FORM: &str = "1";

/// Where values are kept, if there is such a place, and what it was good for.
#[derive(Default)]
pub struct Shared {
    place: Option<Place>,
    bus: Option<Arc<dyn Bus>>,
    hits: Counter,
    misses: Counter,
    refused: Counter,
    /// Bytes that were handed over.
    kept: AtomicU64,
}

struct Place {
    beside: Arc<dyn Beside>,
    namespace: Name,
}

/// How it stands with the shared cache: `status`, `cache stats`, `doctor` and the metrics show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The connection.
    pub connection: Connection,
    /// Values that were there and good.
    pub hits: u64,
    /// Values that were not there.
    pub misses: u64,
    /// Values that were forged, damaged, of another place, or older than a change.
    pub refused: u64,
}

/// What all names of an installation begin with; another one in the same Redis has another.
pub fn namespace(keys: &KeyRing) -> Name {
    let whole = keys.outside_name("namespace", &[]);
    let short = HEXLOWER.encode(whole.get(..8).unwrap_or_default());
    Name::of(&["authd", FORM, &short])
}

/// Closes what nodes tell each other.
pub struct Sealed {
    /// What it is closed with.
    pub keys: Arc<KeyRing>,
    /// Where random bytes come from.
    pub random: Arc<dyn Random>,
}

/// What messages are sealed for.
const MESSAGE: &[u8] = b"message between nodes";

impl Envelope for Sealed {
    fn close(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = self.random.as_ref();
        self.keys.seal_outside(random, MESSAGE, 0, message).ok()
    }

    fn open(&self, closed: &[u8]) -> Option<Vec<u8>> {
        let (_, message) = self.keys.open_outside(MESSAGE, closed)?;
        Some(message)
    }
}

/// Where a token is kept.
pub(super) struct TokenPlace {
    name: Name,
}

impl Shared {
    /// With a place, and what carries notices of invalidations.
    pub fn by(keys: &KeyRing, beside: Arc<dyn Beside>, bus: Arc<dyn Bus>) -> Self {
        let place = Place {
            beside,
            namespace: namespace(keys),
        };
        Self {
            place: Some(place),
            bus: Some(bus),
            ..Self::default()
        }
    }

    /// What carries notices of invalidations; none if nothing is configured.
    pub fn bus(&self) -> Option<Arc<dyn Bus>> {
        self.bus.clone()
    }

    /// How it stands; none if nothing is configured.
    pub fn standing(&self) -> Option<Standing> {
        let place = self.place.as_ref()?;
        Some(Standing {
            connection: place.beside.connection(),
            hits: self.hits.total(),
            misses: self.misses.total(),
            refused: self.refused.total(),
        })
    }

    /// Bytes of values that were handed over since the start.
    pub fn kept_bytes(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Takes values away, all or a tenant's; how many went, none if that could not be done. Budgets stay:
    /// to forget them would give guesses back.
    pub(super) async fn flush(&self, app: &App, tenant: Option<TenantId>) -> Option<u64> {
        let place = self.place.as_ref()?;
        let namespace = place.namespace.as_str();
        let prefixes = match tenant {
            Some(tenant) => vec![Name::of(&[namespace, "s", &tenant_tag(app, tenant)])],
            None => vec![Name::of(&[namespace, "t"]), Name::of(&[namespace, "s"])],
        };
        let mut gone = 0_u64;
        for prefix in prefixes {
            gone = gone.saturating_add(place.beside.remove(&prefix).await?);
        }
        Some(gone)
    }

    /// Opens a value, and counts what it was good for.
    fn opened<T>(
        &self,
        app: &App,
        name: &Name,
        found: Option<Vec<u8>>,
        read: impl FnOnce(u64, &[u8]) -> Option<T>,
    ) -> Option<T> {
        let Some(sealed) = found else {
            self.misses.one();
            return None;
        };
        let opened = app.keys.open_outside(name.as_str().as_bytes(), &sealed);
        let value = opened.and_then(|(number, value)| read(number, &value));
        let counter = if value.is_some() {
            &self.hits
        } else {
            &self.refused
        };
        counter.one();
        value
    }

    fn keep(&self, app: &App, name: &Name, number: u64, value: &[u8], ttl: Duration) {
        let Some(place) = &self.place else { return };
        let sealed =
            app.keys
                .seal_outside(app.random.as_ref(), name.as_str().as_bytes(), number, value);
        if let Ok(sealed) = sealed {
            let bytes = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
            self.kept.fetch_add(bytes, Ordering::Relaxed);
            place.beside.keep(name, sealed, ttl);
        }
    }
}

/// What a tenant's names have in common, so that they can be taken away together.
fn tenant_tag(app: &App, tenant: TenantId) -> String {
    let tag = app.keys.outside_name("tenant tag", &[tenant.as_bytes()]);
    HEXLOWER.encode(tag.get(..8).unwrap_or_default())
}

/// Where the token of that hash is kept. Its name holds all that a check of a signature depends on: when
/// a key comes or goes, what was verified before is looked for no more. Must be asked before the check.
pub(super) fn token_place(app: &App, hash: &[u8; 32]) -> Option<TokenPlace> {
    let place = app.shared.place.as_ref()?;
    let settings = app.settings();
    let audience = settings.password_change_audience();
    let parts: [&[u8]; 4] = [
        &app.keys.verifying(),
        settings.issuer.as_bytes(),
        audience.as_bytes(),
        hash,
    ];
    let id = app.keys.outside_name("token", &parts);
    let id = BASE64URL_NOPAD.encode(&id);
    Some(TokenPlace {
        name: Name::of(&[place.namespace.as_str(), "t", &id]),
    })
}

/// A token that some node verified.
pub(super) async fn token(app: &App, at: &TokenPlace) -> Option<VerifiedToken> {
    let place = app.shared.place.as_ref()?;
    let names = std::slice::from_ref(&at.name);
    let found = place.beside.values(names).await.pop().flatten();
    app.shared.opened(app, &at.name, found, |_, value| {
        VerifiedToken::from_sealed(value)
    })
}

/// Keeps a token that was verified, and whose session was alive.
pub(super) fn keep_token(app: &App, at: &TokenPlace, token: &VerifiedToken, now: Time) {
    let (_, exp) = token.period();
    let ttl = Time::from_millis(exp.saturating_mul(1000)).since(now);
    if let Some(value) = token.to_bytes() {
        app.shared.keep(app, &at.name, 0, &value, ttl);
    }
}

/// Time until an address may try again that has used up its failed logins, here or on all nodes together.
pub(super) async fn budget_exhausted(app: &App, ip: IpAddr, now: Time) -> Option<Duration> {
    let settings = &app.settings().login_budget;
    // What this node has seen holds whatever stands beside: it can refuse more, and never less.
    if let Some(wait) = app.login_budget.exhausted(settings, ip, now) {
        return Some(wait);
    }
    let place = app.shared.place.as_ref()?;
    let name = budget_name(app, place, login_budget::origin(settings, ip)?);
    let limit = settings.failures_per_ip;
    let oldest = place.beside.noted(&name, limit).await?;
    // A moment that has not come is another node's clock, or a stranger's invention: it blocks no
    // longer than one that is now.
    let until = oldest.min(now).plus(settings.window);
    Some(until.since(now)).filter(|wait| *wait > Duration::ZERO)
}

/// Takes one failure from an address's budget, here and beside.
pub(super) fn take_from_budget(app: &App, ip: IpAddr, now: Time) {
    let settings = &app.settings().login_budget;
    app.login_budget.take(settings, ip, now);
    let Some(place) = &app.shared.place else {
        return;
    };
    if let Some(origin) = login_budget::origin(settings, ip) {
        let name = budget_name(app, place, origin);
        let limit = settings.failures_per_ip;
        place.beside.note(&name, now, limit, settings.window);
    }
}

fn budget_name(app: &App, place: &Place, origin: [u8; 16]) -> Name {
    let id = app.keys.outside_name("login budget", &[&origin]);
    let id = BASE64URL_NOPAD.encode(&id);
    Name::of(&[place.namespace.as_str(), "b", &id])
}
