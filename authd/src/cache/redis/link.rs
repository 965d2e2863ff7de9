//! One connection to Redis, and the rule that nobody waits for it twice: a question that is not answered
//! in time takes the connection away, and until a keeper has made a new one and tried it, questions are
//! skipped at once. The crate's own manager keeps a connection that does not answer.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use common::secret::Secret;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, IntoConnectionInfo, Pipeline,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
};
use tokio::sync::{Notify, Semaphore, watch};

use super::warning::Warnings;
use crate::cache::Connection;

/// Questions under way at a time; one more is skipped.
const PLACES: usize = 256;
/// First wait before another connection is tried; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest such wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A connection that lasted so long begins with the first wait again.
const STEADY: Duration = Duration::from_secs(10);
/// Time between two looks at a connection that nobody uses.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Shortest time for making a connection, which nobody waits for.
const CONNECT_LEAST: Duration = Duration::from_secs(1);
/// How long what a trial writes stays.
const TRIAL_MILLIS: u64 = 1000;

/// Where Redis is, and as whom it is asked.
#[derive(Debug)]
pub struct Place {
    /// The way.
    pub way: Way,
    /// For people: the way without secrets.
    pub address: String,
    /// User of its access list.
    pub user: Option<String>,
    /// Password; none is sent without.
    pub password: Option<Secret<String>>,
    /// Number of the database.
    pub database: u16,
    /// Longest wait for one answer.
    pub timeout: Duration,
}

/// The way to a Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A Unix socket.
    Unix(std::path::PathBuf),
    /// Host and port, for this machine alone.
    Plain(String, u16),
    /// Host and port by TLS; the certificate is verified against the system's authorities.
    Tls(String, u16),
}

/// Hears what Redis sends unasked.
pub(super) type Pushed = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// What every connection begins with.
pub(super) struct Greeting {
    /// Channel that is listened to.
    pub(super) channel: String,
    /// Key that a trial writes.
    pub(super) trial: String,
    /// What hears the channel.
    pub(super) pushed: Pushed,
}

/// The connection, as those who ask share it.
pub(super) struct Link {
    address: String,
    timeout: Duration,
    live: ArcSwapOption<MultiplexedConnection>,
    /// Wakes the keeper when the connection was taken away.
    lost: Notify,
    places: Semaphore,
    state: Mutex<State>,
    answered: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    losses: AtomicU64,
}

struct State {
    since: Instant,
    reason: Option<String>,
}

impl Link {
    pub(super) fn new(place: &Place) -> Self {
        Self {
            address: place.address.clone(),
            timeout: place.timeout,
            live: ArcSwapOption::empty(),
            lost: Notify::new(),
            places: Semaphore::new(PLACES),
            state: Mutex::new(State {
                since: Instant::now(),
                reason: Some("is being connected to".to_owned()),
            }),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            losses: AtomicU64::new(0),
        }
    }

    /// Asks, if there is a connection and a place; waits for one answer's time at most.
    pub(super) async fn ask<T: FromRedisValue>(&self, questions: &Pipeline) -> Option<T> {
        let connection = self.live.load_full();
        let Some((connection, _place)) = connection.zip(self.places.try_acquire().ok()) else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let mut own = connection.as_ref().clone();
        match within(self.timeout, questions.query_async(&mut own)).await {
            Ok(answer) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
            Err(failed) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                if !failed.is_of_one_name {
                    self.lose(&connection, failed.reason);
                }
                None
            }
        }
    }

    /// Takes a connection away, unless that has been done.
    fn lose(&self, connection: &Arc<MultiplexedConnection>, reason: String) {
        let before = self
            .live
            .compare_and_swap(connection, None::<Arc<MultiplexedConnection>>);
        let was_it = before
            .as_ref()
            .is_some_and(|before| Arc::ptr_eq(before, connection));
        if was_it {
            self.losses.fetch_add(1, Ordering::Relaxed);
            self.is_down(reason);
            self.lost.notify_one();
        }
    }

    fn is_down(&self, reason: String) {
        let mut state = self.state();
        if state.reason.is_none() {
            state.since = Instant::now();
        }
        state.reason = Some(reason);
    }

    fn is_up(&self, connection: MultiplexedConnection) {
        *self.state() = State {
            since: Instant::now(),
            reason: None,
        };
        self.live.store(Some(Arc::new(connection)));
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands.
    pub(super) fn connection(&self) -> Connection {
        let (lasts, reason) = {
            let state = self.state();
            (state.since.elapsed(), state.reason.clone())
        };
        Connection {
            address: self.address.clone(),
            is_up: reason.is_none(),
            lasts,
            reason,
            answered: self.answered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            dropped: 0,
            losses: self.losses.load(Ordering::Relaxed),
            heard_ago: None,
        }
    }

    /// Makes connections, one after another, until the daemon ends.
    pub(super) async fn keep(
        self: Arc<Self>,
        place: Place,
        greeting: Greeting,
        mut stopping: watch::Receiver<bool>,
    ) {
        let mut warnings = Warnings::new(place.address.clone());
        let mut pause = FIRST_PAUSE;
        loop {
            let made = tokio::select! {
                made = connect(&place, &greeting) => made,
                _ = stopping.changed() => return,
            };
            match made {
                Ok(connection) => {
                    self.is_up(connection);
                    warnings.works();
                    let begun = Instant::now();
                    tokio::select! {
                        () = self.watch(&greeting.trial) => {}
                        _ = stopping.changed() => return,
                    }
                    if begun.elapsed() >= STEADY {
                        pause = FIRST_PAUSE;
                    }
                }
                Err(reason) => self.is_down(reason),
            }
            warnings.fails(self.state().reason.as_deref().unwrap_or("was lost"));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopping.changed() => return,
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Looks at the connection now and then, until it is lost.
    async fn watch(&self, trial: &str) {
        loop {
            tokio::select! {
                () = self.lost.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {
                    self.ask::<()>(&trial_of(trial)).await;
                }
            }
            if self.live.load().is_none() {
                return;
            }
        }
    }
}

/// Makes a connection, listens to the channel, and sees that what is written is taken.
async fn connect(place: &Place, greeting: &Greeting) -> Result<MultiplexedConnection, String> {
    let client = client(place).map_err(|error| told(&error))?;
    let pushed = Arc::clone(&greeting.pushed);
    let hears = move |info: PushInfo| -> Result<(), std::convert::Infallible> {
        pushed(info);
        Ok(())
    };
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_push_sender(hears);
    let patience = place.timeout.max(CONNECT_LEAST);
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = within(patience, connecting).await?;
    let subscribed = connection.subscribe(&greeting.channel);
    within(place.timeout, subscribed).await?;
    let trial = trial_of(&greeting.trial);
    let tried = trial.query_async::<()>(&mut connection);
    within(place.timeout, tried).await?;
    Ok(connection)
}

/// A write that shows whether writes are taken: a replica, a full and a loading Redis refuse it.
fn trial_of(key: &str) -> Pipeline {
    let mut trial = Pipeline::new();
    trial
        .cmd("SET")
        .arg(key)
        .arg("1")
        .arg("PX")
        .arg(TRIAL_MILLIS)
        .ignore();
    trial
}

fn client(place: &Place) -> Result<Client, RedisError> {
    let way = match &place.way {
        Way::Unix(path) => ConnectionAddr::Unix(path.clone()),
        Way::Plain(host, port) => ConnectionAddr::Tcp(host.clone(), *port),
        Way::Tls(host, port) => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
    };
    let mut as_whom = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(i64::from(place.database))
        .set_skip_set_lib_name();
    if let Some(user) = &place.user {
        as_whom = as_whom.set_username(user);
    }
    if let Some(password) = &place.password {
        as_whom = as_whom.set_password(password.expose());
    }
    Client::open(way.into_connection_info()?.set_redis_settings(as_whom))
}

/// Why a question had no answer.
struct Failed {
    reason: String,
    /// Whether a value of another kind stands under its name, as a stranger may have put it there: the
    /// connection is none the worse for it.
    is_of_one_name: bool,
}

impl From<Failed> for String {
    fn from(failed: Failed) -> Self {
        failed.reason
    }
}

async fn within<T>(
    limit: Duration,
    work: impl IntoFuture<Output = Result<T, RedisError>>,
) -> Result<T, Failed> {
    let failed = match tokio::time::timeout(limit, work.into_future()).await {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => Failed {
            reason: told(&error),
            is_of_one_name: error
                .into_server_errors()
                .is_some_and(|errors| errors.iter().all(|(_, error)| error.code() == "WRONGTYPE")),
        },
        Err(_) => Failed {
            reason: format!("did not answer within {} ms", limit.as_millis()),
            is_of_one_name: false,
        },
    };
    Err(failed)
}

/// What an error is, in words of ours: what a server says of itself stays out of the log, but for the
/// capital letters that Redis begins its errors with.
fn told(error: &RedisError) -> String {
    let is_code = |code: &&str| {
        (2..=16).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase())
    };
    match error.code().filter(is_code) {
        Some(code) => format!("answered {code}"),
        None => format!("failed: {}", error.category()),
    }
}
