//! A warm check is answered in front of the router: one table of cases drives both ways. `House::ask`
//! does the same for every check of every other test here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authd::app::{Settings, token};
use authd::http::ready::Ready;
use authd::http::router;
use authd::http::traffic::Traffic;
use authd::serve::{self, ConnectionTimes, Gauge, Limits, Site, Times};
use common::call::Socket;
use common::call::token::Revoke;
use data_encoding::BASE64URL_NOPAD;
use domain::token::AccessClaims;
use serde_json::json;
use store::{Claim, Denial, Priority, Scope, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::house::{ADA, Ask, GOOD, House, edge, get, login, refresh};
use crate::support::operator;

const CHECK: &str = "/v1/auth/check";

/// Asks both ways; whether an answer was ready in front of the router.
async fn is_ready(house: &House, ask: &Ask) -> bool {
    let is_ready = house.ready(ask.clone()).await.is_some();
    house.ask(ask.clone()).await;
    is_ready
}

/// A warm token of a sign-in.
async fn warm_by(house: &House, sign_in: Ask) -> String {
    let token = house.ask(sign_in).await.access().to_owned();
    let ask = get(CHECK).with(&token);
    assert!(house.ready(ask.clone()).await.is_none(), "cold");
    assert_eq!(house.check(&token).await.status, 200);
    assert!(is_ready(house, &ask).await, "warm");
    token
}

async fn warm(house: &House) -> String {
    warm_by(house, login(ADA, GOOD)).await
}

/// Requests that a warm token's answer is ready for.
fn usual(token: &str) -> Vec<Ask> {
    let plain = || get(CHECK).with(token);
    vec![
        plain(),
        plain().from("198.51.100.9"),
        plain().header("x-request-id", "the-callers.own_1"),
        plain().header("x-request-id", "not plain"),
        plain().header("x-auth-user-id", "usr_of_the_clients_own"),
        plain()
            .from("127.0.0.1")
            .header("x-forwarded-for", "192.0.2.1"),
        get(CHECK).header("authorization", &format!("bEARER  {token} ")),
    ]
}

/// Everything else.
fn odd(token: &str) -> Vec<Ask> {
    let plain = || get(CHECK).with(token);
    let asked = |header: &str| get(CHECK).header("authorization", header);
    let bearer = format!("Bearer {token}");
    let by = |method: &'static str| Ask { method, ..plain() };
    let mut odd = vec![
        asked(&bearer).header("authorization", &bearer),
        plain().header("authorization", "Basic YTpi"),
        asked(&format!("{bearer}, {bearer}")),
        asked(&format!("Bearer {token}x")),
        asked("Bearer a.b.c"),
        asked("Basic YTpi"),
        get(CHECK),
        by("HEAD"),
        by("POST"),
        by("DELETE"),
        get("/v1/me").with(token),
    ];
    let body = Some(json!({}));
    odd.push(Ask { body, ..plain() });
    let others = [
        "?permission=orders:view",
        "?include=permissions",
        "?unknown=1",
        "/",
    ];
    odd.extend(others.map(|rest| get(&format!("{CHECK}{rest}")).with(token)));
    odd.push(get("/v1/auth/chec%6b").with(token));
    odd
}

#[tokio::test]
async fn a_warm_check_is_ready_and_whatever_is_odd_goes_through_the_router() {
    let house = House::new().await;
    let token = warm(&house).await;
    let table = [(usual(&token), true), (odd(&token), false)];
    for (asks, ready) in table {
        for ask in asks {
            let told = format!("{} {} {:?}", ask.method, ask.path, ask.headers);
            assert_eq!(is_ready(&house, &ask).await, ready, "{told}");
        }
    }
}

#[tokio::test]
async fn g20_what_becomes_true_by_time_alone_is_asked_at_every_ready_answer() {
    // The token's own end, to the second.
    let house = House::new().await;
    let ask = get(CHECK).with(&warm(&house).await);
    house.clock.advance(Duration::from_secs(599));
    assert!(is_ready(&house, &ask).await);
    house.clock.advance(Duration::from_secs(1));
    assert!(!is_ready(&house, &ask).await);
    house.ask(ask.clone()).await.is(401, "token_expired");
    // A clock that is set back before the token's beginning, further than the skew.
    house.clock.set(crate::support::NOW);
    assert!(is_ready(&house, &ask).await);
    house
        .clock
        .set(crate::support::NOW.minus(Duration::from_secs(6)));
    assert!(!is_ready(&house, &ask).await);
    house.ask(ask).await.is(401, "invalid_token");
    // The session's idle and absolute limits.
    for (idle, age, code) in [(60, 3600, "session_expired"), (3600, 60, "session_expired")] {
        let house = House::with(crate::support::plan()).await;
        change(&house, |own| {
            let limits = &mut Arc::make_mut(&mut own.tenant).session_limits;
            limits.idle_timeout = Duration::from_secs(idle);
            limits.max_age = Duration::from_secs(age);
        });
        let ask = get(CHECK).with(&warm(&house).await);
        house.clock.advance(Duration::from_secs(59));
        if idle > age {
            // A use just now does not help against the age.
            assert!(is_ready(&house, &ask).await);
            house.clock.advance(Duration::from_secs(1));
        } else {
            house.clock.advance(Duration::from_secs(1));
        }
        assert!(!is_ready(&house, &ask).await, "{idle} {age}");
        house.ask(ask).await.is(401, code);
    }
}

/// An id of a token, told apart by its beginning.
fn named(beginning: &str) -> String {
    format!("{beginning:A<22}")
}

/// Another token of the same session, with an id of the caller's choice.
fn twin(house: &House, token: &str, jti: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap();
    let mut claims: AccessClaims = serde_json::from_slice(&claims).unwrap();
    claims.jti = named(jti);
    house.app.keys.sign_access(&claims).unwrap()
}

/// A token with the signature of another one.
fn forged(claims: &str, signature: &str) -> String {
    let (message, _) = claims.rsplit_once('.').unwrap();
    let (_, signature) = signature.rsplit_once('.').unwrap();
    format!("{message}.{signature}")
}

#[tokio::test]
async fn rule_11_a_token_at_first_sight_is_ready_where_its_session_and_the_denied_ones_are_known() {
    let house = House::new().await;
    let token = warm(&house).await;
    let ask = |token: &str| get(CHECK).with(token);
    let [one, two, three, four] =
        ["one", "two", "three", "four"].map(|id| twin(&house, &token, id));
    // The list of denied ones was not read yet; the router's way does that, for those that follow.
    assert!(!is_ready(&house, &ask(&one)).await);
    assert!(house.ready(ask(&two)).await.is_some(), "at first sight");
    // Good claims alone are nothing, whoever was seen before.
    for ask in [ask(&forged(&three, &two)), ask(&forged(&token, &two))] {
        assert!(!is_ready(&house, &ask).await);
        house.ask(ask).await.is(401, "invalid_token");
    }
    // One that is denied before it is ever seen, and another.
    let admin = operator(Socket::Admin);
    for jti in ["three", "two"] {
        let denied = Revoke {
            jti: named(jti),
            reason: None,
        };
        token::revoke(&house.app, &admin, denied).await.unwrap();
        assert!(!is_ready(&house, &ask(&three)).await);
        house.check(&three).await.is(401, "invalid_token");
        assert!(!is_ready(&house, &ask(&three)).await, "the list is known");
    }
    house.check(&two).await.is(401, "invalid_token");
    assert!(
        house.ready(ask(&four)).await.is_some(),
        "is not on the list"
    );
    // Expired, and of a session that ended.
    house.clock.advance(Duration::from_secs(600));
    let late = twin(&house, &token, "late");
    assert!(!is_ready(&house, &ask(&late)).await);
    house.check(&late).await.is(401, "token_expired");
    house.clock.set(crate::support::NOW);
    house.disable().await;
    let last = twin(&house, &token, "last");
    assert!(!is_ready(&house, &ask(&last)).await);
    house.check(&last).await.is(401, "session_revoked");
}

#[tokio::test]
async fn a25_a_list_of_denied_tokens_that_is_too_long_to_be_kept_is_asked_in_the_database() {
    let house = House::new().await;
    let token = warm(&house).await;
    let denied = |number: u32| named(&format!("denied-{number:03}"));
    let store = &house.app.store;
    let write = store.write(
        Priority::Normal,
        Claim::detached(),
        move |tx| -> Result<(), StoreError> {
            tx.invalidate(Scope::Tokens);
            let denial = Denial {
                tenant: None,
                denied_at: crate::support::NOW,
                expires_at: crate::support::NOW.plus(Duration::from_secs(600)),
                reason: None,
            };
            (0..300).try_for_each(|number| tx.deny(&denied(number), &denial))
        },
    );
    write.await.unwrap();
    assert_eq!(house.check(&twin(&house, &token, "free")).await.status, 200);
    for number in [0, 199, 200, 299] {
        let ask = get(CHECK).with(&twin(&house, &token, &denied(number)));
        assert!(!is_ready(&house, &ask).await, "{number}");
        house.ask(ask).await.is(401, "invalid_token");
    }
}

/// As a reload does.
fn change(house: &House, edit: impl Fn(&mut Settings)) {
    let mut own: Settings = (*house.app.settings()).clone();
    edit(&mut own);
    house.app.settings.set(own);
}

#[tokio::test]
async fn rule_11_nothing_is_ready_after_the_answer_that_took_it_away() {
    let house = House::new().await;
    let first = warm(&house).await;
    let second = warm(&house).await;
    let admin = operator(Socket::Admin);
    let ask = |token: &str| get(CHECK).with(token);
    // One token.
    let seen = token::inspect(
        &house.app,
        &admin,
        common::call::token::Inspect {
            token: common::secret::Secret::new(first.clone()),
        },
    )
    .await
    .unwrap();
    let jti = seen.claims["jti"].as_str().unwrap().to_owned();
    let denied = Revoke { jti, reason: None };
    token::revoke(&house.app, &admin, denied).await.unwrap();
    assert!(!is_ready(&house, &ask(&first)).await);
    house.check(&first).await.is(401, "invalid_token");
    // A reload: the other one is read anew once, then ready again.
    assert_eq!(house.check(&second).await.status, 200);
    assert!(is_ready(&house, &ask(&second)).await);
    change(&house, |own| {
        Arc::make_mut(&mut own.tenant).audience = vec!["others".to_owned()];
    });
    assert!(!is_ready(&house, &ask(&second)).await);
    house.check(&second).await.is(401, "invalid_token");
    change(&house, |own| {
        Arc::make_mut(&mut own.tenant).audience = vec!["apps".to_owned()];
    });
    assert!(
        !is_ready(&house, &ask(&second)).await,
        "read anew by this one"
    );
    assert!(is_ready(&house, &ask(&second)).await);
    // The session's own end, and its user's.
    let other = warm_by(&house, login(ADA, GOOD).device("phone", "mobile", None)).await;
    let out = crate::house::post("/v1/auth/logout", json!({})).with(&other);
    assert!(house.ask(out).await.status < 300);
    assert!(!is_ready(&house, &ask(&other)).await);
    house.check(&other).await.is(401, "session_revoked");
    assert_eq!(house.check(&second).await.status, 200);
    assert!(is_ready(&house, &ask(&second)).await);
    house.disable().await;
    assert!(!is_ready(&house, &ask(&second)).await);
    house.check(&second).await.is(401, "session_revoked");
}

#[tokio::test]
async fn a_ready_answer_is_a_use_of_the_session_and_is_counted_once() {
    let house = House::new().await;
    let token = warm(&house).await;
    let session = house.sessions(house.ada).await.remove(0).id;
    house.clock.advance(Duration::from_secs(30));
    let before = house.app.cache.stats();
    assert!(house.ready(get(CHECK).with(&token)).await.is_some());
    assert_eq!(
        house.app.activity.last_active(session),
        Some(house.app.now())
    );
    let after = house.app.cache.stats();
    assert_eq!((after.hits, after.misses), (before.hits + 2, before.misses));
    // What is not ready is looked up, and counted, by the router's way alone.
    let cold = house.ask(refresh(house.sign_in().await.refresh())).await;
    let before = house.app.cache.stats();
    assert!(house.ready(get(CHECK).with(cold.access())).await.is_none());
    let after = house.app.cache.stats();
    assert_eq!((after.hits, after.misses), (before.hits, before.misses));
}

/// A daemon's door over a socket, with or without what stands in front.
async fn talk(site: Site, requests: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        max_connections: 4,
        times: Times::new(ConnectionTimes {
            header: Duration::from_secs(20),
            keepalive: Duration::from_secs(20),
        }),
        max_header_bytes: 16 * 1024,
        max_age: None,
        shutdown_grace: Duration::from_secs(20),
    };
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(serve::serve_tcp(
        listener,
        site,
        limits,
        stopped,
        Gauge::default(),
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    stop.send_replace(true);
    server.await.unwrap();
    text
}

#[tokio::test]
async fn both_ways_send_the_same_bytes_but_for_id_and_date_and_both_are_counted() {
    let house = House::new().await;
    let token = warm(&house).await;
    let start = Instant::now();
    let traffic = Arc::new(Traffic::starting(start));
    // Over a span of one second, whenever it is asked.
    let counted = || traffic.summary(start).requests_per_second;
    let edge = edge(&house.app, None, Arc::clone(&traffic));
    let router = authd::http::edge::behind(Arc::clone(&edge), router::api(&house.app));
    let front = Ready::new(Arc::clone(&house.app), edge);
    let one = format!("GET {CHECK} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n");
    let correlated = format!("{one}X-Request-Id: abc\r\n\r\n");
    let last = format!("{one}Connection: close\r\n\r\n");
    let requests = format!("{one}\r\n{correlated}{one}Content-Length: 0\r\n\r\n{last}");
    let varies =
        |line: &&str| !line.starts_with("x-request-id: req_") && !line.starts_with("date: ");
    let ready = talk(Site::with_front(router.clone(), front), &requests).await;
    assert!((counted() - 4.0).abs() < 0.1);
    let routed = talk(router.into(), &requests).await;
    assert!((counted() - 8.0).abs() < 0.1);
    assert_eq!(ready.matches("HTTP/1.1 200 OK").count(), 4, "{ready}");
    assert_eq!(ready.matches("x-correlation-id: abc").count(), 1);
    let lines = |text: &str| {
        text.lines()
            .filter(varies)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&ready), lines(&routed));
    let mut ids: Vec<_> = ready
        .lines()
        .filter(|line| line.starts_with("x-request-id"))
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "an id each");
}
