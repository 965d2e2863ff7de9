//! Binds the doors, puts the routers behind them, and serves until the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::call::{AdminCall, Socket, mail, user};
use common::id::RequestId;
use common::time::Time;
use common::view::Warning;
use domain::audit::Actor;
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::exit::Failure;
use super::figures;
use super::passed::Passed;
use super::process;
use super::reload::{Reloader, Wheel};
use crate::admin::edge::{self as admin_edge, AdminEdge};
use crate::admin::listener::{self, SocketFile, SocketPlan};
use crate::admin::peer::{self, Admission};
use crate::admin::routes;
use crate::app::refused_peer::RefusedPeers;
use crate::app::status::{Running, Traffic as OfLastMinute, TrafficFigures};
use crate::app::{App, Current};
use crate::config::{Account, ClientIpHeader as ConfiguredHeader, Config, Loaded};
use crate::crypto::{self, DrawnAhead};
use crate::http::client_ip::{ClientIpHeader, TrustedProxies};
use crate::http::edge::{self, Edge, EdgeSettings, RequestIds, Timeouts};
use crate::http::metrics;
use crate::http::ready::Ready;
use crate::http::router;
use crate::http::traffic::Traffic;
use crate::serve::{self, ConnectionTimes, Gauge, Limits, Site, Times};

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 4096;

/// Listeners that are bound, with what stands behind them.
pub(super) struct Bound {
    api: Vec<(TcpListener, Site, Limits)>,
    /// Counts the API's connections.
    gauge: Gauge,
    metrics: Option<(TcpListener, Site, Limits)>,
    admin: Vec<AdminDoor>,
}

/// What a reload changes at the doors.
pub(super) struct Doors {
    edge: Arc<Edge>,
    times: Times,
    admin: Vec<Arc<AdminEdge>>,
}

impl Doors {
    /// Requests, and connections of the API, that come from now on go by this.
    pub(super) fn apply(&self, config: &Config, uids: &[u32]) {
        for door in &self.admin {
            door.admission.set(uids.to_vec());
            door.timeouts.set(admin_timeouts(config));
        }
        self.edge.set(timeouts(config), proxies(config));
        self.times.set(times(config));
    }

    /// All of it, to compare.
    #[cfg(test)]
    pub(super) fn fingerprint(&self) -> String {
        let admin = self.admin.iter().map(|door| {
            let uids = door.admission.uids();
            format!("{uids:?} {:?}", door.timeouts)
        });
        let admin: Vec<String> = admin.collect();
        format!("{:?} {:?} {admin:?}", self.edge.policy(), self.times)
    }
}

fn timeouts(config: &Config) -> Timeouts {
    Timeouts::new(
        Some(config.api.request_timeout),
        config.api.timeout_overrides.clone(),
    )
    .for_pictures(config.timeouts.picture)
}

fn admin_timeouts(config: &Config) -> Timeouts {
    let mail_test = (mail::Test::PATH.to_owned(), Some(config.timeouts.mail_test));
    let picture = user::SetPicture::PATH.to_owned();
    let picture = (picture, Some(config.timeouts.picture));
    Timeouts::new(
        Some(config.admin.request_timeout),
        jobs().chain([mail_test, picture]),
    )
}

fn times(config: &Config) -> ConnectionTimes {
    ConnectionTimes {
        header: config.api.header_timeout,
        keepalive: config.api.keepalive_timeout,
    }
}

/// Where an admin socket comes from.
enum Origin {
    /// authd binds it.
    Own(SocketPlan),
    /// The service manager did.
    Passed(std::os::unix::net::UnixListener),
}

impl Origin {
    /// None for a socket that is not wanted.
    fn of(
        passed: Option<std::os::unix::net::UnixListener>,
        socket: Socket,
        config: &Config,
        folder_mode: u32,
    ) -> Option<Self> {
        if let Some(listener) = passed {
            return Some(Self::Passed(listener));
        }
        let admin = &config.admin;
        let (path, group) = match socket {
            Socket::Admin => (&admin.socket, &admin.socket_group),
            Socket::Monitor => (&admin.monitor_socket, &admin.monitor_socket_group),
            Socket::Helpdesk => (
                admin.helpdesk_socket.as_ref()?,
                &admin.helpdesk_socket_group,
            ),
        };
        Some(Self::Own(SocketPlan {
            path: path.clone(),
            group: group.clone(),
            mode: admin.socket_mode,
            folder_mode,
        }))
    }
}

struct AdminDoor {
    listener: UnixListener,
    /// None where the service manager made it, and takes it away.
    file: Option<SocketFile>,
    router: axum::Router,
    limits: Limits,
    edge: Arc<AdminEdge>,
}

/// Servers that run.
pub(super) struct Servers {
    set: JoinSet<()>,
}

struct LastMinute(Arc<Traffic>);

impl TrafficFigures for LastMinute {
    fn traffic(&self) -> OfLastMinute {
        let summary = self.0.summary(Instant::now());
        OfLastMinute {
            requests_per_second: summary.requests_per_second,
            p99_seconds: summary.p99_seconds,
            error_rate: summary.error_rate,
        }
    }
}

/// Binds all listeners; none is served yet.
pub(super) fn bind(
    loaded: &Loaded,
    passed: Passed,
    app: &Arc<App>,
    started_at: Time,
    folder_mode: u32,
    reloader: &Arc<Reloader>,
) -> Result<Bound, Failure> {
    let config = &loaded.config;
    let traffic = Arc::new(Traffic::starting(Instant::now()));
    let request_ids = request_ids(app);
    let edge = Edge::new(EdgeSettings {
        request_ids: Arc::clone(&request_ids),
        timeouts: timeouts(config),
        max_body: usize::try_from(config.api.max_body).unwrap_or(usize::MAX),
        proxies: proxies(config),
        traffic: Arc::clone(&traffic),
    });
    let times = Times::new(times(config));
    let gauge = Gauge::default();
    let api = bind_api(config, passed.api, app, &edge, &times)?;
    let running = Arc::new(Running {
        started_at,
        config_files: loaded
            .files
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        public_url: config.api.public_url.clone(),
        listen: addresses(&api),
        traffic: Arc::new(LastMinute(Arc::clone(&traffic))),
        figures: figures::of(traffic, gauge.clone()),
        steering: Arc::new(Wheel(Arc::clone(reloader))),
        warnings: warnings(app, Arc::clone(&edge)),
    });
    let metrics = bind_metrics(config, app, &running, &request_ids)?;
    let uids = allowed_uids(config)?;
    let sockets = [
        (Socket::Admin, passed.admin),
        (Socket::Monitor, passed.monitor),
        (Socket::Helpdesk, passed.helpdesk),
    ];
    let doors = sockets.into_iter().filter_map(|(socket, passed)| {
        let origin = Origin::of(passed, socket, config, folder_mode)?;
        let door = AdminEdge {
            request_ids: Arc::clone(&request_ids),
            socket,
            timeouts: Current::new(admin_timeouts(config)),
            admission: admission(app, uids.clone(), socket),
        };
        Some(bind_admin(config, app, &running, origin, door))
    });
    let admin = doors.collect::<Result<Vec<AdminDoor>, Failure>>()?;
    reloader.set_doors(Doors {
        edge,
        times,
        admin: admin.iter().map(|door| Arc::clone(&door.edge)).collect(),
    });
    Ok(Bound {
        api,
        gauge,
        metrics,
        admin,
    })
}

/// Where the API listens.
fn addresses(api: &[(TcpListener, Site, Limits)]) -> Vec<String> {
    api.iter()
        .filter_map(|(listener, ..)| listener.local_addr().ok())
        .map(|address| address.to_string())
        .collect()
}

/// The listener of /metrics, where there is to be one.
fn bind_metrics(
    config: &Config,
    app: &Arc<App>,
    running: &Arc<Running>,
    request_ids: &RequestIds,
) -> Result<Option<(TcpListener, Site, Limits)>, Failure> {
    let Some(address) = config.metrics.listen else {
        return Ok(None);
    };
    let listener = bind_tcp(address)
        .map_err(|error| Failure::bind("metrics.listen", &address.to_string(), &error))?;
    let site = metrics::router(app, running, request_ids).into();
    let limits = metrics::limits(config.api.shutdown_grace);
    Ok(Some((listener, site, limits)))
}

/// Jobs have no total limit.
fn jobs() -> impl Iterator<Item = (String, Option<Duration>)> {
    let calls = common::call::all().into_iter();
    calls
        .filter(|call| call.is_job)
        .map(|call| (call.path.to_owned(), None))
}

fn bind_api(
    config: &Config,
    passed: Vec<std::net::TcpListener>,
    app: &Arc<App>,
    edge: &Arc<Edge>,
    times: &Times,
) -> Result<Vec<(TcpListener, Site, Limits)>, Failure> {
    let router = edge::behind(Arc::clone(edge), router::api(app));
    let site = Site::with_front(router, Ready::new(Arc::clone(app), Arc::clone(edge)));
    let listeners = if passed.is_empty() {
        own_api(config)?
    } else {
        tracing::info!(
            sockets = passed.len(),
            "the API's sockets come from the service manager; api.listen is not used"
        );
        let adopt = passed.into_iter().map(TcpListener::from_std);
        adopt
            .collect::<Result<Vec<_>, _>>()
            .map_err(Failure::other)?
    };
    let most = process::make_room(
        config.api.max_connections,
        listeners.len(),
        config.database.pool_size,
    );
    Ok(listeners
        .into_iter()
        .map(|listener| (listener, site.clone(), limits(config, times, most)))
        .collect())
}

fn own_api(config: &Config) -> Result<Vec<TcpListener>, Failure> {
    if config.api.listen.is_empty() {
        return Err(Failure::config(
            "api.listen is empty, and the service manager passes no socket named \"api\"",
            "Start authd.socket, or name an address, like \"127.0.0.1:8440\".",
        ));
    }
    let bind = |&address: &SocketAddr| {
        bind_tcp(address).map_err(|error| Failure::bind("api.listen", &address.to_string(), &error))
    };
    config.api.listen.iter().map(bind).collect()
}

fn bind_admin(
    config: &Config,
    app: &Arc<App>,
    running: &Arc<Running>,
    origin: Origin,
    door: AdminEdge,
) -> Result<AdminDoor, Failure> {
    let (listener, file) = match origin {
        Origin::Own(plan) => {
            let (listener, file) = listener::bind(&plan).map_err(Failure::socket)?;
            (listener, Some(file))
        }
        Origin::Passed(listener) => {
            tracing::info!(
                socket = door.socket.as_str(),
                "the socket comes from the service manager; path, group and mode are its unit's"
            );
            let listener = UnixListener::from_std(listener).map_err(Failure::other)?;
            (listener, None)
        }
    };
    let edge = Arc::new(door);
    Ok(AdminDoor {
        listener,
        file,
        router: admin_edge::behind(Arc::clone(&edge), routes::router(app, running)),
        limits: admin_edge::limits(config.api.shutdown_grace),
        edge,
    })
}

impl Bound {
    /// Serves.
    pub(super) fn start(self, stopping: &watch::Receiver<bool>) -> Servers {
        let mut set = JoinSet::new();
        for (listener, site, limits) in self.api {
            set.spawn(serve::serve_tcp(
                listener,
                site,
                limits,
                stopping.clone(),
                self.gauge.clone(),
            ));
        }
        if let Some((listener, site, limits)) = self.metrics {
            let stopping = stopping.clone();
            let gauge = Gauge::default();
            set.spawn(serve::serve_tcp(listener, site, limits, stopping, gauge));
        }
        for door in self.admin {
            let stopping = stopping.clone();
            set.spawn(async move {
                let AdminDoor {
                    listener,
                    file,
                    router,
                    limits,
                    edge,
                } = door;
                let admit = move |peer: &serve::PeerCredentials| edge.admission.admits(peer);
                let gauge = Gauge::default();
                serve::serve_unix(listener, router, limits, stopping, gauge, admit).await;
                drop(file);
            });
        }
        Servers { set }
    }
}

impl Servers {
    /// Waits until all requests have their answers, for as long as the drain may take.
    pub(super) async fn drained(mut self, grace: Duration) {
        let all = async { while self.set.join_next().await.is_some() {} };
        // Each server ends its drain by itself; this is for one that does not.
        let limit = grace.saturating_add(Duration::from_secs(2));
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("connections were cut off at the end of api.shutdown_grace");
        }
    }
}

fn bind_tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn limits(config: &Config, times: &Times, max_connections: usize) -> Limits {
    Limits {
        max_connections,
        times: times.clone(),
        max_header_bytes: usize::try_from(config.api.max_header_bytes).unwrap_or(usize::MAX),
        max_age: None,
        shutdown_grace: config.api.shutdown_grace,
    }
}

fn proxies(config: &Config) -> TrustedProxies {
    TrustedProxies {
        networks: config.api.trusted_proxies.clone(),
        header: match config.api.client_ip_header {
            ConfiguredHeader::None => ClientIpHeader::None,
            ConfiguredHeader::Forwarded => ClientIpHeader::Forwarded,
            ConfiguredHeader::XForwardedFor => ClientIpHeader::XForwardedFor,
        },
    }
}

/// Ids of requests name them in the log and decide nothing; should the random source fail, time and
/// process must do, and every use case that needs randomness fails by itself.
fn request_ids(app: &Arc<App>) -> RequestIds {
    let app = Arc::clone(app);
    let random = DrawnAhead::from(Arc::clone(&app.random));
    Arc::new(move || {
        let now = app.now();
        crypto::new_id(&random, now).unwrap_or_else(|_| {
            let millis = u128::from(now.millis().unsigned_abs());
            RequestId::from_bytes((millis << 80 | u128::from(std::process::id())).to_be_bytes())
        })
    })
}

fn warnings(app: &Arc<App>, edge: Arc<Edge>) -> Arc<dyn Fn() -> Vec<Warning> + Send + Sync> {
    let app = Arc::clone(app);
    Arc::new(move || {
        let mut warnings = Vec::new();
        if edge.saw_untrusted_proxy() {
            warnings.push(Warning {
                code: "proxy_untrusted".to_owned(),
                tenant: None,
                message:
                    "a private peer sends forwarding headers, but api.trusted_proxies is empty: \
                          the budget of failed logins is off for it"
                        .to_owned(),
            });
        }
        if !app.pool.priority_lowered() {
            warnings.push(Warning {
                code: "hash_priority".to_owned(),
                tenant: None,
                message:
                    "the hash threads could not lower their priority; checks wait behind logins"
                        .to_owned(),
            });
        }
        warnings
    })
}

/// Who alone may talk to the sockets, within what their mode says.
pub(super) fn allowed_uids(config: &Config) -> Result<Vec<u32>, Failure> {
    config
        .admin
        .allow_uids
        .iter()
        .map(|account| match account {
            Account::Uid(uid) => Ok(*uid),
            Account::Name(name) => peer::uid_of(name).ok_or_else(|| {
                Failure::config(
                    format!("admin.allow_uids: no user {name}"),
                    "Name users of this machine, or their numbers.",
                )
            }),
        })
        .collect()
}

fn admission(app: &Arc<App>, uids: Vec<u32>, socket: Socket) -> Admission {
    let app = Arc::clone(app);
    let refused = Arc::new(RefusedPeers::default());
    Admission::new(uids, move |peer| {
        let (app, refused) = (Arc::clone(&app), Arc::clone(&refused));
        let actor = Actor {
            uid: Some(peer.uid),
            user: None,
            pid: peer.pid,
            channel: socket.as_str().to_owned(),
            ..Actor::default()
        };
        tokio::spawn(async move {
            if let Err(error) = refused.record(&app, actor).await {
                tracing::warn!(code = %error.code, "the audit row of a refused peer was not written");
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, load};

    #[test]
    fn a54_a_test_mail_and_jobs_have_times_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let settings = [
            "api.public_url=https://a.example",
            "timeouts.mail_test=3s",
            "admin.request_timeout=20s",
        ];
        let source = Source {
            dir: Some(folder.path().to_path_buf()),
            set: settings.map(str::to_owned).to_vec(),
            ..Source::default()
        };
        let timeouts = admin_timeouts(&load(&source).unwrap().config);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(timeouts.of("/v1/mail/test"), seconds(3));
        assert_eq!(timeouts.of("/v1/mail/status"), seconds(20));
        assert_eq!(timeouts.of("/v1/backup/create"), None);
    }
}
