//! What a sign-out tells the browser.

use serde_json::json;

use crate::house::{House, post};

const FORGET: &str = "\"cache\", \"cookies\", \"storage\"";

#[tokio::test]
async fn v14_3_1_a_sign_out_tells_the_browser_to_forget_and_a_refused_one_does_not() {
    let house = House::new().await;
    let signed_in = house.sign_in().await;
    let bearer = post("/v1/auth/logout", json!({})).with(signed_in.access());
    let out = house.ask(bearer).await;
    out.is(204, "");
    assert_eq!(out.headers["clear-site-data"], FORGET);
    let again = house.sign_in().await;
    let by_refresh = json!({"refresh_token": again.refresh(), "scope": "all"});
    let out = house.ask(post("/v1/auth/logout", by_refresh.clone())).await;
    out.is(204, "");
    assert_eq!(out.headers["clear-site-data"], FORGET);
    let refused = house.ask(post("/v1/auth/logout", by_refresh)).await;
    assert_eq!(refused.status, 401);
    assert!(!refused.headers.contains_key("clear-site-data"));
}
