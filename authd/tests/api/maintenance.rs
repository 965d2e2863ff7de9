//! The API while it is closed for maintenance.

use authd::http::router::{Access, OPEN_IN_MAINTENANCE, table};

use serde_json::json;

use crate::house::{ADA, Ask, GOOD, House, get, login, post};
use crate::support::plan;

#[tokio::test]
async fn every_call_but_health_keys_and_check_says_so() {
    let house = House::with(plan()).await;
    let token = house.ask(login(ADA, GOOD)).await.access().to_owned();
    house.app.maintenance.set(Some("back at nine".to_owned()));
    let mut open = 0;
    for route in table() {
        let method = route.method;
        let path = route.path.replace("{id}", "ses_00000000000000000000000001");
        let ask = match method {
            "GET" => get(&path),
            _ => Ask {
                method,
                ..post(&path, json!({}))
            },
        };
        let answer = house.ask(ask.with(&token)).await;
        if OPEN_IN_MAINTENANCE.contains(&path.as_str()) {
            open += 1;
            // A user's token is nothing to a route for clients, which answers all the same.
            let is_for_clients = route.access == Access::ServiceClient;
            let status = if is_for_clients { 401 } else { 200 };
            assert_eq!(answer.status, status, "{method} {path}");
        } else {
            answer.is(503, "unavailable");
            assert_eq!(answer.body["developer_message"], "back at nine");
            assert_eq!(answer.headers["retry-after"], "30");
        }
    }
    assert_eq!(open, OPEN_IN_MAINTENANCE.len());
    // What there is not is not there either way.
    house.ask(get("/v1/nothing")).await.is(404, "not_found");
    house.app.maintenance.set(None);
    let me = house.ask(get("/v1/me").with(&token)).await;
    assert_eq!(me.status, 200);
}
