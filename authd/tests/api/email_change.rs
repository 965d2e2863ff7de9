//! Another address for a user: it waits for its owner, and until then nothing is changed.

use std::time::Duration;

use authd::app::email_change::{self, EmailChange};
use authd::app::{Client, authenticate};
use common::call::Socket;
use common::call::user::ChangeEmail;
use common::error::ErrorCode;
use common::id::RequestId;
use common::secret::Secret;
use domain::mail::Template;
use domain::password::Password;
use serde_json::json;
use store::Claim;

use crate::house::{
    ADA, Ask, BETTER, GOOD, WRONG, change, get, login, post, refresh, set_password,
};
use crate::mailing::Mailing;
use crate::registration::{open, register, token, verify};
use crate::support::{operator, reference};
use crate::world::{Actor, World, request};

const NEXT: &str = "ada@next.test";

fn ask(access: &str, new: &str, current: &str) -> Ask {
    let body = json!({"new_email": new, "current_password": current});
    post("/v1/me/email", body).with(access)
}

fn confirm(token: &str) -> Ask {
    post("/v1/auth/confirm-email", json!({"token": token}))
}

impl Mailing {
    /// Ada's wish for another address; the token of the link.
    async fn asked(&self, new: &str) -> String {
        let ada = self.house.sign_in().await;
        self.house
            .ask(ask(ada.access(), new, GOOD))
            .await
            .is(202, "");
        self.link_to(new).await
    }

    /// The token of the one link among the mails that go out, and that the present address is told.
    async fn link_to(&self, new: &str) -> String {
        let letters = self.delivered().await;
        let kinds: Vec<_> = letters
            .iter()
            .map(|one| (one.template, one.to.as_str()))
            .collect();
        assert!(
            kinds.contains(&(Template::EmailChangeRequested, ADA)),
            "{kinds:?}"
        );
        let link = letters
            .iter()
            .find(|one| one.template == Template::EmailConfirmation)
            .unwrap();
        assert_eq!((link.to.as_str(), letters.len()), (new, 2));
        assert_eq!(link.facts.name, None, "a stranger's mailbox learns no name");
        token(link, "confirm-email")
    }

    async fn by_operator(&self, new: &str) -> Result<common::call::Change, authd::app::Error> {
        let request = ChangeEmail {
            user: reference("acme", ADA),
            email: new.to_owned(),
            reason: None,
        };
        email_change::change_of_user(&self.house.app, &operator(Socket::Admin), request).await
    }
}

#[tokio::test]
async fn rule_25_the_new_address_signs_in_when_its_owner_has_confirmed_it() {
    let mailing = Mailing::new().await;
    let known = login(ADA, GOOD).device("d-1", "mobile", None);
    let signed_in = mailing.house.ask(known).await;
    let secret = signed_in.secret().unwrap().to_owned();
    let reset = mailing.token().await;
    let answer = mailing
        .house
        .ask(ask(signed_in.access(), "Ada@NEXT.test", GOOD))
        .await;
    answer.is(202, "");
    let link = mailing.link_to(NEXT).await;
    // Until then it is no name to sign in with, and the present one is.
    mailing
        .house
        .ask(login(NEXT, GOOD))
        .await
        .is(401, "invalid_credentials");
    mailing.house.ask(login(ADA, GOOD)).await.is(200, "");
    mailing.house.ask(confirm(&link)).await.is(204, "");
    mailing
        .house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
    let after = mailing.house.ask(login(NEXT, GOOD)).await;
    assert_eq!(after.body["user"]["email"], NEXT);
    assert_eq!(after.body["user"]["email_verified"], true);
    let told = mailing.delivered().await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].template, told[0].to.as_str()),
        (Template::EmailChanged, ADA)
    );
    assert!(told[0].facts.link.is_none());
    // Sessions go on and show the new address; devices and links that were mailed are dead.
    let me = mailing
        .house
        .ask(get("/v1/me").with(signed_in.access()))
        .await;
    assert_eq!(me.body["email"], NEXT);
    assert!(mailing.house.devices(mailing.house.ada).await.is_empty());
    let again = login(NEXT, GOOD).device("d-1", "mobile", Some(&secret));
    assert!(
        mailing.house.ask(again).await.secret().is_some(),
        "a new one"
    );
    mailing.reset(&reset, BETTER).await.is(410, "link_expired");
    mailing
        .house
        .ask(confirm(&link))
        .await
        .is(410, "link_expired");
}

#[tokio::test]
async fn a90_a_taken_address_is_accepted_its_owner_is_told_and_nothing_is_changed() {
    let mailing = Mailing::new().await;
    mailing.house.user("acme", "bob@acme.test").await;
    let ada = mailing.house.sign_in().await;
    let taken = mailing
        .house
        .ask(ask(ada.access(), "bob@acme.test", GOOD))
        .await;
    let free = mailing.house.ask(ask(ada.access(), NEXT, GOOD)).await;
    for answer in [&taken, &free] {
        answer.is(202, "");
        assert_eq!(answer.text, "");
    }
    let letters = mailing.delivered().await;
    let to_ada = letters.iter().filter(|one| one.to.as_str() == ADA).count();
    assert_eq!(to_ada, 2, "the asker's mailbox sees no difference");
    let told: Vec<_> = letters
        .iter()
        .filter(|one| one.to.as_str() == "bob@acme.test")
        .collect();
    assert_eq!((told.len(), told[0].template), (1, Template::AddressInUse));
    assert!(told[0].facts.link.is_none());
    mailing
        .house
        .ask(login("bob@acme.test", GOOD))
        .await
        .is(200, "");
    mailing.house.ask(login(ADA, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn a90_a_former_link_does_not_tell_whether_the_next_address_is_taken() {
    let (bob, eve, free) = ("bob@acme.test", "eve@acme.test", "ada@third.test");
    for (wanted, times) in [(bob, 1), (eve, 1), (free, 1), (bob, 4), (eve, 4), (free, 4)] {
        let mailing = Mailing::new().await;
        for one in [bob, eve] {
            mailing.house.user("acme", one).await;
        }
        mailing.house.disable_named(eve).await;
        if times > 1 {
            // The cap of the wanted address is used up before, by somebody else.
            mailing.house.user("acme", "frank@acme.test").await;
            let frank = mailing.house.ask(login("frank@acme.test", GOOD)).await;
            for _ in 1..times {
                let asked = ask(frank.access(), wanted, GOOD);
                mailing.house.ask(asked).await.is(202, "");
            }
            mailing.delivered().await;
        }
        let former = mailing.asked(NEXT).await;
        let ada = mailing.house.sign_in().await;
        let answer = mailing.house.ask(ask(ada.access(), wanted, GOOD)).await;
        answer.is(202, "");
        mailing
            .house
            .ask(confirm(&former))
            .await
            .is(410, "link_expired");
    }
}

#[tokio::test]
async fn g16_a_wish_that_a_suspension_of_the_tenant_overtakes_does_not_wait() {
    let mailing = Mailing::new().await;
    let house = &mailing.house;
    let session = house.sign_in().await;
    let client = Client {
        ip: "203.0.113.7".parse().unwrap(),
        has_own_address: true,
        correlation_id: None,
        request_id: RequestId::from_bytes([1; 16]),
        claim: Claim::detached(),
    };
    let checked = authenticate::authenticate(&house.app, client, session.access()).await;
    let caller = checked.unwrap().caller;
    let wish = || EmailChange {
        email: NEXT.parse().unwrap(),
        current: Password::new(&Secret::new(GOOD.to_owned())).unwrap(),
    };
    house.suspend().await;
    let refused = email_change::change(&house.app, &caller, wish()).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::TenantSuspended);
    assert!(mailing.delivered().await.is_empty());
    house.resume().await;
    let taken = email_change::change(&house.app, &caller, wish()).await;
    taken.unwrap();
    mailing.link_to(NEXT).await;
}

#[tokio::test]
async fn a90_one_that_an_administrator_sets_waits_and_the_old_one_is_told() {
    let mailing = Mailing::new().await;
    mailing.house.user("acme", "bob@acme.test").await;
    let change = mailing.by_operator(NEXT).await.unwrap();
    assert!(change.changed && change.audit_id.is_some());
    let link = mailing.link_to(NEXT).await;
    mailing.house.ask(login(ADA, GOOD)).await.is(200, "");
    mailing
        .house
        .ask(login(NEXT, GOOD))
        .await
        .is(401, "invalid_credentials");
    // A newer wish takes the place of the older.
    mailing.by_operator("ada@third.test").await.unwrap();
    let newer = mailing.link_to("ada@third.test").await;
    mailing
        .house
        .ask(confirm(&link))
        .await
        .is(410, "link_expired");
    mailing.house.ask(confirm(&newer)).await.is(204, "");
    mailing
        .house
        .ask(login("ada@third.test", GOOD))
        .await
        .is(200, "");
    let request = |user: &str, email: &str| ChangeEmail {
        user: reference("acme", user),
        email: email.to_owned(),
        reason: None,
    };
    let admin = operator(Socket::Admin);
    let same = request("ada@third.test", "ada@third.test");
    let same = email_change::change_of_user(&mailing.house.app, &admin, same).await;
    assert!(!same.unwrap().changed);
    for (email, code) in [
        ("bob@acme.test", ErrorCode::EmailTaken),
        ("no address", ErrorCode::ValidationFailed),
    ] {
        let asked = request("ada@third.test", email);
        let asked = email_change::change_of_user(&mailing.house.app, &admin, asked).await;
        assert_eq!(asked.unwrap_err().code, code, "{email}");
    }
    mailing.house.disable_named("bob@acme.test").await;
    let asked = request("bob@acme.test", NEXT);
    let asked = email_change::change_of_user(&mailing.house.app, &admin, asked).await;
    assert_eq!(asked.unwrap_err().code, ErrorCode::Conflict);
}

#[tokio::test]
async fn v6_3_4_wrong_passwords_count_on_the_sessions_own_counter() {
    let mailing = Mailing::new().await;
    let ada = mailing.house.sign_in().await;
    for _ in 0..2 {
        let answer = mailing.house.ask(ask(ada.access(), NEXT, WRONG)).await;
        answer.is(401, "invalid_credentials");
    }
    // Together with those of a change of the password.
    for _ in 0..3 {
        let answer = mailing.house.ask(change(ada.access(), WRONG, BETTER)).await;
        answer.is(401, "invalid_credentials");
    }
    mailing
        .house
        .ask(ask(ada.access(), NEXT, GOOD))
        .await
        .is(401, "session_revoked");
    assert_eq!(
        mailing.house.failures(ADA).await,
        0,
        "the name is not locked by it"
    );
    assert!(mailing.delivered().await.is_empty());
    mailing.house.sign_in().await;
}

#[tokio::test]
async fn v7_5_1_a_change_of_address_needs_the_current_password_and_the_old_address_is_told() {
    let mailing = Mailing::new().await;
    let ada = mailing.house.sign_in().await;
    let bare = post("/v1/me/email", json!({"new_email": NEXT})).with(ada.access());
    mailing.house.ask(bare).await.is(400, "malformed_request");
    for wrong in [WRONG, ""] {
        let answer = mailing.house.ask(ask(ada.access(), NEXT, wrong)).await;
        assert!([401, 422].contains(&answer.status), "{answer:?}");
    }
    assert!(
        mailing.delivered().await.is_empty(),
        "nobody hears of these"
    );
    mailing
        .house
        .ask(ask(ada.access(), NEXT, GOOD))
        .await
        .is(202, "");
    let letters = mailing.delivered().await;
    let to = |address: &str| {
        let mut own = letters.iter().filter(|one| one.to.as_str() == address);
        let (Some(one), None) = (own.next(), own.next()) else {
            panic!("not one letter to {address}");
        };
        one.facts.link.clone()
    };
    assert!(to(ADA).is_none(), "the old address cannot confirm");
    let link = to(NEXT).unwrap();
    let token = link.expose().split_once('#').unwrap().1.to_owned();
    mailing.house.ask(confirm(&token)).await.is(204, "");
    let told = mailing.delivered().await;
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.template, one.to.as_str()))
        .collect();
    assert_eq!(told, [(Template::EmailChanged, ADA)]);
}

#[tokio::test]
async fn rule_22_a_link_dies_with_time_a_change_of_password_or_status() {
    let mailing = Mailing::new().await;
    let old = mailing.asked(NEXT).await;
    mailing.house.clock.advance(Duration::from_hours(48));
    mailing
        .house
        .ask(confirm(&old))
        .await
        .is(410, "link_expired");
    let link = mailing.asked(NEXT).await;
    set_password(&mailing.house.app, ADA, GOOD, true).await;
    mailing
        .house
        .ask(confirm(&link))
        .await
        .is(410, "link_expired");
    mailing.delivered().await;
    let link = mailing.asked(NEXT).await;
    mailing.house.disable_named(ADA).await;
    mailing.house.enable(ADA).await;
    mailing
        .house
        .ask(confirm(&link))
        .await
        .is(410, "link_expired");
    mailing.house.sign_in().await;
}

#[tokio::test]
async fn a51_over_the_cap_of_the_new_address_nothing_is_sent_and_nothing_dies() {
    let mailing = Mailing::new().await;
    mailing.house.user("acme", "bob@acme.test").await;
    let bob = mailing.house.ask(login("bob@acme.test", GOOD)).await;
    mailing
        .house
        .ask(ask(bob.access(), NEXT, GOOD))
        .await
        .is(202, "");
    mailing.delivered().await;
    let ada = mailing.house.sign_in().await;
    let mut link = String::new();
    for _ in 0..2 {
        mailing
            .house
            .ask(ask(ada.access(), NEXT, GOOD))
            .await
            .is(202, "");
        link = mailing.link_to(NEXT).await;
    }
    mailing
        .house
        .ask(ask(ada.access(), NEXT, GOOD))
        .await
        .is(202, "");
    let letters = mailing.delivered().await;
    assert_eq!(letters.len(), 1, "the present address is told all the same");
    assert_eq!(letters[0].template, Template::EmailChangeRequested);
    let capped = mailing.by_operator(NEXT).await.unwrap();
    assert!(!capped.changed && capped.notes.concat().contains("3 mails an hour"));
    mailing.house.ask(confirm(&link)).await.is(204, "");
}

#[tokio::test]
async fn a51_over_three_wishes_an_hour_the_present_address_hears_no_more() {
    for taken in [false, true] {
        let mailing = Mailing::new().await;
        let ada = mailing.house.sign_in().await;
        let wish = |n: u8| ask(ada.access(), &format!("ada{n}@next.test"), GOOD);
        if taken {
            for n in 0..4 {
                let one = format!("ada{n}@next.test");
                mailing.house.user("acme", &one).await;
            }
        }
        mailing.house.ask(wish(0)).await.is(202, "");
        mailing.house.clock.advance(Duration::from_mins(4));
        for n in 1..3 {
            mailing.house.ask(wish(n)).await.is(202, "");
        }
        mailing.delivered().await;
        let over = mailing.house.ask(wish(3)).await;
        over.is(429, "rate_limited");
        assert_eq!(over.headers["retry-after"], "3360");
        assert!(mailing.delivered().await.is_empty());
        // What waits for others is theirs alone, and time opens it again.
        mailing.house.user("acme", "bob@acme.test").await;
        let bob = mailing.house.ask(login("bob@acme.test", GOOD)).await;
        let other = ask(bob.access(), "bob@next.test", GOOD);
        mailing.house.ask(other).await.is(202, "");
        mailing.delivered().await;
        mailing.house.clock.advance(Duration::from_secs(3360));
        let ada = mailing.house.sign_in().await;
        let again = ask(ada.access(), "ada3@next.test", GOOD);
        mailing.house.ask(again).await.is(202, "");
    }
}

#[tokio::test]
async fn an_address_that_was_taken_meanwhile_is_not_given_twice() {
    let mailing = open().await;
    let link = mailing.asked(NEXT).await;
    mailing.house.user("acme", NEXT).await;
    mailing
        .house
        .ask(confirm(&link))
        .await
        .is(410, "link_expired");
    mailing.house.ask(login(ADA, GOOD)).await.is(200, "");
    // And a registration of an address that a user has by now makes none.
    let third = "ada@third.test";
    mailing.house.ask(register(third, BETTER)).await.is(202, "");
    let registered = token(&mailing.delivered().await[0], "verify-email");
    let link = mailing.asked(third).await;
    mailing.house.ask(confirm(&link)).await.is(204, "");
    mailing
        .house
        .ask(verify(&registered, BETTER))
        .await
        .is(410, "link_expired");
    mailing.house.ask(login(third, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn rule_2_a_lock_by_hand_follows_the_person_to_the_new_name() {
    let mailing = Mailing::new().await;
    let link = mailing.asked(NEXT).await;
    mailing.house.lock_by_hand(ADA).await;
    mailing.house.ask(confirm(&link)).await.is(204, "");
    mailing
        .house
        .ask(login(NEXT, GOOD))
        .await
        .is(429, "login_locked");
    // The former name is nobody's now.
    mailing
        .house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
}

#[tokio::test]
async fn rule_24_a_password_that_was_made_for_the_former_address_is_void() {
    let mailing = Mailing::new().await;
    mailing.house.temporary("typo@acme.test").await;
    let request = ChangeEmail {
        user: reference("acme", "typo@acme.test"),
        email: "right@acme.test".to_owned(),
        reason: None,
    };
    let admin = operator(Socket::Admin);
    email_change::change_of_user(&mailing.house.app, &admin, request)
        .await
        .unwrap();
    let letters = mailing.delivered().await;
    let link = letters
        .iter()
        .find(|one| one.template == Template::EmailConfirmation)
        .unwrap();
    let stranger = mailing.house.ask(login("typo@acme.test", GOOD)).await;
    let purpose = stranger.access().to_owned();
    mailing
        .house
        .ask(confirm(&token(link, "confirm-email")))
        .await
        .is(204, "");
    mailing
        .house
        .ask(change(&purpose, GOOD, BETTER))
        .await
        .is(401, "invalid_token");
    mailing
        .house
        .ask(login("right@acme.test", GOOD))
        .await
        .is(401, "invalid_credentials");
    mailing.forgot("right@acme.test").await.is(202, "");
    assert!(
        mailing
            .delivered()
            .await
            .iter()
            .any(|one| one.template == Template::PasswordReset)
    );
}

#[tokio::test]
async fn a_wish_for_the_present_address_or_for_none_is_refused() {
    let mailing = Mailing::new().await;
    let ada = mailing.house.sign_in().await;
    for new in [ADA, "ADA@acme.test", "no address", ""] {
        let answer = mailing.house.ask(ask(ada.access(), new, GOOD)).await;
        answer.is(422, "validation_failed");
        assert_eq!(answer.body["fields"][0]["path"], "/new_email");
    }
    let body = json!({"new_email": NEXT, "current_password": GOOD, "user_id": "usr_1"});
    let extra = post("/v1/me/email", body).with(ada.access());
    mailing.house.ask(extra).await.is(400, "unknown_field");
    for token in [json!(null), json!({}), json!([]), json!(1)] {
        let ask = post("/v1/auth/confirm-email", json!({"token": token}));
        mailing.house.ask(ask).await.is(400, "malformed_request");
    }
    // A token is good for its own purpose only (rule 13).
    let reset = mailing.token().await;
    mailing
        .house
        .ask(confirm(&reset))
        .await
        .is(410, "link_expired");
    mailing
        .house
        .ask(verify(&reset, GOOD))
        .await
        .is(410, "link_expired");
    let link = mailing.asked(NEXT).await;
    mailing.reset(&link, BETTER).await.is(410, "link_expired");
    mailing
        .house
        .ask(verify(&link, GOOD))
        .await
        .is(410, "link_expired");
    mailing.house.ask(confirm(&link)).await.is(204, "");
}

#[tokio::test]
async fn v6_5_1_of_many_confirmations_one_succeeds() {
    let mailing = Mailing::new().await;
    let link = mailing.asked(NEXT).await;
    let asks: Vec<_> = (0..20)
        .map(|_| mailing.house.start(confirm(&link)))
        .collect();
    let mut done = 0;
    for ask in asks {
        let answer = ask.await.unwrap();
        done += usize::from(answer.status == 204);
        assert!([204, 410].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(done, 1);
}

/// One that an administrator sets over the API (4C, rules 14, 18, 25): it waits like any other, and is
/// neither a way to another's account nor to one's own.
#[tokio::test]
async fn row_4c_cve_2026_97177_a90_one_that_is_patched_waits_and_the_old_one_is_told() {
    let world = World::new().await;
    let post = &world.mailing;
    let editor = world.actor("acme", &["users:edit"]).await;
    let path = format!("/v1/users/{}", world.house().ada);
    let body = json!({"email": "Ada@NEXT.test", "locale": "sw"});
    let ask = request("PATCH", &path, Some(body)).with(&editor.token);
    let done = world.ask(ask).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(
        (&done.body["email"], &done.body["locale"]),
        (&json!(ADA), &json!("sw"))
    );
    assert_eq!(
        world.row("user.set").await.entry.payload["after"]["email_pending"],
        NEXT
    );
    let link = post.link_to(NEXT).await;
    world
        .ask(login(NEXT, GOOD))
        .await
        .is(401, "invalid_credentials");
    world.ask(login(ADA, GOOD)).await.is(200, "");
    world.ask(confirm(&link)).await.is(204, "");
    world.ask(login(NEXT, GOOD)).await.is(200, "");
}

#[tokio::test]
async fn a83_a_patched_address_is_refused_with_all_of_its_patch() {
    let world = World::new().await;
    let editor = world.actor("acme", &["users:edit"]).await;
    let admin = world.actor("acme", &["flag"]).await;
    let ada = world.house().ada.to_string();
    let path = |id: &str| format!("/v1/users/{id}");
    let patch = async |by: &Actor, id: &str, body: serde_json::Value| {
        let ask = request("PATCH", &path(id), Some(body)).with(&by.token);
        world.ask(ask).await
    };
    let traces = world.traces().await;
    // What is there already is no wish, and nobody's own is set by this.
    assert_eq!(
        patch(&editor, &ada, json!({"email": ADA})).await.status,
        200
    );
    let own = json!({"email": "evil@next.test"});
    patch(&admin, &admin.id, own)
        .await
        .is(403, "permission_denied");
    let other = json!({"email": "evil@next.test", "locale": "de"});
    patch(&editor, &admin.id, other)
        .await
        .is(403, "permission_denied");
    for (by, email, status, code) in [
        (&editor, json!(null), 422, "validation_failed"),
        (&editor, json!("no address"), 422, "validation_failed"),
        (
            &editor,
            json!(["a@x.test", "b@x.test"]),
            400,
            "malformed_request",
        ),
        (&editor, json!(admin.email), 409, "conflict"),
        (&admin, json!(admin.email), 409, "email_taken"),
    ] {
        let answer = patch(by, &ada, json!({"email": email, "locale": "fr"})).await;
        answer.is(status, code);
    }
    assert_eq!(world.traces().await, traces);
    let shown = world.ask(get(&path(&ada)).with(&admin.token)).await;
    assert_eq!(shown.body["locale"], serde_json::Value::Null);
}

#[tokio::test]
async fn a78_a51_anothers_address_needs_a_fresh_sign_in_and_a_mailbox_with_room() {
    let world = World::new().await;
    let admin = world.actor("acme", &["flag"]).await;
    let ada = format!("/v1/users/{}", world.house().ada);
    let patch = async |token: &str, body: serde_json::Value| {
        world
            .ask(request("PATCH", &ada, Some(body)).with(token))
            .await
    };
    let body = json!({"tenant": "acme", "email": admin.email, "password": GOOD});
    let signed_in = world.ask(post("/v1/auth/login", body)).await;
    world.house().clock.advance(Duration::from_mins(16));
    let stale = world.ask(refresh(signed_in.refresh())).await;
    let traces = world.traces().await;
    let refused = patch(stale.access(), json!({"email": NEXT})).await;
    refused.is(401, "reauthentication_required");
    assert_eq!(world.traces().await, traces);
    assert_eq!(
        patch(stale.access(), json!({"email": ADA})).await.status,
        200
    );
    let fresh = world.sign_in("acme", &admin.email).await;
    for _ in 0..3 {
        assert_eq!(patch(&fresh, json!({"email": NEXT})).await.status, 200);
    }
    let link = world.mailing.delivered().await;
    let link = link
        .iter()
        .rev()
        .find(|one| one.to.as_str() == NEXT)
        .unwrap();
    let link = token(link, "confirm-email");
    let traces = world.traces().await;
    let full = patch(&fresh, json!({"email": NEXT, "locale": "fr"})).await;
    full.is(429, "rate_limited");
    assert!(full.headers.contains_key("retry-after"));
    assert_eq!(world.traces().await, traces);
    world.ask(confirm(&link)).await.is(204, "");
}
