//! The table of routes against the router.

use std::collections::BTreeSet;
use std::sync::Arc;

use authd::app::App;
use authd::http::router::{Access, Route, routes, table};
use axum::Router;

use crate::clients::Service;
use crate::house::{Ask, House, get};
use crate::support::{new_user, operator};

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

/// Somebody who may do everything in `acme`, and a client of it.
async fn everybody(house: &House) -> (String, Service) {
    let request = common::call::user::Create {
        permanent: true,
        tenant_admin: true,
        ..new_user("acme", "boss@acme.test", crate::house::GOOD)
    };
    let by = operator(common::call::Socket::Admin);
    let made = authd::app::user::create(&house.app, &by, request).await;
    made.unwrap();
    let login = crate::house::login("boss@acme.test", crate::house::GOOD);
    let token = house.ask(login).await.access().to_owned();
    (token, Service::of(house, "acme").await)
}

/// Forms and texts are what another site's page can send without being asked (ASVS 3.5.1, 3.5.2).
#[tokio::test]
async fn v3_5_1_v3_5_2_no_form_or_text_is_taken_for_a_request() {
    let house = House::new().await;
    let (token, service) = everybody(&house).await;
    let kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; charset=utf-8; application/json",
        "",
    ];
    let takes_none = |path: &str| {
        let verbs = [
            "/disable",
            "/enable",
            "/unlock",
            "/suspend",
            "/resume",
            "/password-reset",
        ];
        let verbs = [&verbs[..], &["/resend-invitation", "/rotate"]].concat();
        verbs.iter().any(|verb| path.ends_with(verb))
    };
    let mut refused = 0;
    for route in table() {
        let is_other = route.path.ends_with("/picture") || takes_none(route.path);
        let is_form = route.path.starts_with("/oauth2/");
        if !["POST", "PUT", "PATCH"].contains(&route.method) || is_other {
            continue;
        }
        for kind in kinds {
            if is_form && kind == "application/x-www-form-urlencoded" {
                continue;
            }
            let ask = Ask {
                method: route.method,
                ..get(&route.path.replace(['{', '}'], ""))
            };
            let ask = ask.bytes(kind, b"{\"email\": \"x@acme.test\"}");
            let ask = match route.access {
                Access::ServiceClient => service.asks(ask),
                // A public call proves nobody, and what is for those of `system` is no business of acme.
                Access::Public => ask,
                _ => ask.with(&token),
            };
            let answer = house.ask(ask).await;
            let what = format!("{} {} {kind:?}", route.method, route.path);
            if answer.code() == "permission_denied" {
                continue;
            }
            assert_eq!(answer.status, 415, "{what}: {answer:?}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
}

/// No answer is a script that another page may load, none leads elsewhere, and what asks for that is
/// refused (ASVS 3.5.6 to 3.5.8, 3.7.2).
#[tokio::test]
async fn v3_5_6_v3_5_7_v3_5_8_v3_7_2_no_parameter_makes_a_script_or_a_way_out() {
    let house = House::new().await;
    let (token, service) = everybody(&house).await;
    for route in table() {
        for query in [
            "callback=x",
            "next=https://evil.test",
            "redirect_uri=//evil.test",
            "jsonp=x",
        ] {
            let path = route.path.replace(['{', '}'], "");
            let mut ask = get(&format!("{path}?{query}"));
            ask.method = route.method;
            let ask = match route.access {
                Access::ServiceClient => service.asks(ask),
                _ => ask.with(&token),
            };
            let answer = house.ask(ask).await;
            let what = format!("{} {}?{query}: {answer:?}", route.method, route.path);
            assert!(!(300..400).contains(&answer.status), "{what}");
            assert!(!answer.headers.contains_key("location"), "{what}");
            assert!(!answer.text.contains("evil.test"), "{what}");
            let kind = answer.headers.get("content-type");
            let kind = kind.map_or("", |kind| kind.to_str().unwrap());
            assert_eq!(
                kind.contains("script"),
                route.path == "/pages/link.js",
                "{what}"
            );
            let policy = answer.headers["cross-origin-resource-policy"]
                .to_str()
                .unwrap();
            assert_eq!(policy, "same-origin", "{what}");
            // The pages, what they load and pictures are the same whatever hangs behind their address:
            // mail programs hang things there.
            let is_file = route.path.starts_with("/v1/pictures/")
                || route.path.starts_with("/pages/")
                || ["/verify-email", "/reset-password", "/confirm-email"].contains(&route.path);
            if is_file {
                continue;
            }
            let code = match answer.code() {
                // Whose permission exists in `system` alone, and check, whose answers are few.
                "permission_denied" => continue,
                other => other.to_owned(),
            };
            assert_eq!(
                (answer.status, &*code),
                (400, "unknown_parameter"),
                "{what}"
            );
        }
    }
}

/// What every answer bears, whoever asks and whatever becomes of it (ASVS 3.4.3 to 3.4.6, 4.1.1, 13.4.6,
/// 14.2.2).
#[tokio::test]
async fn v3_4_3_v3_4_4_v4_1_1_v13_4_6_v14_2_2_every_answer_of_every_route_has_its_headers() {
    let house = House::new().await;
    let (token, service) = everybody(&house).await;
    let closed = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
    let mut asks = vec![
        get("/nothing"),
        get("/v1/me/x.css").with(&token),
        get("/v1/pictures/"),
        get("/v1/me").with("a.b.c"),
    ];
    for route in table() {
        let ask = Ask {
            method: route.method,
            ..get(&route.path.replace(['{', '}'], ""))
        };
        asks.push(ask.clone());
        asks.push(service.asks(ask.clone()));
        asks.push(ask.with(&token));
    }
    for ask in asks {
        let what = format!("{} {}", ask.method, ask.path);
        let answer = house.ask(ask.clone()).await;
        let header = |name: &str| {
            let mut values = answer.headers.get_all(name).iter();
            let value = values.next().map(|value| value.to_str().unwrap());
            assert!(values.next().is_none(), "{what}: {name} twice");
            value.unwrap_or_default()
        };
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
        assert!(header("x-request-id").starts_with("req_"), "{what}");
        assert!(!answer.headers.contains_key("server"), "{what}");
        let kind = header("content-type");
        if ask.path == "/v1/me/x.css" || ask.path == "/v1/pictures/" {
            assert_eq!(answer.status, 404, "{what}");
        }
        if answer.bytes.is_empty() {
            assert_eq!(kind, "", "{what}");
        } else if kind.starts_with("text/") {
            assert!(kind.ends_with("; charset=utf-8"), "{what}: {kind}");
        } else {
            assert!(kind.starts_with("application/"), "{what}: {kind}");
        }
        let is_page = kind.starts_with("text/") && answer.status == 200;
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{what}");
        assert_eq!(policy == closed, !is_page, "{what}: {policy}");
        let kept = header("cache-control");
        match ask.path.as_str() {
            "/.well-known/jwks.json" => assert!(kept.contains("max-age"), "{kept}"),
            _ if is_page => assert_eq!(kept, "no-cache"),
            _ => assert_eq!(kept, "no-store", "{what}"),
        }
    }
}

/// The method is that of the request line (ASVS 4.1.4), and one that a route has not is 405.
#[tokio::test]
async fn v4_1_4_no_header_makes_another_method_of_a_request() {
    let house = House::new().await;
    let (token, _) = everybody(&house).await;
    let sessions = house.ask(get("/v1/me/sessions").with(&token)).await;
    let id = sessions.body["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/me/sessions/{id}");
    for header in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-original-method",
    ] {
        for method in ["POST", "GET", "PUT", "TRACE"] {
            let ask = Ask {
                method,
                ..get(&path).with(&token).header(header, "DELETE")
            };
            let answer = house.ask(ask).await;
            answer.is(405, "method_not_allowed");
            assert_eq!(answer.headers["allow"], "DELETE");
            let ask = get(&format!("{path}?_method=DELETE")).with(&token);
            house.ask(ask).await.is(405, "method_not_allowed");
        }
    }
    let me = house.ask(get("/v1/me").with(&token)).await;
    assert_eq!(me.status, 200, "the session is there");
    for route in table() {
        let ask = Ask {
            method: "TRACE",
            ..get(&route.path.replace(['{', '}'], "")).with(&token)
        };
        house.ask(ask).await.is(405, "method_not_allowed");
    }
}

/// A token that is good for changing a password opens no route but that one (A77, G18), and what is no
/// access token at all opens none.
#[tokio::test]
async fn a77_g18_a22_no_other_kind_of_token_opens_a_route() {
    let house = House::new().await;
    house.temporary("new@acme.test").await;
    let first = crate::house::login("new@acme.test", crate::house::GOOD);
    let temporary = house.ask(first).await.access().to_owned();
    let signed_in = house.sign_in().await;
    let device = crate::house::login(crate::house::ADA, crate::house::GOOD);
    let device = house.ask(device.device("desk", "desktop", None)).await;
    let service = Service::of(&house, "acme").await;
    let others = [
        signed_in.refresh(),
        device.secret().unwrap(),
        &service.secret,
    ];
    let mut asked = 0;
    for route in table() {
        let is_change = route.path == "/v1/auth/password/change";
        if matches!(route.access, Access::Public | Access::ServiceClient) {
            continue;
        }
        asked += 1;
        let ask = Ask {
            method: route.method,
            ..get(&route.path.replace(['{', '}'], ""))
        };
        let answer = house.ask(ask.clone().with(&temporary)).await;
        let what = format!("{} {}: {answer:?}", route.method, route.path);
        if is_change {
            assert_eq!(answer.status, 415, "it is read: {what}");
        } else {
            assert_eq!(answer.code(), "password_change_required", "{what}");
        }
        for other in others {
            let answer = house.ask(ask.clone().with(other)).await;
            answer.is(401, "invalid_token");
        }
    }
    assert!(asked > 60, "{asked}");
}
