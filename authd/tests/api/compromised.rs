//! `user flag-compromised`: what somebody else knows lets nobody in any more, and its owner gets a link.

use authd::app::{Error, user};
use common::call::Change;
use common::call::Socket;
use common::call::user::{Enable, FlagCompromised};
use common::error::ErrorCode;
use domain::mail::Template;
use serde_json::json;

use crate::house::{ADA, Answer, BETTER, GOOD, House, WRONG, get, login, post, refresh};
use crate::mailing::{Mailing, token_of};
use crate::registration::token;
use crate::support::{operator, reference};

async fn flag(house: &House) -> Result<Change, Error> {
    let request = FlagCompromised {
        user: reference("acme", ADA),
        reason: Some("seen in a list".to_owned()),
    };
    user::flag_compromised(&house.app, &operator(Socket::Admin), request).await
}

/// An answer without the ids of its request.
fn nameless(answer: &Answer) -> String {
    let id = answer.headers["x-request-id"].to_str().unwrap();
    format!("{:?}", answer.but_for_its_id()).replace(id, "")
}

#[tokio::test]
async fn n_compromise_the_old_password_is_as_a_wrong_one_and_the_mailed_link_works() {
    let mailing = Mailing::new().await;
    let house = &mailing.house;
    let device = login(ADA, GOOD).device("d-1", "mobile", None);
    let signed_in = house.ask(device).await;
    let secret = signed_in.secret().unwrap().to_owned();
    // Whoever knows the password has asked for a link, and for an address of its own.
    let stolen = mailing.token().await;
    let wish = json!({"new_email": "eve@evil.test", "current_password": GOOD});
    let wish = post("/v1/me/email", wish).with(signed_in.access());
    house.ask(wish).await.is(202, "");
    let letters = mailing.delivered().await;
    let moving = letters.iter().find(|one| one.to.as_str() != ADA).unwrap();
    let moving = token(moving, "confirm-email");
    let wrong = house.ask(login(ADA, WRONG)).await;
    let change = flag(house).await.unwrap();
    assert!(change.changed && change.audit_id.is_some());
    assert!(change.sessions_ended == 1 && change.link.is_none());
    let old = house.ask(login(ADA, GOOD)).await;
    old.is(401, "invalid_credentials");
    assert_eq!(nameless(&old), nameless(&wrong));
    house
        .check(signed_in.access())
        .await
        .is(401, "session_revoked");
    house
        .ask(refresh(signed_in.refresh()))
        .await
        .is(401, "session_revoked");
    house
        .ask(get("/v1/me").with(signed_in.access()))
        .await
        .is(401, "session_revoked");
    assert!(house.devices(house.ada).await.is_empty());
    mailing.reset(&stolen, BETTER).await.is(410, "link_expired");
    let confirm = post("/v1/auth/confirm-email", json!({"token": moving}));
    house.ask(confirm).await.is(410, "link_expired");
    // It counts as a wrong one does: with the one before, these lock the name.
    for _ in 0..3 {
        house
            .ask(login(ADA, GOOD))
            .await
            .is(401, "invalid_credentials");
    }
    house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
    let letters = mailing.delivered().await;
    let mut links = letters
        .iter()
        .filter(|one| one.template == Template::PasswordReset);
    let link = links.next().unwrap();
    assert_eq!((link.to.as_str(), links.next().is_none()), (ADA, true));
    mailing.reset(&token_of(link), BETTER).await.is(204, "");
    let back = login(ADA, BETTER).device("d-1", "mobile", Some(&secret));
    let back = house.ask(back).await;
    assert_eq!(back.status, 200, "{back:?}");
    assert!(back.secret().is_some(), "the old one is dead");
    house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
}

#[tokio::test]
async fn n_compromise_without_a_way_for_mails_nothing_is_changed() {
    let house = House::new().await;
    let signed_in = house.sign_in().await;
    let refused = flag(&house).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoMailTransport);
    assert!(refused.hint.unwrap().contains("set-password"));
    house.check(signed_in.access()).await.is(200, "");
    house.ask(login(ADA, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn n_compromise_who_is_disabled_gets_no_link_and_enabling_revives_no_password() {
    let mailing = Mailing::new().await;
    let house = &mailing.house;
    house.disable_named(ADA).await;
    let change = flag(house).await.unwrap();
    assert!(change.notes.concat().contains("disabled"), "{change:?}");
    assert!(mailing.delivered().await.is_empty());
    let request = Enable {
        user: reference("acme", ADA),
        reason: None,
    };
    user::enable(&house.app, &operator(Socket::Admin), request)
        .await
        .unwrap();
    house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
}
