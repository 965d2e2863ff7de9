//! Forgotten passwords, from the wish for a link to the mail that tells of the new password.

use std::time::Duration;

use domain::lockout::ManualLock;
use domain::mail::Template;
use domain::user::UserStatus;
use serde_json::{Value, json};

use authd::app::{tenant, user};
use common::call::user::ResetPassword;
use common::call::{self, Socket};
use common::error::ErrorCode;

use crate::house::{ADA, Answer, BETTER, GOOD, House, WRONG, get, login, post};
use crate::mailing::{Mailing, forgot, of_link, reset, token_of};
use crate::support::{new_tenant, operator, plan, reference};

#[tokio::test]
async fn a45_a_link_sets_one_password_and_ends_all_that_was_signed_in() {
    let mailing = Mailing::new().await;
    let device = login(ADA, GOOD).device("d-1", "mobile", None);
    let signed_in = mailing.house.ask(device).await;
    assert!(signed_in.secret().is_some());
    let token = mailing.token().await;
    mailing.reset(&token, BETTER).await.is(204, "");
    assert!(mailing.house.sessions(mailing.house.ada).await.is_empty());
    assert!(mailing.house.devices(mailing.house.ada).await.is_empty());
    let told = mailing.delivered().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].template, Template::PasswordChanged);
    assert_eq!(told[0].facts.ip.as_deref(), Some("203.0.113.7"));
    assert!(told[0].facts.link.is_none());
    mailing
        .house
        .ask(login(ADA, GOOD))
        .await
        .is(401, "invalid_credentials");
    mailing.house.ask(login(ADA, BETTER)).await.is(200, "");
    mailing.reset(&token, GOOD).await.is(410, "link_expired");
}

#[tokio::test]
async fn v6_5_1_of_fifty_uses_of_one_token_one_succeeds() {
    let mut plan = plan();
    plan.hashing.queue_length = 200;
    let mailing = Mailing::with(plan).await;
    let token = mailing.token().await;
    let uses: Vec<_> = (0..50)
        .map(|n| {
            let router = mailing.house.router.clone();
            let ask = reset(&token, &format!("a new password, number {n}"));
            tokio::spawn(async move { crate::house::send(&router, ask).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for one in uses {
        statuses.push(one.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 204);
    assert!(
        statuses[1..].iter().all(|&status| status == 410),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn rule_22_a_link_dies_with_time_a_newer_one_and_any_change() {
    let mailing = Mailing::new().await;
    let first = mailing.token().await;
    let second = mailing.token().await;
    assert_ne!(first, second);
    mailing.reset(&first, BETTER).await.is(410, "link_expired");
    mailing.house.clock.advance(Duration::from_hours(1));
    mailing.reset(&second, BETTER).await.is(410, "link_expired");
    let third = mailing.token().await;
    mailing.house.disable_named(ADA).await;
    mailing.reset(&third, BETTER).await.is(410, "link_expired");
}

#[tokio::test]
async fn a_rejected_password_leaves_the_link_good() {
    let mailing = Mailing::new().await;
    let token = mailing.token().await;
    let answer = mailing.reset(&token, "short").await;
    answer.is(422, "password_rejected");
    assert_eq!(answer.body["fields"][0]["path"], "/new_password");
    mailing
        .reset(&token, "leaked herons of yesterday")
        .await
        .is(422, "password_rejected");
    mailing.reset(&token, BETTER).await.is(204, "");
}

#[tokio::test]
async fn v6_3_8_r11_forgot_answers_alike_and_mails_the_stored_address_alone() {
    let mailing = Mailing::new().await;
    mailing.house.user("acme", "bob@acme.test").await;
    mailing.house.disable_named("bob@acme.test").await;
    let known = mailing.house.ask(forgot("acme", "ADA@Acme.test")).await;
    known.is(202, "");
    for ask in [
        forgot("acme", "nobody@acme.test"),
        forgot("acme", "bob@acme.test"),
        forgot("no-such-tenant", ADA),
        forgot("acme", "\u{e4}da@acme.test"),
    ] {
        let answer = mailing.house.ask(ask).await;
        assert_eq!((answer.status, &answer.body), (202, &known.body));
        let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&answer), names(&known));
    }
    let letters = mailing.delivered().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to.as_str(), ADA);
    for (tenant, email) in [
        (json!("acme"), json!([ADA, "eve@evil.test"])),
        (json!("acme"), json!({"a": ADA})),
        (json!("acme"), Value::Null),
        (json!(["acme"]), json!(ADA)),
    ] {
        let body = json!({"tenant": tenant, "email": email});
        mailing
            .house
            .ask(post("/v1/auth/password/forgot", body))
            .await
            .is(400, "malformed_request");
    }
    let extra = json!({"tenant": "acme", "email": ADA, "user_id": "usr_1"});
    mailing
        .house
        .ask(post("/v1/auth/password/forgot", extra))
        .await
        .is(400, "unknown_field");
    let two = mailing.forgot("ada@acme.test,eve@evil.test").await;
    assert!(two.status >= 400, "{two:?}");
    assert!(mailing.delivered().await.is_empty());
}

#[tokio::test]
async fn a46_no_header_moves_the_link() {
    let mailing = Mailing::new().await;
    let ask = forgot("acme", ADA)
        .header("host", "evil.test")
        .header("x-forwarded-host", "evil.test")
        .header("forwarded", "host=evil.test");
    mailing.house.ask(ask).await.is(202, "");
    // Whether it leads to our own page is asked by `token_of`.
    token_of(&mailing.delivered().await[0]);
}

#[tokio::test]
async fn v6_6_3_wrong_tokens_are_all_alike_and_wrong_types_are_no_request() {
    let mailing = Mailing::new().await;
    let wrong = [
        "",
        "null",
        "x",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    for token in wrong {
        mailing.reset(token, BETTER).await.is(410, "link_expired");
    }
    for token in [Value::Null, json!({}), json!([]), json!(1), json!(true)] {
        let body = json!({"token": token, "new_password": BETTER});
        mailing
            .house
            .ask(post("/v1/auth/password/reset", body))
            .await
            .is(400, "malformed_request");
    }
}

/// 4D.CVE-2026-18963, 4D.GHSA-93x3-m7pw-ppqm: a token is good for one thing and one user.
#[tokio::test]
async fn v6_6_2_a_token_is_of_one_purpose_and_names_its_user_itself() {
    let mailing = Mailing::new().await;
    let house = &mailing.house;
    let bob = house.user("acme", "bob@acme.test").await;
    let signed_in = house.sign_in().await;
    let reset = mailing.token().await;
    let wish = json!({"new_email": "ada@next.test", "current_password": GOOD});
    let wish = post("/v1/me/email", wish).with(signed_in.access());
    house.ask(wish).await.is(202, "");
    let letters = mailing.delivered().await;
    let mut links = letters.iter().filter_map(|one| one.facts.link.as_ref());
    let link = links.next().unwrap().expose();
    let confirm = link.split_once('#').unwrap().1.to_owned();
    let of = |token: &str, path: &str| {
        let body = match path {
            "/v1/auth/password/reset" => json!({"token": token, "new_password": BETTER}),
            "/v1/auth/verify-email" => json!({"token": token, "password": GOOD}),
            _ => json!({"token": token}),
        };
        post(path, body)
    };
    for (token, other) in [
        (&reset, "/v1/auth/verify-email"),
        (&reset, "/v1/auth/confirm-email"),
        (&confirm, "/v1/auth/password/reset"),
        (&confirm, "/v1/auth/verify-email"),
    ] {
        house.ask(of(token, other)).await.is(410, "link_expired");
    }
    let access = signed_in.access();
    for token in [access, signed_in.refresh()] {
        for path in [
            "/v1/auth/password/reset",
            "/v1/auth/verify-email",
            "/v1/auth/confirm-email",
        ] {
            house.ask(of(token, path)).await.is(410, "link_expired");
        }
    }
    for token in [&reset, &confirm] {
        let refused = house.check(token).await;
        assert_eq!(refused.status, 401, "{refused:?}");
        let refused = house.ask(crate::house::refresh(token)).await;
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    for field in ["user_id", "user", "email", "tenant", "sub"] {
        let mut ask = of(&reset, "/v1/auth/password/reset");
        ask.body.as_mut().unwrap()[field] = json!(bob.to_string());
        house.ask(ask).await.is(400, "unknown_field");
    }
    // None of it used either of them up.
    house
        .ask(of(&confirm, "/v1/auth/confirm-email"))
        .await
        .is(204, "");
    let bobs = house.ask(login("bob@acme.test", GOOD)).await;
    assert_eq!(bobs.status, 200, "{bobs:?}");
}

#[tokio::test]
async fn a51_the_fourth_mail_of_an_hour_is_not_sent_and_nothing_dies() {
    let mailing = Mailing::new().await;
    for _ in 0..2 {
        mailing.token().await;
    }
    let last = mailing.token().await;
    mailing.forgot(ADA).await.is(202, "");
    assert!(mailing.delivered().await.is_empty());
    mailing.reset(&last, BETTER).await.is(204, "");
    mailing.delivered().await;
    mailing.house.clock.advance(Duration::from_hours(1));
    mailing.token().await;
}

#[tokio::test]
async fn rule_2_a_reset_unlocks_failures_and_a62_not_a_lock_by_hand() {
    let mailing = Mailing::new().await;
    for _ in 0..5 {
        mailing
            .house
            .ask(login(ADA, WRONG))
            .await
            .is(401, "invalid_credentials");
    }
    mailing
        .house
        .ask(login(ADA, GOOD))
        .await
        .is(429, "login_locked");
    let told = mailing.delivered().await;
    assert_eq!(
        (told.len(), told[0].template),
        (1, Template::AccountLocked),
        "once a lock"
    );
    let token = mailing.token().await;
    mailing.reset(&token, BETTER).await.is(204, "");
    mailing.house.ask(login(ADA, BETTER)).await.is(200, "");
    mailing.delivered().await;
    mailing.house.clock.advance(Duration::from_hours(1));
    let (key, tenant) = (mailing.house.subject(ADA), mailing.house.acme);
    mailing
        .house
        .write(move |tx| {
            tx.counters_mut()
                .lock_by_hand(&key, tenant, ManualLock { until: None })
        })
        .await;
    let token = mailing.token().await;
    mailing.reset(&token, GOOD).await.is(204, "");
    mailing
        .house
        .ask(login(ADA, GOOD))
        .await
        .is(429, "login_locked");
}

#[tokio::test]
async fn without_a_transport_nothing_is_queued() {
    let house = House::new().await;
    house.ask(forgot("acme", ADA)).await.is(202, "");
    let counts = house.app.store.read(|tx| tx.outbox().counts()).await;
    assert_eq!(counts.unwrap_or_default().queued, 0);
}

#[tokio::test]
async fn v6_3_5_the_owner_is_told_of_a_new_device() {
    let mailing = Mailing::new().await;
    let first = mailing
        .house
        .ask(login(ADA, GOOD).device("d-1", "mobile", None))
        .await;
    assert!(
        mailing.delivered().await.is_empty(),
        "there was none before"
    );
    let known = login(ADA, GOOD).device("d-1", "mobile", first.secret());
    mailing.house.ask(known).await.is(200, "");
    mailing.house.ask(login(ADA, GOOD)).await.is(200, "");
    assert!(mailing.delivered().await.is_empty(), "no device is named");
    let new = login(ADA, GOOD).device("d-2", "browser", None);
    mailing.house.ask(new).await.is(200, "");
    let told = mailing.delivered().await;
    assert_eq!((told.len(), told[0].template), (1, Template::NewDevice));
    assert_eq!(told[0].facts.device.as_deref(), Some("d-2"));
}

/// Failures that lock nobody out for long, and then the right password: whose it was, only the owner
/// can tell.
#[tokio::test]
async fn v6_3_5_the_owner_is_told_of_a_sign_in_after_five_failures() {
    let mailing = Mailing::new().await;
    let house = &mailing.house;
    let fail = async |times: usize| {
        house.clock.advance(Duration::from_secs(1));
        for _ in 0..times {
            house
                .ask(login(ADA, WRONG))
                .await
                .is(401, "invalid_credentials");
        }
    };
    let told = async || {
        let letters = mailing.delivered().await;
        let kinds = letters.into_iter().map(|letter| letter.template);
        kinds.collect::<Vec<_>>()
    };
    house.ask(login(ADA, GOOD)).await.is(200, "");
    fail(4).await;
    house.ask(login(ADA, GOOD)).await.is(200, "");
    assert_eq!(told().await, [], "fewer are slips");
    for hour in 1..=2 {
        fail(5).await;
        assert_eq!(told().await, [Template::AccountLocked]);
        house.ask(login(ADA, GOOD)).await.is(429, "login_locked");
        house.clock.advance(Duration::from_mins(16));
        house.ask(login(ADA, GOOD)).await.is(200, "");
        assert_eq!(told().await, [Template::SignInAfterFailures], "{hour}");
        house.ask(login(ADA, GOOD)).await.is(200, "");
        assert_eq!(told().await, [], "once");
    }
    // Slow guesses that lock nothing count, too.
    for _ in 0..2 {
        fail(4).await;
        house.clock.advance(Duration::from_mins(16));
    }
    house.ask(login(ADA, GOOD)).await.is(200, "");
    assert_eq!(told().await, [Template::SignInAfterFailures]);
}

/// What strangers can fill does not silence it, and it floods nobody.
#[tokio::test]
async fn v6_3_5_a51_its_cap_is_its_own() {
    let mailing = Mailing::new().await;
    let house = &mailing.house;
    for _ in 0..4 {
        mailing.forgot(ADA).await.is(202, "");
    }
    let mut count = 0;
    for round in 0..5 {
        for _ in 0..2 {
            house.clock.advance(Duration::from_secs(1));
            for _ in 0..4 {
                house
                    .ask(login(ADA, WRONG))
                    .await
                    .is(401, "invalid_credentials");
            }
            // Out of the window of the lock, within the hour of the cap.
            house.clock.advance(Duration::from_mins(1));
            let key = house.subject(ADA);
            house
                .write(move |tx| tx.counters_mut().clear(&key).map(drop))
                .await;
        }
        house.ask(login(ADA, GOOD)).await.is(200, "");
        let letters = mailing.delivered().await;
        let kinds: Vec<_> = letters.iter().map(|letter| letter.template).collect();
        count += kinds
            .iter()
            .filter(|kind| **kind == Template::SignInAfterFailures)
            .count();
        assert_eq!(count, (round + 1).min(3), "{kinds:?}");
    }
}

/// A link that the operator prints instead of mailing it.
async fn printed(mailing: &Mailing, email: &str) -> String {
    let request = ResetPassword {
        user: reference("acme", email),
        expires_seconds: None,
        print_link: true,
        reason: None,
    };
    let admin = operator(Socket::Admin);
    let change = authd::app::password_reset::send_or_print(&mailing.house.app, &admin, request);
    of_link(change.await.unwrap().link.unwrap().expose())
}

async fn of(mailing: &Mailing, id: common::id::UserId) -> domain::user::User {
    let acme = mailing.house.acme;
    let read = mailing
        .house
        .app
        .store
        .read(move |tx| tx.tenant(acme).users().by_id(id));
    let user: Option<domain::user::User> = read.await.unwrap();
    user.unwrap()
}

#[tokio::test]
async fn rule_25_a_mailed_link_proves_the_mailbox_and_a_printed_one_does_not() {
    let mailing = Mailing::new().await;
    let ada = mailing.house.ada;
    let link = printed(&mailing, ADA).await;
    assert!(mailing.delivered().await.is_empty());
    mailing.reset(&link, BETTER).await.is(204, "");
    assert!(!of(&mailing, ada).await.email_verified);
    mailing.delivered().await;
    let link = mailing.token().await;
    mailing.reset(&link, GOOD).await.is(204, "");
    assert!(of(&mailing, ada).await.email_verified);
}

#[tokio::test]
async fn rule_24_a_link_makes_an_invited_user_active() {
    let mailing = Mailing::new().await;
    let bob = mailing.house.temporary("bob@acme.test").await;
    assert_eq!(of(&mailing, bob).await.status, UserStatus::Invited);
    let link = printed(&mailing, "bob@acme.test").await;
    mailing.reset(&link, BETTER).await.is(204, "");
    assert_eq!(of(&mailing, bob).await.status, UserStatus::Active);
    mailing
        .house
        .ask(login("bob@acme.test", BETTER))
        .await
        .is(200, "");
}

#[tokio::test]
async fn rule_19_a_tenant_that_is_opened_again_revives_no_link() {
    let mailing = Mailing::new().await;
    let link = mailing.token().await;
    let (app, admin) = (&mailing.house.app, operator(Socket::Admin));
    let named = || "acme".to_owned();
    let suspend = call::tenant::Suspend {
        tenant: named(),
        reason: None,
    };
    tenant::suspend(app, &admin, suspend).await.unwrap();
    mailing.reset(&link, BETTER).await.is(410, "link_expired");
    let resume = call::tenant::Resume {
        tenant: named(),
        reason: None,
    };
    tenant::resume(app, &admin, resume).await.unwrap();
    mailing.reset(&link, BETTER).await.is(410, "link_expired");
    // The same where time closed it: the grace of seven days is over, and a new end comes.
    let end = |ends: &str| call::tenant::Set {
        tenant: named(),
        name: None,
        plan: None,
        max_users: None,
        ends: Some(ends.to_owned()),
        time_zone: None,
        reason: None,
    };
    tenant::set(app, &admin, end("2026-09-22")).await.unwrap();
    mailing.house.clock.advance(Duration::from_hours(10 * 24));
    let link = printed(&mailing, ADA).await;
    mailing
        .reset(&link, BETTER)
        .await
        .is(403, "subscription_ended");
    tenant::set(app, &admin, end("2027-09-22")).await.unwrap();
    mailing.reset(&link, BETTER).await.is(410, "link_expired");
}

#[tokio::test]
async fn a64_forgot_is_answered_while_the_name_is_locked() {
    let mailing = Mailing::new().await;
    mailing.house.lock_by_hand(ADA).await;
    let link = mailing.token().await;
    mailing.reset(&link, BETTER).await.is(204, "");
}

#[tokio::test]
async fn without_a_transport_a_mail_is_refused_and_a_link_printed() {
    let house = House::new().await;
    let admin = operator(Socket::Admin);
    let request = |print_link| ResetPassword {
        user: reference("acme", ADA),
        expires_seconds: Some(600),
        print_link,
        reason: None,
    };
    let ask = |print| authd::app::password_reset::send_or_print(&house.app, &admin, request(print));
    let error = ask(false).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NoMailTransport);
    let change = ask(true).await.unwrap();
    assert_eq!(
        change.expires_at,
        Some(house.app.now().plus(Duration::from_mins(10)))
    );
    assert!(change.link.is_some());
    let invite = call::tenant::Create {
        admin_email: Some("root@globex.test".to_owned()),
        ..new_tenant("globex")
    };
    let error = tenant::create(&house.app, &admin, invite)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NoMailTransport);
    assert_eq!(
        error.developer_message,
        "cannot invite root@globex.test: no mail transport is configured; nothing was changed"
    );
    house.tenant(new_tenant("globex")).await;
    let resend = call::user::ResendInvitation {
        user: reference("acme", ADA),
        reason: None,
    };
    let error = user::resend_invitation(&house.app, &admin, resend)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NoMailTransport);
}

/// What a scanner, a preview or a browser that looks ahead does with a link: everything but a post.
#[tokio::test]
async fn a87_v3_5_3_v14_2_1_no_request_but_the_post_uses_a_link_up() {
    let mailing = Mailing::new().await;
    let token = mailing.token().await;
    for path in [
        format!("/reset-password?token={token}"),
        format!("/reset-password?{token}"),
        "/reset-password".to_owned(),
    ] {
        for method in ["GET", "HEAD"] {
            let mut ask = get(&path).header("purpose", "prefetch");
            ask.method = method;
            let answer = mailing.house.ask(ask).await;
            assert_eq!(answer.status, 200, "{method} {path}");
            assert!(!answer.text.contains(&token), "{method} {path}");
            assert!(answer.headers.get("location").is_none());
        }
    }
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"] {
        let mut ask = get(&format!("/v1/auth/password/reset?token={token}"));
        ask.method = method;
        let answer = mailing.house.ask(ask).await;
        assert_eq!(answer.status, 405, "{method}");
    }
    let body = json!({"token": token, "new_password": BETTER});
    let in_query = post(&format!("/v1/auth/password/reset?token={token}"), body);
    mailing
        .house
        .ask(in_query)
        .await
        .is(400, "unknown_parameter");
    mailing.house.ask(login(ADA, GOOD)).await.is(200, "");
    mailing.reset(&token, BETTER).await.is(204, "");
}
