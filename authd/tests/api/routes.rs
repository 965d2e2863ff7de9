//! The lists of routes against the router.

use std::collections::BTreeSet;
use std::sync::Arc;

use authd::app::App;
use authd::http::router::{CLIENT_ROUTES, PUBLIC_ROUTES, SIGNED_IN_ROUTES, routes};
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

fn listed() -> BTreeSet<(String, String)> {
    PUBLIC_ROUTES
        .iter()
        .chain(SIGNED_IN_ROUTES)
        .chain(CLIENT_ROUTES)
        .map(|&(method, path)| (path.to_owned(), method.to_owned()))
        .collect()
}

#[tokio::test]
async fn g6_every_route_is_on_one_of_the_lists() {
    let house = House::new().await;
    house.ask(get("/")).await.is(404, "not_found");
    let mut found = BTreeSet::new();
    for pattern in patterns() {
        let path = pattern.replace("{id}", "x");
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
    let lists = [PUBLIC_ROUTES, SIGNED_IN_ROUTES, CLIENT_ROUTES];
    assert_eq!(found.len(), lists.map(<[_]>::len).iter().sum::<usize>());
}

#[tokio::test]
async fn g6_a_signed_in_route_without_a_token_is_401_before_its_body_is_read() {
    let house = House::new().await;
    for &(method, path) in PUBLIC_ROUTES {
        let mut ask = get(path);
        ask.method = method;
        let answer = house.ask(ask).await;
        assert!(![404, 405].contains(&answer.status), "{path}: {answer:?}");
    }
    for &(method, path) in SIGNED_IN_ROUTES {
        for (token, code) in [(None, "missing_token"), (Some("a.b.c"), "invalid_token")] {
            let mut ask = get(&path.replace("{id}", "ses_x"));
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
async fn g6_a_clients_route_without_its_secret_is_401_before_its_body_is_read() {
    let house = House::new().await;
    let token = house.sign_in().await.access().to_owned();
    for &(method, path) in CLIENT_ROUTES {
        for header in [
            None,
            Some(format!("Bearer {token}")),
            Some("Basic eDp5".to_owned()),
        ] {
            let mut ask = get(path);
            ask.method = method;
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
