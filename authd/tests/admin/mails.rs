//! The operator's desk for mails: how they stand, the queue, a test; and who sees what of it.

use std::sync::Arc;

use authd::app::{mail, password_reset, status, user};
use common::call::mail::{
    Pause, QueueDelete, QueueList, QueueRetry, QueueShow, Resume, Status, Test,
};
use common::call::user::{Create, FirstPassword, ResendInvitation, ResetPassword};
use common::error::ErrorCode;
use common::view::{MessageState, MessageView};

use crate::desk::{Desk, new_user, reference, running};
use crate::support::FakePost;

const BOB: &str = "bob@acme.test";

async fn desk() -> (Desk, Arc<FakePost>) {
    let post = Arc::new(FakePost::default());
    let desk = Desk::with_post(&post);
    desk.tenant("acme").await;
    desk.user("acme", BOB).await;
    (desk, post)
}

async fn reset(
    desk: &Desk,
    print_link: bool,
    seconds: Option<u64>,
) -> Result<common::call::Change, authd::app::Error> {
    let request = ResetPassword {
        user: reference("acme", BOB),
        expires_seconds: seconds,
        print_link,
        reason: Some("he asked".to_owned()),
    };
    password_reset::send_or_print(&desk.app, &desk.admin(), request).await
}

/// A mail that was given up.
async fn dead(desk: &Desk, post: &FakePost) -> MessageView {
    post.refuse(true, "550 no mailbox bob@acme.test");
    reset(desk, false, None).await.unwrap();
    mail::work(&desk.app).await.unwrap();
    let call = QueueList {
        state: Some(MessageState::Dead),
        ..QueueList::default()
    };
    let page = mail::queue_list(&desk.app, &desk.admin(), call).await;
    page.unwrap().items.remove(0)
}

#[tokio::test]
async fn rule_23_the_queue_shows_how_mails_stand_and_no_secret() {
    let (desk, post) = desk().await;
    let row = dead(&desk, &post).await;
    assert_eq!(
        (row.tenant.as_deref(), row.template.as_str()),
        (Some("acme"), "password_reset")
    );
    assert_eq!((row.to.as_deref(), row.tries), (Some("b…@acme.test"), 1));
    assert_eq!(
        row.last_error.as_deref(),
        Some("550 no mailbox bob@acme.test")
    );
    let link = post.take().remove(0).facts.link.unwrap();
    let shown = serde_json::to_string(&row).unwrap();
    let token = link.expose().split_once('#').unwrap().1;
    assert!(!shown.contains(token));
    let call = QueueShow { id: row.id };
    let one = mail::queue_show(&desk.app, &desk.admin(), call)
        .await
        .unwrap();
    assert_eq!(one, row);
    let status = mail::status(&desk.app, &desk.admin(), Status {})
        .await
        .unwrap();
    assert_eq!((status.queued, status.failed, status.paused), (0, 1, false));
    assert_eq!(status.transport.as_deref(), Some("fake"));
    let (running, admin) = (running(), desk.admin());
    let call = common::call::status::Status {};
    let whole = status::status(&desk.app, &running, &admin, call).await;
    assert_eq!(whole.unwrap().mail, status);
}

#[tokio::test]
async fn a94_the_monitor_socket_sees_neither_address_nor_what_a_server_said() {
    let (desk, post) = desk().await;
    dead(&desk, &post).await;
    let page = mail::queue_list(&desk.app, &desk.monitor(), QueueList::default()).await;
    let row = page.unwrap().items.remove(0);
    assert_eq!((row.to, row.last_error), (None, None));
    assert_eq!(row.state, MessageState::Dead);
    post.refuse(false, "451 bob@acme.test is over quota");
    reset(&desk, false, None).await.unwrap();
    mail::work(&desk.app).await.unwrap();
    let seen = mail::status(&desk.app, &desk.monitor(), Status {}).await;
    let seen = seen.unwrap();
    assert_eq!((seen.retrying, seen.last_error), (true, None));
    let seen = mail::status(&desk.app, &desk.admin(), Status {}).await;
    let seen = seen.unwrap().last_error;
    assert_eq!(seen.as_deref(), Some("451 bob@acme.test is over quota"));
}

#[tokio::test]
async fn rule_30_what_is_done_to_mails_leaves_a_row() {
    let (desk, post) = desk().await;
    let (app, admin) = (&desk.app, desk.admin());
    let acme = desk.tenant_named("acme").await;
    let row = dead(&desk, &post).await;
    let retry = QueueRetry {
        id: row.id,
        reason: Some("the relay is back".to_owned()),
    };
    mail::queue_retry(app, &admin, retry).await.unwrap();
    let delete = || QueueDelete {
        id: row.id,
        reason: None,
    };
    mail::queue_delete(app, &admin, delete()).await.unwrap();
    let gone = mail::queue_delete(app, &admin, delete()).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    reset(&desk, true, None).await.unwrap();
    let rows = desk.audit(acme).await;
    let told: Vec<_> = rows.iter().map(|row| row.entry.action.as_str()).collect();
    let last = &told[told.len() - 4..];
    let expected = [
        "user.reset_password",
        "mail.retry",
        "mail.delete",
        "user.reset_password",
    ];
    assert_eq!(last, expected);
    let first = &rows[rows.len() - 4].entry.payload;
    assert_eq!(
        (&first["reason"], &first["after"]["printed"]),
        (&"he asked".into(), &false.into())
    );
    assert_eq!(rows.last().unwrap().entry.payload["after"]["printed"], true);
    let whole = format!("{rows:?}");
    assert!(!whole.contains("reset-password#"), "no link is in the log");
}

#[tokio::test]
async fn rule_30_pause_resume_and_test_leave_rows_of_the_installation() {
    let (desk, post) = desk().await;
    let (app, admin) = (&desk.app, desk.admin());
    mail::pause(app, &admin, Pause { reason: None })
        .await
        .unwrap();
    mail::resume(app, &admin, Resume { reason: None })
        .await
        .unwrap();
    let test = || Test {
        address: "ops@acme.test".to_owned(),
    };
    let change = mail::test(app, &admin, test()).await.unwrap();
    assert_eq!(change.notes, ["fake: 250 ok"]);
    assert_eq!(post.take()[0].to.as_str(), "ops@acme.test");
    let rows = app.store.read(|tx| tx.audit().rows(None, 1, 100)).await;
    let rows: Vec<domain::audit::AuditRow> = rows.map_err(|e: store::StoreError| e).unwrap();
    let told: Vec<_> = rows.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(
        told[told.len() - 3..],
        ["mail.pause", "mail.resume", "mail.test"]
    );
    post.refuse(false, "connection refused");
    let error = mail::test(app, &admin, test()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert!(error.developer_message.contains("connection refused"));
    let wrong = Test {
        address: "ops".to_owned(),
    };
    let error = mail::test(app, &admin, wrong).await.unwrap_err();
    assert_eq!(error.fields[0].code, "invalid_email");
}

#[tokio::test]
async fn a_link_lives_a_minute_to_a_day_and_nobody_disabled_gets_one() {
    let (desk, _post) = desk().await;
    for seconds in [59, 86_401] {
        let error = reset(&desk, true, Some(seconds)).await.unwrap_err();
        assert_eq!(error.fields[0].path, "/expires_seconds");
    }
    let change = reset(&desk, true, Some(60)).await.unwrap();
    assert!(change.link.unwrap().expose().contains("/reset-password#"));
    let disable = common::call::user::Disable {
        user: reference("acme", BOB),
        reason: None,
    };
    user::disable(&desk.app, &desk.admin(), disable)
        .await
        .unwrap();
    let error = reset(&desk, true, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn rule_22_what_an_administrator_asks_for_goes_out_beyond_the_cap() {
    let (desk, post) = desk().await;
    for _ in 0..5 {
        let change = reset(&desk, false, None).await.unwrap();
        assert!(change.changed && change.expires_at.is_some());
        assert_eq!(change.notes, Vec::<String>::new());
        mail::work(&desk.app).await.unwrap();
        let letters = post.take();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].to.as_str(), BOB);
    }
}

#[tokio::test]
async fn an_invitation_is_mailed_again_until_a_password_is_chosen() {
    let (desk, post) = desk().await;
    let request = Create {
        password: FirstPassword::Invite,
        ..new_user("acme", "new@acme.test")
    };
    desk.create(request).await.unwrap();
    let resend = |email: &str| ResendInvitation {
        user: reference("acme", email),
        reason: None,
    };
    let again = resend("new@acme.test");
    user::resend_invitation(&desk.app, &desk.admin(), again)
        .await
        .unwrap();
    mail::work(&desk.app).await.unwrap();
    let letters = post.take();
    assert_eq!(letters.len(), 2);
    let password = |n: usize| letters[n].facts.password.as_ref().unwrap().expose().clone();
    assert_ne!(password(0), password(1));
    let error = user::resend_invitation(&desk.app, &desk.admin(), resend(BOB)).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::Conflict);
}
