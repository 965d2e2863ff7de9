//! The counters: what they count, who is shown them, and what is not in them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authd::app::daemon::{Later, Prepared, Steering};
use authd::app::stats::{self, Figures};
use authd::app::status::{Running, Traffic as LastMinute, TrafficFigures};
use authd::http::edge::{RequestIds, behind};
use authd::http::metrics;
use authd::http::router;
use authd::http::traffic::Traffic;
use authd::serve::Peer;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use common::view::{ConfigFaultView, ConfigView, StatsView};

use crate::house::{ADA, Answer, GOOD, House, WRONG, edge, get, login, refresh, send, send_apart};
use crate::support::{NOW, plan};

struct Quiet;

impl TrafficFigures for Quiet {
    fn traffic(&self) -> LastMinute {
        LastMinute::default()
    }
}

impl Steering for Quiet {
    fn config(&self) -> ConfigView {
        panic!("nobody asks")
    }
    fn prepare(&self) -> Later<Result<Box<dyn Prepared>, Vec<ConfigFaultView>>> {
        panic!("nobody asks")
    }
    fn level(&self) -> String {
        panic!("nobody asks")
    }
    fn check_level(&self, _: &str) -> Result<(), String> {
        panic!("nobody asks")
    }
    fn set_level(&self, _: &str, _: Option<Duration>) {
        panic!("nobody asks")
    }
}

/// A house whose answers are counted, with the page that tells of them.
struct Watched {
    house: House,
    router: Router,
    running: Arc<Running>,
    page: Router,
}

impl Watched {
    fn of(house: House) -> Self {
        let traffic = Arc::new(Traffic::starting(Instant::now()));
        let edge = edge(&house.app, None, Arc::clone(&traffic));
        let running = Arc::new(Running {
            started_at: NOW,
            config_files: Vec::new(),
            public_url: String::new(),
            listen: Vec::new(),
            traffic: Arc::new(Quiet),
            figures: Figures::of(move || traffic.families()),
            steering: Arc::new(Quiet),
            warnings: Arc::new(Vec::new),
        });
        let app = Arc::clone(&house.app);
        let ids: RequestIds = Arc::new(move || app.new_id(app.now()).unwrap());
        Self {
            router: behind(edge, router::api(&house.app)),
            page: metrics::router(&house.app, &running, &ids),
            running,
            house,
        }
    }

    async fn stats(&self) -> StatsView {
        stats::stats(&self.house.app, &self.running).await
    }

    async fn scrape(&self, method: &str, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request
            .extension(Peer::Tcp(([127, 0, 0, 1], 5).into()))
            .body(Body::empty());
        send_apart(&self.page, request.unwrap(), Instant::now()).await
    }
}

/// The figure of a name with these labels, and no others.
fn value(stats: &StatsView, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut samples = stats.families.iter().flat_map(|family| &family.samples);
    samples
        .find(|sample| sample.name == name && sample.labels == labels)
        .map(|sample| sample.value)
}

fn is(stats: &StatsView, name: &str, labels: &[(&str, &str)], expected: f64) {
    let found = value(stats, name, labels);
    let is_equal = found.is_some_and(|found| (found - expected).abs() < 1e-9);
    assert!(
        is_equal,
        "{name} {labels:?}: {found:?}, not {expected}\n{stats}"
    );
}

async fn busy(watched: &Watched) {
    let router = &watched.router;
    let signed_in = send(router, login(ADA, GOOD)).await;
    signed_in.is(200, "");
    send(router, login(ADA, WRONG))
        .await
        .is(401, "invalid_credentials");
    let nobody = login("nobody@acme.test", GOOD);
    send(router, nobody).await.is(401, "invalid_credentials");
    let me = get("/v1/me").with(signed_in.access());
    send(router, me).await.is(200, "");
    let next = send(router, refresh(signed_in.refresh())).await;
    next.is(200, "");
    watched.house.clock.advance(Duration::from_mins(1));
    let reused = send(router, refresh(signed_in.refresh())).await;
    reused.is(401, "refresh_token_reused");
    send(router, get("/v1/users/usr_private"))
        .await
        .is(401, "missing_token");
    send(router, get("/canary/of/a/path"))
        .await
        .is(404, "not_found");
}

#[tokio::test]
async fn sign_ins_refreshes_and_answers_are_counted() {
    let watched = Watched::of(House::new().await);
    busy(&watched).await;
    let stats = watched.stats().await;
    let logins = "authd_logins_total";
    is(&stats, logins, &[("outcome", "success")], 1.0);
    is(&stats, logins, &[("outcome", "wrong_password")], 1.0);
    is(&stats, logins, &[("outcome", "unknown_user")], 1.0);
    is(&stats, logins, &[("outcome", "locked")], 0.0);
    let refreshes = "authd_refreshes_total";
    is(&stats, refreshes, &[("outcome", "success")], 1.0);
    is(&stats, refreshes, &[("outcome", "reused")], 1.0);
    is(
        &stats,
        "authd_revocations_total",
        &[("scope", "session")],
        1.0,
    );
    is(&stats, "authd_lockouts_total", &[], 0.0);
    let requests = "authd_http_requests_total";
    let route = |method, route, status| [("method", method), ("route", route), ("status", status)];
    is(
        &stats,
        requests,
        &route("POST", "/v1/auth/login", "2xx"),
        1.0,
    );
    is(
        &stats,
        requests,
        &route("POST", "/v1/auth/login", "4xx"),
        2.0,
    );
    is(
        &stats,
        requests,
        &route("GET", "/v1/users/{id}", "4xx"),
        1.0,
    );
    is(&stats, requests, &route("other", "other", "4xx"), 1.0);
    let errors = "authd_http_errors_total";
    is(&stats, errors, &[("code", "invalid_credentials")], 2.0);
    is(&stats, errors, &[("code", "not_found")], 1.0);
    let hashes = value(&stats, "authd_hash_wait_seconds_count", &[]);
    assert!(hashes >= Some(3.0), "{hashes:?}");
    assert!(value(&stats, "authd_database_commits_total", &[]) >= Some(4.0));
    is(&stats, "authd_database_up", &[], 1.0);
    is(&stats, "authd_users", &[], 1.0);
    is(&stats, "authd_sessions", &[], 0.0);
    is(&stats, "authd_tenants", &[], 1.0);
}

#[tokio::test]
async fn a_lock_is_counted_once_and_what_it_turns_away_as_locked() {
    let watched = Watched::of(House::new().await);
    for _ in 0..5 {
        send(&watched.router, login(ADA, WRONG)).await;
    }
    for _ in 0..2 {
        let refused = send(&watched.router, login(ADA, GOOD)).await;
        refused.is(429, "login_locked");
    }
    let stats = watched.stats().await;
    is(&stats, "authd_lockouts_total", &[], 1.0);
    let logins = "authd_logins_total";
    is(&stats, logins, &[("outcome", "wrong_password")], 5.0);
    is(&stats, logins, &[("outcome", "locked")], 2.0);
    is(&stats, "authd_names_locked", &[], 1.0);
}

#[tokio::test]
async fn tenants_are_told_apart_only_where_that_is_wanted() {
    let watched = Watched::of(House::new().await);
    busy(&watched).await;
    assert!(!watched.stats().await.to_string().contains("acme"));
    let mut settings = (*watched.house.app.settings()).clone();
    settings.tenant_label = true;
    watched.house.app.settings.set(settings);
    let stats = watched.stats().await;
    let of_acme = [("outcome", "success"), ("tenant", "acme")];
    is(&stats, "authd_logins_total", &of_acme, 1.0);
    is(&stats, "authd_users", &[("tenant", "acme")], 1.0);
    is(&stats, "authd_sessions", &[("tenant", "acme")], 0.0);
    assert_eq!(value(&stats, "authd_users", &[]), None);
}

#[tokio::test]
async fn the_page_has_nothing_of_a_person_and_no_label_that_a_caller_chose() {
    let watched = Watched::of(House::with(plan()).await);
    busy(&watched).await;
    let text = watched.stats().await.to_string();
    for private in [
        ADA,
        "acme",
        "nobody",
        "203.0.113",
        "\"usr_",
        "\"ses_",
        "\"ten_",
        "canary",
    ] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    for line in text.lines() {
        let name = line
            .trim_start_matches("# HELP ")
            .trim_start_matches("# TYPE ");
        assert!(name.starts_with("authd_"), "{line}");
    }
}

#[tokio::test]
async fn v13_4_5_the_counters_are_behind_their_own_listener_alone() {
    let watched = Watched::of(House::new().await);
    let signed_in = send(&watched.router, login(ADA, GOOD)).await;
    for path in ["/metrics", "/v1/metrics", "/metrics/"] {
        let ask = get(path);
        send(&watched.router, ask.clone())
            .await
            .is(404, "not_found");
        let ask = ask.with(signed_in.access());
        send(&watched.router, ask).await.is(404, "not_found");
    }
    let page = watched.scrape("GET", "/metrics").await;
    page.is(200, "");
    let kind = &page.headers["content-type"];
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(page.headers["cache-control"], "no-store");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let refused = watched.scrape(method, "/metrics").await;
        refused.is(405, "method_not_allowed");
    }
    for path in [
        "/",
        "/metrics/",
        "/metrics/x",
        "/healthz",
        "/v1/me",
        "/v1/auth/check",
    ] {
        let refused = watched.scrape("GET", path).await;
        refused.is(404, "not_found");
    }
}
