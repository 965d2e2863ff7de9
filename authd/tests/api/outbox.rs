//! The outbox and its worker: when mails are tried, what is made for each try, and what is dropped.

use std::time::Duration;

use authd::app::mail::{pause, queue_retry, resume};
use authd::app::{tenant, user};
use common::call::mail::{Pause, QueueRetry, Resume};
use common::call::user::{Create, FirstPassword, ResendInvitation};
use common::call::{self, Socket};
use common::error::ErrorCode;
use domain::mail::{MessageState, Template};

use crate::house::{ADA, BETTER, GOOD, change, login};
use crate::mailing::{Mailing, token_of};
use crate::support::{new_tenant, new_user, operator, plan, reference};

const BOB: &str = "bob@acme.test";

async fn invite(mailing: &Mailing, email: &str) {
    let request = Create {
        password: FirstPassword::Invite,
        ..new_user("acme", email, GOOD)
    };
    let admin = operator(Socket::Admin);
    user::create(&mailing.house.app, &admin, request)
        .await
        .unwrap();
}

async fn resend(mailing: &Mailing, email: &str) -> Result<call::Change, authd::app::Error> {
    let request = ResendInvitation {
        user: reference("acme", email),
        reason: None,
    };
    user::resend_invitation(&mailing.house.app, &operator(Socket::Admin), request).await
}

#[tokio::test]
async fn r10_a_mail_is_tried_again_with_a_new_link_under_the_same_id() {
    let mailing = Mailing::new().await;
    mailing.post.refuse(false, "451 busy");
    mailing.forgot(ADA).await.is(202, "");
    let first = mailing.delivered().await;
    assert!(mailing.delivered().await.is_empty(), "not before its time");
    assert_eq!(
        mailing.waiting().await[0].last_error.as_deref(),
        Some("451 busy")
    );
    mailing.house.clock.advance(Duration::from_secs(38));
    let second = mailing.delivered().await;
    assert_eq!(first[0].message_id, second[0].message_id);
    mailing
        .reset(&token_of(&first[0]), BETTER)
        .await
        .is(410, "link_expired");
    mailing
        .reset(&token_of(&second[0]), BETTER)
        .await
        .is(204, "");
    assert_eq!(mailing.waiting().await.len(), 1, "that it was changed");
}

#[tokio::test]
async fn r10_a_mail_is_given_up_at_once_or_after_all_tries_and_can_be_retried() {
    let mut plan = plan();
    plan.settings.mail.retry_max = 2;
    let mailing = Mailing::with(plan).await;
    mailing.forgot(ADA).await.is(202, "");
    mailing.post.refuse(true, "550 no such mailbox");
    assert_eq!(mailing.delivered().await.len(), 1);
    let dead = mailing.waiting().await.remove(0);
    assert_eq!((dead.state, dead.tries), (MessageState::Dead, 1));
    assert_eq!(dead.last_error.as_deref(), Some("550 no such mailbox"));
    let retry = || QueueRetry {
        id: dead.id,
        reason: None,
    };
    let admin = operator(Socket::Admin);
    queue_retry(&mailing.house.app, &admin, retry())
        .await
        .unwrap();
    for tries in 1..=3 {
        mailing.post.refuse(false, "451 busy");
        assert_eq!(mailing.delivered().await.len(), 1, "{tries}");
        let row = mailing.waiting().await.remove(0);
        assert_eq!(row.tries, tries);
        let is_last = tries == 3;
        assert_eq!(row.state == MessageState::Dead, is_last, "{tries}");
        mailing.house.clock.advance(Duration::from_mins(10));
    }
    assert!(mailing.delivered().await.is_empty());
    queue_retry(&mailing.house.app, &admin, retry())
        .await
        .unwrap();
    assert_eq!(mailing.delivered().await.len(), 1);
    let error = queue_retry(&mailing.house.app, &admin, retry()).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::Conflict, "it was sent");
}

#[tokio::test]
async fn a48_what_a_try_left_behind_is_sent_again_under_the_same_id() {
    let mailing = Mailing::new().await;
    mailing.forgot(ADA).await.is(202, "");
    let row = mailing.waiting().await.remove(0);
    // As a run leaves it that was killed, or whose last write failed, while it was sending.
    let next = mailing.house.app.now().plus(Duration::from_secs(30));
    let id = row.id;
    mailing
        .house
        .write(move |tx| tx.outbox_mut().begin_try(id, next).map(drop))
        .await;
    assert!(mailing.delivered().await.is_empty());
    mailing.house.clock.advance(Duration::from_secs(30));
    let letters = mailing.delivered().await;
    assert_eq!(letters[0].message_id, row.id.to_string());
    assert!(mailing.waiting().await.is_empty());
}

#[tokio::test]
async fn rule_22_mails_to_one_user_keep_their_order() {
    let mailing = Mailing::new().await;
    for _ in 0..3 {
        mailing.forgot(ADA).await.is(202, "");
        mailing.house.clock.advance(Duration::from_millis(1));
    }
    let letters = mailing.delivered().await;
    assert_eq!(letters.len(), 3);
    for letter in &letters[..2] {
        mailing
            .reset(&token_of(letter), BETTER)
            .await
            .is(410, "link_expired");
    }
    mailing
        .reset(&token_of(&letters[2]), BETTER)
        .await
        .is(204, "");
}

#[tokio::test]
async fn a_pause_holds_mails_back_and_is_kept_in_the_database() {
    let mailing = Mailing::new().await;
    let (app, admin) = (&mailing.house.app, operator(Socket::Admin));
    let call = || Pause { reason: None };
    assert!(pause(app, &admin, call()).await.unwrap().changed);
    assert!(!pause(app, &admin, call()).await.unwrap().changed);
    mailing.forgot(ADA).await.is(202, "");
    assert!(mailing.delivered().await.is_empty());
    let kept = app.store.read(|tx| tx.meta().value("mail.paused")).await;
    let kept: Option<Vec<u8>> = kept.map_err(|error: store::StoreError| error).unwrap();
    assert_eq!(kept, Some(vec![1]));
    resume(app, &admin, Resume { reason: None }).await.unwrap();
    assert_eq!(mailing.delivered().await.len(), 1);
}

#[tokio::test]
async fn a_rate_holds_mails_back_for_a_minute() {
    let mut plan = plan();
    plan.settings.mail.rate = 2;
    let mailing = Mailing::with(plan).await;
    for email in ["b@acme.test", "c@acme.test", "d@acme.test"] {
        invite(&mailing, email).await;
    }
    assert_eq!(mailing.delivered().await.len(), 2);
    assert!(mailing.delivered().await.is_empty());
    mailing.house.clock.advance(Duration::from_mins(1));
    assert_eq!(mailing.delivered().await.len(), 1);
}

#[tokio::test]
async fn rule_23_an_invitations_password_is_made_when_it_is_sent() {
    let mailing = Mailing::new().await;
    invite(&mailing, BOB).await;
    mailing.post.refuse(false, "451 busy");
    let first = mailing.delivered().await.remove(0);
    mailing.house.clock.advance(Duration::from_secs(38));
    let second = mailing.delivered().await.remove(0);
    assert_eq!(first.template, Template::Invitation);
    let of = |letter: &authd::mail::Letter| {
        let password = letter.facts.password.as_ref().unwrap();
        password.expose().clone()
    };
    let (old, new) = (of(&first), of(&second));
    mailing
        .house
        .ask(login(BOB, &old))
        .await
        .is(401, "invalid_credentials");
    let answer = mailing.house.ask(login(BOB, &new)).await;
    answer.is(200, "");
    let token = answer.body["access_token"].as_str().unwrap();
    mailing
        .house
        .ask(change(token, &new, BETTER))
        .await
        .is(204, "");
    // Whoever has chosen a password is not invited any more.
    let error = resend(&mailing, BOB).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn rule_23_a_mail_whose_reason_is_over_is_dropped() {
    let mailing = Mailing::new().await;
    invite(&mailing, BOB).await;
    invite(&mailing, "eve@acme.test").await;
    mailing.forgot(ADA).await.is(202, "");
    mailing.house.disable_named(ADA).await;
    mailing.house.disable_named(BOB).await;
    let delete = call::user::Delete {
        user: reference("acme", "eve@acme.test"),
        hard: false,
        confirm: Some("eve@acme.test".to_owned()),
        reason: None,
    };
    let admin = operator(Socket::Admin);
    user::delete(&mailing.house.app, &admin, delete)
        .await
        .unwrap();
    assert!(mailing.delivered().await.is_empty());
    assert!(mailing.rows().await.is_empty());
    mailing.house.enable(ADA).await;
    mailing.forgot(ADA).await.is(202, "");
    let suspend = call::tenant::Suspend {
        tenant: "acme".to_owned(),
        reason: None,
    };
    tenant::suspend(&mailing.house.app, &admin, suspend)
        .await
        .unwrap();
    assert!(mailing.waiting().await.is_empty(), "rule 19");
}

#[tokio::test]
async fn rule_23_an_invitation_never_takes_a_chosen_password() {
    let mailing = Mailing::new().await;
    invite(&mailing, BOB).await;
    let first = mailing.delivered().await.remove(0);
    resend(&mailing, BOB).await.unwrap();
    let password = first.facts.password.unwrap();
    let answer = mailing.house.ask(login(BOB, password.expose())).await;
    let token = answer.body["access_token"].as_str().unwrap();
    let ask = change(token, password.expose(), BETTER);
    mailing.house.ask(ask).await.is(204, "");
    let told = mailing.delivered().await;
    assert!(
        told.iter()
            .all(|letter| letter.template == Template::PasswordChanged)
    );
    mailing.house.ask(login(BOB, BETTER)).await.is(200, "");
}

#[tokio::test]
async fn a51_a_full_cap_silences_no_notice_of_a_change() {
    let mailing = Mailing::new().await;
    for _ in 0..4 {
        mailing.forgot(ADA).await.is(202, "");
    }
    assert_eq!(mailing.delivered().await.len(), 3);
    let signed_in = mailing.house.sign_in().await;
    let token = signed_in.body["access_token"].as_str().unwrap();
    mailing
        .house
        .ask(change(token, GOOD, BETTER))
        .await
        .is(204, "");
    let told = mailing.delivered().await;
    assert_eq!(
        (told.len(), told[0].template),
        (1, Template::PasswordChanged)
    );
}

#[tokio::test]
async fn the_first_administrator_comes_with_the_tenant() {
    let mailing = Mailing::new().await;
    let request = |slug: &str, print_link| call::tenant::Create {
        admin_email: Some(format!("root@{slug}.test")),
        print_link,
        ..new_tenant(slug)
    };
    let (app, admin) = (&mailing.house.app, operator(Socket::Admin));
    let change = tenant::create(app, &admin, request("globex", false))
        .await
        .unwrap();
    assert!(change.link.is_none());
    let letters = mailing.delivered().await;
    assert_eq!(letters[0].to.as_str(), "root@globex.test");
    assert!(letters[0].facts.password.is_some());
    let change = tenant::create(app, &admin, request("hooli", true))
        .await
        .unwrap();
    assert!(mailing.delivered().await.is_empty());
    let link = change.link.unwrap();
    let token = crate::mailing::of_link(link.expose());
    mailing.reset(&token, BETTER).await.is(204, "");
    let globex: common::id::TenantId = change.id.unwrap().parse().unwrap();
    let read = app.store.read(move |tx| {
        let email = "root@hooli.test".parse().unwrap();
        tx.tenant(globex).users().by_email(&email)
    });
    let root: Option<domain::user::User> = read.await.unwrap();
    assert!(root.unwrap().is_tenant_admin);
}
