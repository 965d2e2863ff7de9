//! `explain login`: what an attempt recorded of its decision, and what is told of it later.

use std::time::Duration;

use authd::app::explain;
use common::call::Socket;
use common::call::explain::Login;
use common::error::ErrorCode;
use common::view::{ExplainedAttempt, LoginExplanation};

use crate::house::{ADA, GOOD, House, WRONG, login};
use crate::support::operator;

async fn ask(house: &House, subject: &str) -> Result<LoginExplanation, ErrorCode> {
    let request = Login {
        tenant: subject.contains('@').then(|| "acme".to_owned()),
        subject: subject.to_owned(),
        last: None,
    };
    explain::login(&house.app, &operator(Socket::Admin), request)
        .await
        .map_err(|error| error.code)
}

/// Five wrong passwords, one a second, and a right one that is not evaluated.
async fn lock(house: &House) {
    for n in 0..5 {
        house.clock.advance(Duration::from_secs(u64::from(n > 0)));
        let ask = login(ADA, WRONG).header("x-request-id", &format!("app-{n}"));
        house.ask(ask).await.is(401, "invalid_credentials");
    }
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
}

/// The attempt that locked.
fn locking(told: &LoginExplanation) -> &ExplainedAttempt {
    let locks = |a: &&ExplainedAttempt| {
        let decision = a.attempt.decision.as_ref();
        decision.is_some_and(|d| d.reason == "password_wrong" && d.locked_until.is_some())
    };
    told.attempts.iter().find(locks).unwrap()
}

#[tokio::test]
async fn a_locked_name_is_explained_with_the_policy_of_that_moment_and_the_next_step() {
    let house = House::new().await;
    let first = house.app.now();
    lock(&house).await;
    let until = house.app.now().plus(Duration::from_mins(15));
    let told = ask(&house, ADA).await.unwrap();
    assert_eq!(told.verdict, "locked");
    assert_eq!(told.locked_until, Some(until));
    assert_eq!(told.next, ["authctl lockout clear acme/ada@acme.test"]);
    let standing = told.standing.clone().unwrap();
    assert!(standing.lock.locked && !standing.lock.manual);
    assert_eq!(
        (standing.lock.failures, standing.lock.since),
        (5, Some(first))
    );
    assert_eq!(standing.password.as_deref(), Some("own"));
    assert_eq!(told.attempts.len(), 5, "{:?}", told.attempts);
    let by_outcome = |outcome: &str| {
        let found = told.attempts.iter().find(|a| a.attempt.outcome == outcome);
        found.unwrap().clone()
    };
    let ignored = by_outcome("locked");
    assert_eq!(
        ignored.why,
        [
            "not evaluated: failures had locked the name".to_owned(),
            format!("locked until {until}"),
        ]
    );
    let decision = locking(&told).attempt.decision.as_ref().unwrap();
    assert_eq!((decision.v, decision.failures), (1, Some(5)));
    assert_eq!(
        (
            decision.threshold,
            decision.window_seconds,
            decision.duration_seconds
        ),
        (Some(5), Some(900), Some(900))
    );
}

#[tokio::test]
async fn an_attempt_is_explained_by_its_own_id_its_request_and_the_callers() {
    let house = House::new().await;
    lock(&house).await;
    let told = ask(&house, ADA).await.unwrap();
    let fifth = locking(&told);
    // By its own id, its request's, and the caller's.
    let id = fifth.attempt.id.to_string();
    let by_id = ask(&house, &id).await.unwrap();
    assert_eq!(by_id.verdict, "wrong_password");
    assert_eq!(by_id.attempts, std::slice::from_ref(fifth));
    assert_eq!(by_id.next, ["authctl lockout clear acme/ada@acme.test"]);
    let named = ask(&house, "app-4").await.unwrap();
    assert_eq!(named.attempts, std::slice::from_ref(fifth));
    let request = fifth.attempt.request_id.clone().unwrap();
    let asked = ask(&house, &request).await.unwrap();
    assert_eq!(asked.attempts, std::slice::from_ref(fifth));
    for nothing in ["att_01h455vb4pex5vsknk084sn02q", "app-9", "nonsense"] {
        assert_eq!(ask(&house, nothing).await, Err(ErrorCode::NotFound));
    }
}

#[tokio::test]
async fn one_correlation_id_lists_the_attempts_of_several_names() {
    let house = House::new().await;
    for name in [ADA, "nobody@acme.test"] {
        let ask = login(name, WRONG).header("x-request-id", "batch-7");
        house.ask(ask).await.is(401, "invalid_credentials");
    }
    let told = ask(&house, "batch-7").await.unwrap();
    assert_eq!(told.attempts.len(), 2);
    assert!(told.standing.is_none() && told.user_id.is_none());
    let reasons: Vec<_> = told
        .attempts
        .iter()
        .map(|a| a.attempt.decision.as_ref().unwrap().reason.clone())
        .collect();
    assert!(reasons.contains(&"no_such_name".to_owned()));
    assert!(reasons.contains(&"password_wrong".to_owned()));
}

#[tokio::test]
async fn verdicts_follow_the_order_in_which_a_login_asks() {
    let house = House::new().await;
    house.sign_in().await;
    let told = ask(&house, ADA).await.unwrap();
    assert_eq!((told.verdict.as_str(), told.next.len()), ("open", 0));
    assert!(told.attempts[0].attempt.success);
    assert_eq!(told.attempts[0].why, ["the password was right: signed in"]);
    house.clock.advance(Duration::from_secs(1));
    house.ask(login(ADA, WRONG)).await;
    let told = ask(&house, ADA).await.unwrap();
    assert_eq!(
        told.next,
        ["authctl user reset-password acme/ada@acme.test"]
    );
    house.disable().await;
    house.clock.advance(Duration::from_secs(1));
    house
        .ask(login(ADA, GOOD))
        .await
        .is(403, "account_disabled");
    let told = ask(&house, ADA).await.unwrap();
    assert_eq!(told.verdict, "disabled");
    assert_eq!(told.next, ["authctl user enable acme/ada@acme.test"]);
    assert_eq!(
        told.attempts[0].why,
        ["the password was right, but the account was disabled"]
    );
    let unknown = ask(&house, "adda@acme.test").await.unwrap();
    assert_eq!(unknown.verdict, "unknown_user");
    assert_eq!(
        unknown.next,
        ["authctl -t acme user list --filter 'email~=add'"]
    );
}
