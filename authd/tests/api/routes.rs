//! The table of routes against the router.

use std::collections::BTreeSet;
use std::sync::Arc;

use authd::app::App;
use authd::http::router::{Access, Route, routes, table};
use axum::Router;

use crate::house::{House, get};

/// The patterns that the router holds. Axum hands them out in its debug text alone; should that
/// change, fewer are found than are listed.
fn patterns() -> BTreeSet<String> {
    let router: Router<Arc<App>> = routes();
    let text = format!("{router:?}");
    text.split('"')
        .filter(|part| part.starts_with('/'))
        // The fallback's own two.
        .filter(|part| *part != "/" && !part.contains("__private"))
        .map(str::to_owned)
        .collect()
}

/// Methods of the lists.
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

fn listed() -> BTreeSet<(String, String)> {
    table()
        .iter()
        .map(|route| (route.path.to_owned(), route.method.to_owned()))
        .collect()
}

#[tokio::test]
async fn g6_every_route_is_in_the_table() {
    let house = House::new().await;
    house.ask(get("/")).await.is(404, "not_found");
    let mut found = BTreeSet::new();
    for pattern in patterns() {
        let path = pattern.replace(['{', '}'], "");
        let mut ask = get(&path);
        ask.method = "BREW";
        let answer = house.ask(ask).await;
        answer.is(405, "method_not_allowed");
        let allowed = answer.headers["allow"].to_str().unwrap();
        for method in allowed.split(',').map(str::trim) {
            found.insert((pattern.clone(), method.to_owned()));
        }
    }
    // GET is answered to HEAD too.
    found.retain(|(_, method)| method != "HEAD");
    assert_eq!(found, listed());
    assert_eq!(found.len(), table().len(), "a route stands there twice");
}

#[tokio::test]
async fn g6_a_signed_in_route_without_a_token_is_401_before_its_body_is_read() {
    let house = House::new().await;
    let (public, closed): (Vec<_>, Vec<_>) = table()
        .into_iter()
        .filter(|route| route.access != Access::ServiceClient)
        .partition(|route| route.access == Access::Public);
    for route in public {
        let mut ask = get(route.path);
        ask.method = route.method;
        let answer = house.ask(ask).await;
        // A picture's address is nobody's to guess.
        if route.path.contains("{address}") {
            answer.is(404, "not_found");
            continue;
        }
        assert!(
            ![404, 405].contains(&answer.status),
            "{route:?}: {answer:?}"
        );
    }
    for route in closed {
        let (method, path) = (route.method, route.path);
        for (token, code) in [(None, "missing_token"), (Some("a.b.c"), "invalid_token")] {
            let mut ask = get(&path.replace(['{', '}'], ""));
            ask.method = method;
            ask.token = token.map(str::to_owned);
            // Not even JSON: whoever may not do a thing is told so first.
            ask.body = Some("broken".into());
            let answer = house.ask(ask).await;
            answer.is(401, code);
            assert!(answer.headers.contains_key("www-authenticate"), "{path}");
        }
    }
}

#[tokio::test]
async fn v3_3_1_no_route_sets_a_cookie() {
    let house = House::new().await;
    let signed_in = house.sign_in().await;
    assert!(!signed_in.headers.contains_key("set-cookie"));
    for (path, method) in listed() {
        for token in [None, Some(signed_in.access())] {
            let mut ask = get(&path.replace("{id}", "ses_x")).header("cookie", "session=x");
            ask.method = METHODS.iter().copied().find(|one| *one == method).unwrap();
            ask.token = token.map(str::to_owned);
            let answer = house.ask(ask).await;
            assert!(
                !answer.headers.contains_key("set-cookie"),
                "{method} {path}"
            );
        }
    }
}

/// A path is decoded once: what is encoded twice names nothing.
#[tokio::test]
async fn v1_1_1_an_id_that_is_encoded_twice_is_no_id() {
    let house = House::new().await;
    let signed_in = house.sign_in().await;
    let id = signed_in.body["session"]["id"].as_str().unwrap().to_owned();
    let rest = id.strip_prefix('s').unwrap();
    for spelling in [
        format!("%2573{rest}"),
        format!("{id}%00"),
        format!("{id}%2500"),
        format!("{id}%2f"),
        format!("..%2f{id}"),
    ] {
        let mut ask = get(&format!("/v1/me/sessions/{spelling}")).with(signed_in.access());
        ask.method = "DELETE";
        let answer = house.ask(ask).await;
        assert!(
            [400, 404].contains(&answer.status),
            "{spelling}: {answer:?}"
        );
        assert_eq!(house.check(signed_in.access()).await.status, 200);
    }
}

#[tokio::test]
async fn g6_a_clients_route_without_its_secret_is_401_before_its_body_is_read() {
    let house = House::new().await;
    let token = house.sign_in().await.access().to_owned();
    let is_for_clients = |route: &Route| route.access == Access::ServiceClient;
    let routes: Vec<_> = table().into_iter().filter(is_for_clients).collect();
    assert_eq!(routes.len(), 4);
    for route in routes {
        for header in [
            None,
            Some(format!("Bearer {token}")),
            Some("Basic eDp5".to_owned()),
        ] {
            let mut ask = get(route.path);
            ask.method = route.method;
            ask.body = Some("broken".into());
            if let Some(header) = &header {
                ask = ask.header("authorization", header);
            }
            let answer = house.ask(ask).await;
            answer.is(401, "invalid_client");
            assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"authd\"");
        }
    }
}
