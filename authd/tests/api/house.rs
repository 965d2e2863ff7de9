//! A daemon without sockets: the router behind its edge, and what tests ask of it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use authd::app::{App, Current, Error, lockout, tenant, user};
use authd::crypto::HashPool;
use authd::http::client_ip::TrustedProxies;
use authd::http::edge::{Edge, EdgeSettings, Timeouts, behind};
use authd::http::ready::Ready;
use authd::http::router;
use authd::http::traffic::Traffic;
use authd::serve::{Front, Head, Peer};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Request, Response};
use common::call::user::{Disable, Enable, SetPassword};
use common::call::{self, Socket};
use common::id::{TenantId, UserId};
use common::time::{ManualClock, Time};
use domain::attempt::AttemptRow;
use domain::device::KnownDevice;
use domain::lockout::{CounterKey, CounterState};
use domain::session::Session;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::{AttemptFilter, Claim, PageRequest, Priority, StoreError};
use tower::ServiceExt;

use crate::document;
use crate::support::{Installation, Plan, given, new_tenant, new_user, operator, plan, reference};

pub(crate) const GOOD: &str = "seven blue herons walk home";
pub(crate) const BETTER: &str = "nine grey herons swim away";
pub(crate) const WRONG: &str = "not the password of anybody";
pub(crate) const ADA: &str = "ada@acme.test";

/// One request.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Option<Value>,
    /// A body that is no JSON, with its content type.
    pub(crate) raw: Option<(String, Vec<u8>)>,
    pub(crate) from: IpAddr,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Content type of the body.
    pub(crate) kind: &'static str,
}

pub(crate) fn get(path: &str) -> Ask {
    Ask {
        method: "GET",
        path: path.to_owned(),
        token: None,
        body: None,
        raw: None,
        from: IpAddr::from([203, 0, 113, 7]),
        headers: Vec::new(),
        kind: "application/json",
    }
}

pub(crate) fn post(path: &str, body: Value) -> Ask {
    Ask {
        method: "POST",
        body: Some(body),
        ..get(path)
    }
}

pub(crate) fn form(path: &str, form: &str) -> Ask {
    Ask {
        method: "POST",
        ..get(path)
    }
    .bytes("application/x-www-form-urlencoded", form.as_bytes())
}

pub(crate) fn login(email: &str, password: &str) -> Ask {
    let body = json!({"tenant": "acme", "email": email, "password": password});
    post("/v1/auth/login", body)
}

pub(crate) fn change(token: &str, current: &str, new: &str) -> Ask {
    let body = json!({"current_password": current, "new_password": new});
    post("/v1/auth/password/change", body).with(token)
}

pub(crate) fn refresh(token: &str) -> Ask {
    post("/v1/auth/refresh", json!({"refresh_token": token}))
}

impl Ask {
    pub(crate) fn with(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn device(mut self, id: &str, kind: &str, secret: Option<&str>) -> Self {
        let mut device = json!({"id": id, "type": kind});
        if let Some(secret) = secret {
            device["secret"] = secret.into();
        }
        self.body.as_mut().unwrap()["device"] = device;
        self
    }

    pub(crate) fn from(mut self, ip: &str) -> Self {
        self.from = ip.parse().unwrap();
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn bytes(mut self, kind: &str, bytes: &[u8]) -> Self {
        self.raw = Some((kind.to_owned(), bytes.to_vec()));
        self
    }

    pub(crate) fn request(self) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if self.body.is_some() {
            request = request.header("content-type", self.kind);
        }
        if let Some((kind, _)) = &self.raw {
            request = request.header("content-type", kind);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let body = match (self.raw, self.body) {
            (Some((_, bytes)), _) => Body::from(bytes),
            (None, Some(body)) => Body::from(body.to_string()),
            (None, None) => Body::empty(),
        };
        let mut request = request.body(body).unwrap();
        let peer = Peer::Tcp(SocketAddr::new(self.from, 40_000));
        request.extensions_mut().insert(peer);
        request
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The body of an answer that is no JSON, too.
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) took: Duration,
}

impl Answer {
    async fn of(response: Response<Body>, took: Duration) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes: bytes.to_vec(),
            took,
        }
    }

    /// All that two answers to the same request have in common, in its order.
    pub(crate) fn but_for_its_id(&self) -> (u16, Vec<(String, String)>, &str) {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = match name.as_str() {
                "x-request-id" => "an id of its own",
                _ => value.to_str().unwrap(),
            };
            (name.to_string(), value.to_owned())
        });
        (self.status, headers.collect(), &self.text)
    }

    /// The code of a refusal; of an answer that is none, nothing.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn access(&self) -> &str {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["access_token"].as_str().unwrap()
    }

    pub(crate) fn refresh(&self) -> &str {
        self.body["refresh_token"].as_str().unwrap()
    }

    pub(crate) fn secret(&self) -> Option<&str> {
        self.body["device_secret"].as_str()
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
    }
}

pub(crate) async fn send(router: &Router, ask: Ask) -> Answer {
    let start = Instant::now();
    send_whole(router, ask.request(), start).await
}

/// Sends a request that a test made by itself.
pub(crate) async fn send_whole(router: &Router, request: Request<Body>, start: Instant) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = send_apart(router, request, start).await;
    document::hold(method.as_str(), &path, &answer);
    answer
}

/// The same, to what the document of the API is not about.
pub(crate) async fn send_apart(router: &Router, request: Request<Body>, start: Instant) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    Answer::of(response, start.elapsed()).await
}

/// The router of the daemon behind its edge.
pub(crate) fn router(app: &Arc<App>, timeout: Option<Duration>) -> Router {
    let traffic = Arc::new(Traffic::starting(Instant::now()));
    behind(edge(app, timeout, traffic), router::api(app))
}

/// The door of the daemon.
pub(crate) fn edge(app: &Arc<App>, timeout: Option<Duration>, traffic: Arc<Traffic>) -> Arc<Edge> {
    let ids = Arc::clone(app);
    Edge::new(EdgeSettings {
        request_ids: Arc::new(move || ids.new_id(ids.now()).unwrap_or_else(|_| fallback())),
        timeouts: Timeouts::new(timeout, []),
        max_body: 65_536,
        proxies: TrustedProxies::default(),
        traffic,
    })
}

/// What stands in front of the router.
fn front(app: &Arc<App>) -> Arc<Ready> {
    let traffic = Arc::new(Traffic::starting(Instant::now()));
    Ready::new(Arc::clone(app), edge(app, None, traffic))
}

fn fallback() -> common::id::RequestId {
    common::id::RequestId::from_bytes([9; 16])
}

/// The same daemon with hash threads of its own: what goes through it passes a queue that is held.
pub(crate) fn beside(app: &App, pool: HashPool) -> Arc<App> {
    Arc::new(App {
        store: app.store.clone(),
        cache: Arc::clone(&app.cache),
        activity: Arc::clone(&app.activity),
        client_uses: Arc::clone(&app.client_uses),
        keys: Arc::clone(&app.keys),
        pool,
        clock: Arc::clone(&app.clock),
        random: Arc::clone(&app.random),
        settings: Current::new((*app.settings()).clone()),
        boot: app.boot,
        login_floor: Current::new(*app.login_floor.get()),
        maintenance: Current::new(None),
        login_budget: authd::app::login_budget::LoginBudget::default(),
        shared: authd::app::shared::Shared::default(),
        draining: false.into(),
        waiters: authd::app::waiters::Waiters::default(),
        backups: authd::app::backup::Backups::new(
            Arc::clone(&app.backups.open_keys),
            app.backups.apart.clone(),
        ),
        room: authd::app::db::Room::default(),
        pictures: authd::app::picture::Pictures::start().unwrap(),
        mail: authd::app::mail::Mailroom::new(None),
        counts: authd::app::counts::Counts::default(),
    })
}

pub(crate) struct House {
    pub(crate) app: Arc<App>,
    pub(crate) router: Router,
    pub(crate) front: Arc<Ready>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) acme: TenantId,
    pub(crate) ada: UserId,
    _installation: Installation,
}

impl House {
    /// Tenant `acme` with the user Ada, whose password stands.
    pub(crate) async fn new() -> Self {
        Self::with(plan()).await
    }

    pub(crate) async fn with(plan: Plan) -> Self {
        let installation = Installation::new(plan);
        let app = Arc::clone(&installation.app);
        let acme = make_tenant(&app, new_tenant("acme")).await;
        let ada = make_user(&app, "acme", ADA).await;
        Self {
            router: router(&app, None),
            front: front(&app),
            clock: Arc::clone(&installation.clock),
            app,
            acme,
            ada,
            _installation: installation,
        }
    }

    pub(crate) async fn tenant(&self, request: call::tenant::Create) -> TenantId {
        make_tenant(&self.app, request).await
    }

    pub(crate) async fn user(&self, tenant: &str, email: &str) -> UserId {
        make_user(&self.app, tenant, email).await
    }

    /// A user whose password is good for changing it only.
    pub(crate) async fn temporary(&self, email: &str) -> UserId {
        let request = new_user("acme", email, GOOD);
        let change = user::create(&self.app, &operator(Socket::Admin), request).await;
        change.unwrap().id.unwrap().parse().unwrap()
    }

    /// Asks the router, and before it what stands in front of it: an answer that is ready is the
    /// same, whatever a test is about.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        let ready = self.ready(ask.clone()).await;
        let routed = send(&self.router, ask).await;
        if let Some(ready) = ready {
            assert_eq!(ready.but_for_its_id(), routed.but_for_its_id());
        }
        routed
    }

    /// The answer in front of the router, if one is ready.
    pub(crate) async fn ready(&self, ask: Ask) -> Option<Answer> {
        let request = ask.request();
        let start = Instant::now();
        let response = self.front.answer(&Head {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            has_body: !request.body().is_end_stream(),
            peer: *request.extensions().get().unwrap(),
        })?;
        Some(Answer::of(response, start.elapsed()).await)
    }

    /// Asks in a task of its own.
    pub(crate) fn start(&self, ask: Ask) -> tokio::task::JoinHandle<Answer> {
        let router = self.router.clone();
        tokio::spawn(async move { send(&router, ask).await })
    }

    /// Ada's login.
    pub(crate) async fn sign_in(&self) -> Answer {
        let answer = self.ask(login(ADA, GOOD)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    pub(crate) async fn check(&self, token: &str) -> Answer {
        self.ask(get("/v1/auth/check").with(token)).await
    }

    /// Where the database lies.
    pub(crate) fn folder(&self) -> PathBuf {
        self.app.store.info().path.parent().unwrap().to_owned()
    }

    pub(crate) fn subject(&self, email: &str) -> CounterKey {
        self.app.keys.subject("acme", &email.parse().unwrap())
    }

    pub(crate) async fn counter(&self, key: CounterKey) -> CounterState {
        self.app
            .store
            .read(move |tx| tx.counters().state(&key, Time::default()))
            .await
            .unwrap()
    }

    /// Failures that count for a name of `acme`.
    pub(crate) async fn failures(&self, email: &str) -> usize {
        self.counter(self.subject(email)).await.failures.len()
    }

    pub(crate) async fn sessions(&self, user: UserId) -> Vec<Session> {
        let tenant = self.acme;
        self.app
            .store
            .read(move |tx| tx.tenant(tenant).sessions().open_of(user))
            .await
            .unwrap()
    }

    pub(crate) async fn devices(&self, user: UserId) -> Vec<KnownDevice> {
        let tenant = self.acme;
        self.app
            .store
            .read(move |tx| tx.tenant(tenant).devices().of(user))
            .await
            .unwrap()
    }

    /// The log of attempts, the newest first.
    pub(crate) async fn attempts(&self) -> Vec<AttemptRow> {
        let mut rows: Vec<AttemptRow> = Vec::new();
        loop {
            let page = PageRequest {
                limit: 200,
                after: rows.last().map(|row| row.first.id.to_string()),
            };
            let read = self
                .app
                .store
                .read(move |tx| tx.operator().attempts(&AttemptFilter::default(), &page))
                .await;
            let more = read.unwrap();
            if more.is_empty() {
                return rows;
            }
            rows.extend(more);
        }
    }

    /// How often a name's tries ended so.
    pub(crate) async fn count(&self, email: &str, outcome: &str) -> u64 {
        let subject = self.subject(email);
        let rows = self.attempts().await;
        rows.iter()
            .filter(|row| row.first.subject == subject && row.first.outcome.as_str() == outcome)
            .map(|row| row.count)
            .sum()
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

    pub(crate) async fn disable(&self) {
        self.disable_named(ADA).await;
    }

    pub(crate) async fn lock_by_hand(&self, email: &str) {
        let request = call::lockout::Add {
            user: reference("acme", email),
            term: call::lockout::Term::UntilCleared,
            reason: None,
        };
        lockout::add(&self.app, &operator(Socket::Admin), request)
            .await
            .unwrap();
    }

    pub(crate) async fn disable_named(&self, email: &str) {
        let request = Disable {
            user: reference("acme", email),
            reason: None,
        };
        user::disable(&self.app, &operator(Socket::Admin), request)
            .await
            .unwrap();
    }

    /// Closes the tenant `acme`.
    pub(crate) async fn suspend(&self) {
        let request = call::tenant::Suspend {
            tenant: "acme".to_owned(),
            reason: None,
        };
        tenant::suspend(&self.app, &operator(Socket::Admin), request)
            .await
            .unwrap();
    }

    /// Opens it again.
    pub(crate) async fn resume(&self) {
        let request = call::tenant::Resume {
            tenant: "acme".to_owned(),
            reason: None,
        };
        tenant::resume(&self.app, &operator(Socket::Admin), request)
            .await
            .unwrap();
    }

    pub(crate) async fn enable(&self, email: &str) {
        let request = Enable {
            user: reference("acme", email),
            reason: None,
        };
        user::enable(&self.app, &operator(Socket::Admin), request)
            .await
            .unwrap();
    }
}

/// What the administrator does to set Ada's password.
pub(crate) async fn set_password(app: &Arc<App>, email: &str, new: &str, permanent: bool) {
    try_set_password(app, email, new, permanent).await.unwrap();
}

pub(crate) async fn try_set_password(
    app: &Arc<App>,
    email: &str,
    new: &str,
    permanent: bool,
) -> Result<(), Error> {
    let request = SetPassword {
        user: reference("acme", email),
        password: given(new),
        permanent,
        reason: None,
    };
    user::set_password(app, &operator(Socket::Admin), request)
        .await
        .map(drop)
}

async fn make_tenant(app: &Arc<App>, request: call::tenant::Create) -> TenantId {
    let change = tenant::create(app, &operator(Socket::Admin), request).await;
    change.unwrap().id.unwrap().parse().unwrap()
}

async fn make_user(app: &Arc<App>, tenant: &str, email: &str) -> UserId {
    let request = call::user::Create {
        permanent: true,
        ..new_user(tenant, email, GOOD)
    };
    let change = user::create(app, &operator(Socket::Admin), request).await;
    change.unwrap().id.unwrap().parse().unwrap()
}

/// Waits until something that another thread does has happened.
pub(crate) async fn until(mut happened: impl AsyncFnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !happened().await {
        assert!(Instant::now() < limit, "it did not happen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
