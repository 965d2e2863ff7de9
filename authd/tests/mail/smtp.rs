//! The conversation with a server: what is sent, what counts as taken, and which refusals are final.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use authd::mail::{Post, Receipt, Undelivered};
use harness::{Conduct, Fault, MailServer, MailTls};

use crate::desk::{letter, post, reset, secret, send, way_to};
use domain::mail::Template;

const TLS: MailTls = MailTls::Starttls;

fn server() -> MailServer {
    MailServer::start(Conduct::new(TLS))
}

async fn with(server: &MailServer, fault: Fault) -> Result<Receipt, Undelivered> {
    server.set_fault(fault);
    send(way_to(server, TLS), reset()).await
}

#[tokio::test]
async fn r10_a_refused_recipient_or_message_is_final_and_all_else_is_tried_again() {
    let server = server();
    for (at, answer, is_permanent) in [
        ("RCPT", "550 5.1.1 No such user", true),
        ("RCPT", "550 No such user", true),
        (".", "554 5.6.0 Malformed", true),
        ("RCPT", "450 4.2.0 Greylisted", false),
        (".", "451 4.3.0 Try again", false),
        ("DATA", "451 4.3.0 Try again", false),
        ("MAIL", "550 5.7.1 Sender not allowed", false),
        ("RCPT", "554 5.7.1 Relay access denied", false),
        ("RCPT", "552 5.2.2 Mailbox full", false),
        ("EHLO", "554 5.3.2 Not accepting mail", false),
    ] {
        let failed = with(&server, Fault::Answer(at, answer)).await.unwrap_err();
        assert_eq!(failed.is_permanent, is_permanent, "{at} {answer}: {failed}");
        let (code, text) = answer.split_once(' ').unwrap();
        assert!(failed.reason.contains(code), "{failed}");
        assert!(failed.reason.contains(text), "{failed}");
    }
    assert_eq!(server.letters().len(), 0);
    with(&server, Fault::None).await.unwrap();
}

#[tokio::test]
async fn r10_a_refused_sign_in_is_the_operators_affair_and_not_the_letters() {
    let server = MailServer::start(Conduct {
        credentials: Some(("authd".to_owned(), "right".to_owned())),
        ..Conduct::new(TLS)
    });
    for credentials in [None, Some(("authd".to_owned(), secret("wrong")))] {
        let mut way = way_to(&server, TLS);
        way.credentials = credentials;
        let failed = send(way, reset()).await.unwrap_err();
        assert!(!failed.is_permanent, "{failed}");
    }
    let mut way = way_to(&server, TLS);
    way.credentials = Some(("authd".to_owned(), secret("right")));
    send(way, reset()).await.unwrap();
    assert_eq!(server.letters()[0].user.as_deref(), Some("authd"));
}

/// Whoever sits between authd and the server can say this before anything is encrypted.
#[tokio::test]
async fn r10_v13_2_6_an_answer_without_an_end_is_cut_before_it_takes_memory() {
    let server = server();
    for text in ["a", "220-x\r\n"] {
        let failed = with(&server, Fault::Endless(text)).await.unwrap_err();
        assert!(!failed.is_permanent);
        assert!(!failed.reason.contains("too slow"), "{failed}");
        assert!(failed.reason.len() < 500, "{failed}");
    }
    let failed = with(&server, Fault::Endless("a")).await.unwrap_err();
    assert!(
        failed
            .reason
            .contains("the server's answer has no end, while connecting"),
        "{failed}"
    );
    with(&server, Fault::None).await.unwrap();
}

#[tokio::test]
async fn r10_a_server_that_never_answers_costs_the_timeout_and_no_more() {
    let server = server();
    for (fault, stage) in [
        (Fault::Silent, "while connecting"),
        (Fault::SilentAfterMessage, "while handing over the message"),
    ] {
        server.set_fault(fault);
        let mut way = way_to(&server, TLS);
        way.timeout = Duration::from_millis(500);
        let begun = Instant::now();
        let failed = send(way, reset()).await.unwrap_err();
        assert!(!failed.is_permanent);
        assert!(failed.reason.contains(stage), "{failed}");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(500), "{took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    assert_eq!(server.letters().len(), 0);
}

#[tokio::test]
async fn r10_a_connection_that_breaks_or_is_refused_is_tried_again() {
    let server = server();
    let failed = with(&server, Fault::HangUpAfterMessage).await.unwrap_err();
    assert!(!failed.is_permanent, "{failed}");
    // The server kept it all the same: the second try is the one duplicate that R10 allows, and
    // bears the same id.
    with(&server, Fault::None).await.unwrap();
    let letters = server.letters();
    let ids: Vec<_> = letters.iter().map(|l| l.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(
        ids[0].as_deref(),
        Some("<msg_01jd0000000000000000000000@acme.test>")
    );
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut way = way_to(&server, TLS);
    way.port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let failed = send(way, reset()).await.unwrap_err();
    assert!(
        !failed.is_permanent && failed.reason.contains("refused"),
        "{failed}"
    );
}

#[tokio::test]
async fn an_answer_out_of_place_never_passes_for_a_delivery() {
    let server = server();
    for (at, answer) in [
        ("DATA", "250 2.0.0 Ok"),
        (".", "354 Go on"),
        ("RCPT", "354 Go on"),
    ] {
        let failed = with(&server, Fault::Answer(at, answer)).await.unwrap_err();
        assert!(!failed.is_permanent, "{failed}");
        assert!(failed.reason.contains("unexpected answer"), "{failed}");
    }
    assert_eq!(server.letters().len(), 0);
}

#[tokio::test]
async fn a_connection_carries_one_letter_after_another() {
    let server = server();
    let post = post(way_to(&server, TLS));
    for _ in 0..5 {
        post.deliver(reset()).await.unwrap();
    }
    assert_eq!(server.letters().len(), 5);
    assert_eq!(server.connections(), 1);
    // At the same time they have one each, and later use these again.
    let three = tokio::join!(
        post.deliver(reset()),
        post.deliver(reset()),
        post.deliver(reset())
    );
    assert!(three.0.is_ok() && three.1.is_ok() && three.2.is_ok());
    assert_eq!(server.letters().len(), 8);
    assert!(server.connections() <= 3, "{}", server.connections());
}

#[tokio::test]
async fn a_connection_that_was_cut_in_a_message_is_not_used_again() {
    let server = server();
    let mut way = way_to(&server, TLS);
    way.timeout = Duration::from_millis(700);
    let post = post(way);
    post.deliver(reset()).await.unwrap();
    server.set_fault(Fault::SilentAfterMessage);
    post.deliver(reset()).await.unwrap_err();
    server.set_fault(Fault::None);
    post.deliver(letter(Template::Test)).await.unwrap();
    let letters = server.letters();
    assert_eq!(letters.len(), 2);
    assert_eq!(server.connections(), 2);
    assert!(
        letters[1]
            .header("Subject")
            .unwrap()
            .starts_with("Test mail")
    );
}

#[tokio::test]
async fn rule_23_no_word_of_the_letter_stands_in_a_reason_or_in_the_description() {
    let server = server();
    let token = crate::desk::LINK.split_once('#').unwrap().1;
    let answer = format!("550 5.1.1 <BOB@acme.test>: unknown, and {token} too");
    let fault = Fault::Answer("RCPT", Box::leak(answer.into_boxed_str()));
    let failed = with(&server, fault).await.unwrap_err();
    let shown = failed.reason.to_lowercase();
    assert!(!shown.contains("bob@acme.test"), "{failed}");
    assert!(!failed.reason.contains(token), "{failed}");
    assert!(failed.is_permanent && failed.reason.contains("unknown"));
    let mut way = way_to(&server, TLS);
    way.credentials = Some(("authd".to_owned(), secret("hunter2")));
    let description = post(way).description();
    assert_eq!(
        description,
        format!("smtp 127.0.0.1:{} starttls", server.port())
    );
}

#[tokio::test]
async fn a_restarted_server_is_found_again_behind_a_kept_connection() {
    let server = server();
    let post = post(way_to(&server, TLS));
    post.deliver(reset()).await.unwrap();
    // The kept connection breaks with its next command.
    server.set_fault(Fault::HangUpAfterMessage);
    post.deliver(reset()).await.unwrap_err();
    server.set_fault(Fault::None);
    post.deliver(reset()).await.unwrap();
    assert_eq!(server.connections(), 2);
}
