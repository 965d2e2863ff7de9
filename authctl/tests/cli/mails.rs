//! `mail …` and what mails something to users: what is sent, what is shown, how it ends.

use common::call::Change;
use common::error::ErrorCode;
use common::secret::{RevealedSecret, Secret};
use common::time::Time;
use common::view::{MailStatus, MessageState, MessageView, Page};
use serde_json::{Value, json};

use crate::daemon::{Reply, World};
use crate::objects::{self, USER};
use crate::states::rehearsing;

const MESSAGE: &str = "msg_01h455vb4pex5vsknk084sn02q";
const LINK: &str = "https://auth.acme.test/reset-password#c2VjcmV0";

fn link(action: &str, subject: &str) -> Change {
    Change {
        link: Some(RevealedSecret::new(&Secret::new(LINK.to_owned()))),
        expires_at: Some(time("2999-01-01T00:00:00.000Z")),
        ..objects::change(action, subject)
    }
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn status() -> MailStatus {
    MailStatus {
        transport: Some("smtp relay.example.net:587 starttls".to_owned()),
        paused: false,
        queued: 3,
        failed: 1,
        oldest_queued_at: None,
        last_sent_at: None,
        retrying: false,
        last_error: None,
    }
}

fn message() -> MessageView {
    MessageView {
        id: MESSAGE.parse().unwrap(),
        tenant: Some("acme".to_owned()),
        template: "password_reset".to_owned(),
        to: Some("b…@acme.test".to_owned()),
        state: MessageState::Dead,
        tries: 9,
        next_try_at: None,
        last_error: Some("550 no such mailbox".to_owned()),
        created_at: time("2026-11-23T14:00:00.000Z"),
        finished_at: Some(time("2026-11-23T15:00:00.000Z")),
    }
}

#[test]
fn mail_is_told_in_one_line_and_one_object() {
    let world = World::saying(&status());
    let said = world.run("mail status").out;
    assert_eq!(
        said,
        "smtp relay.example.net:587 starttls, queued 3, failed 1\n"
    );
    let said: Value = serde_json::from_str(&world.run("mail status --json").out).unwrap();
    assert_eq!(
        (&said["kind"], &said["item"]["failed"]),
        (&json!("mail.status"), &json!(1))
    );
    assert_eq!(world.run("mail status -q").out, "ok\n");
    assert_eq!(world.run("mail status -o csv").code, Some(2));
    let none = MailStatus {
        transport: None,
        queued: 0,
        failed: 0,
        ..status()
    };
    let said = World::saying(&none).run("mail status").out;
    assert_eq!(said, "not configured, queued 0, failed 0\n");
    let refused = MailStatus {
        retrying: true,
        last_error: Some("451 try later".to_owned()),
        ..status()
    };
    let world = World::saying(&refused);
    assert_eq!(
        world.run("mail status").out,
        "smtp relay.example.net:587 starttls, retrying: 451 try later, queued 3, failed 1\n"
    );
    assert_eq!(world.run("mail status -q").out, "retrying\n");
    let paused = MailStatus {
        paused: true,
        ..status()
    };
    assert_eq!(World::saying(&paused).run("mail status -q").out, "paused\n");
}

#[test]
fn the_daemons_screen_has_a_line_about_mail() {
    let said = World::saying(&objects::status()).run("status").out;
    assert!(
        said.contains("\n  Mail      ok, 3 queued, 0 failed\n"),
        "{said}"
    );
    let mut refused = objects::status();
    refused.mail.retrying = true;
    refused.mail.last_error = Some("451 try later".to_owned());
    let said = World::saying(&refused).run("status").out;
    let line = "\n  Mail      retrying: 451 try later, 3 queued, 0 failed\n";
    assert!(said.contains(line), "{said}");
}

#[test]
fn the_queue_is_listed_and_shown() {
    let page = Page {
        items: vec![message()],
        next_cursor: None,
    };
    let world = World::saying(&page);
    let said = world.run("mail queue list --state dead -t acme").out;
    let words: Vec<&str> = said.split_whitespace().collect();
    let headings = [
        "ID", "TEMPLATE", "TO", "STATE", "TRIES", "NEXT", "LAST", "ERROR",
    ];
    assert_eq!(words[..8], headings, "{said}");
    for part in [
        MESSAGE,
        "password_reset",
        "b…@acme.test",
        "dead",
        "9",
        "550 no such mailbox",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let query = world.only().query;
    assert!(
        query.contains("state=dead") && query.contains("tenant=acme"),
        "{query}"
    );
    assert_eq!(world.run("mail queue list --state lost").code, Some(2));
    let world = World::saying(&message());
    let said: Value =
        serde_json::from_str(&world.run(&format!("mail queue show {MESSAGE} --json")).out).unwrap();
    assert_eq!(
        (&said["kind"], &said["item"]["state"]),
        (&json!("mail"), &json!("dead"))
    );
    let wrong = world.run("mail queue show 7");
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("\"7\" is no msg_… id"), "{}", wrong.err);
}

#[test]
fn mails_are_retried_and_deleted_one_by_one() {
    let other = "msg_01h455vb4pex5vsknk084sn02r";
    let change = Change {
        tenant: None,
        ..objects::change("mail.retry", "password_reset to b…@acme.test")
    };
    let world = World::saying(&change);
    let ended = world.run_with(
        "mail queue retry - --reason back",
        &format!("{MESSAGE}\n{other}\n"),
    );
    let line = "Queued mail password_reset to b…@acme.test again.\n";
    assert_eq!((ended.code, ended.out), (Some(0), line.repeat(2)));
    let asked: Vec<Value> = world.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        asked,
        [
            json!({"id": MESSAGE, "reason": "back"}),
            json!({"id": other, "reason": "back"})
        ]
    );
    let world = World::saying(&change);
    let ended = world.run(&format!("mail queue delete {MESSAGE}"));
    assert_eq!(ended.code, Some(12), "{}", ended.err);
    assert!(
        ended.err.contains(&format!(
            "In scripts: authctl mail queue delete {MESSAGE} --yes"
        )),
        "{}",
        ended.err
    );
    assert!(world.asked().is_empty());
    let ended = world.run(&format!("mail queue delete {MESSAGE} -y"));
    assert_eq!(ended.out, "Deleted mail password_reset to b…@acme.test.\n");
}

#[test]
fn mail_is_paused_resumed_and_tested() {
    let change = |action: &str| Change {
        id: None,
        tenant: None,
        ..objects::change(action, "mail")
    };
    let world = World::saying(&change("mail.pause"));
    assert_eq!(world.run("mail pause --reason move").out, "Paused mail.\n");
    assert_eq!(world.only().body, json!({"reason": "move"}));
    let world = World::saying(&change("mail.resume"));
    assert_eq!(world.run("mail resume").out, "Resumed mail.\n");
    let rehearsed = Change {
        dry_run: true,
        ..change("mail.pause")
    };
    let said = rehearsing(&rehearsed).run("mail pause --dry-run").out;
    assert!(said.starts_with("Would pause mail."), "{said}");
    let test = Change {
        notes: vec!["smtp relay:587: 250 queued as 7".to_owned()],
        ..change("mail.test")
    };
    let world = World::saying(&test);
    let ended = world.run("mail test you@example.net");
    assert_eq!(ended.out, "Sent a test mail to you@example.net.\n");
    assert!(ended.err.contains("250 queued as 7"), "{}", ended.err);
    assert_eq!(world.only().body, json!({"address": "you@example.net"}));
}

#[test]
fn rule_27_a_printed_link_stands_alone_on_its_line() {
    let world = World::saying(&link("user.reset_password", "alice@acme.test"));
    let ended = world.run("user reset-password acme/alice@acme.test --print-link --expires 30m");
    let sentence = "Made a link for alice@acme.test (expires in 30m) in tenant acme.";
    assert_eq!(ended.out, format!("{sentence}\n{LINK}\n"));
    assert_eq!(
        world.only().body,
        json!({"user": {"tenant": "acme", "name": "alice@acme.test"},
            "expires_seconds": 1800, "print_link": true, "reason": null})
    );
    let several =
        world.run("user reset-password a@acme.test b@acme.test --print-link --expires 30m");
    assert_eq!(several.out.lines().filter(|line| *line == LINK).count(), 2);
    let object = world
        .run("user reset-password a@acme.test --print-link --json")
        .out;
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(
        (&object["link"], &object["expires_at"]),
        (&json!(LINK), &json!("2999-01-01T00:00:00.000Z"))
    );
    let ended = world.run("user reset-password a@acme.test --print-link -o id");
    assert_eq!(ended.out, format!("{USER}\n"));
    assert!(ended.err.contains("was not shown"), "{}", ended.err);
    let csv = world
        .run("user reset-password a@acme.test --print-link -o csv")
        .out;
    assert!(csv.contains(LINK), "{csv}");
}

#[test]
fn a_reset_mail_and_an_invitation_are_told_as_queued() {
    let world = World::saying(&objects::change("user.reset_password", "alice@acme.test"));
    let ended = world.run("user reset-password alice@acme.test --expires 1h");
    assert_eq!(
        ended.out,
        "Queued reset mail to alice@acme.test (expires in 1h) in tenant acme.\n"
    );
    let over = Change {
        changed: false,
        notes: vec!["3 mails an hour went to this address already; nothing was sent.".to_owned()],
        ..objects::change("user.reset_password", "alice@acme.test")
    };
    let ended = World::saying(&over).run("user reset-password alice@acme.test");
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.out.starts_with("No mail went to alice@acme.test"),
        "{}",
        ended.out
    );
    let world = World::saying(&objects::change(
        "user.resend_invitation",
        "alice@acme.test",
    ));
    let ended = world.run("user resend-invitation alice@acme.test");
    assert_eq!(
        ended.out,
        "Queued an invitation to alice@acme.test in tenant acme.\n"
    );
    assert_eq!(world.only().path, "/v1/user/resend-invitation");
}

#[test]
fn a_user_is_invited_unless_a_flag_says_otherwise() {
    let world = World::saying(&objects::change("user.create", "alice@acme.test"));
    for flags in ["", "--invite"] {
        let ended = world.run(&format!(
            "-t acme user create --email alice@acme.test {flags}"
        ));
        assert_eq!(
            ended.out,
            format!("Created user alice@acme.test ({USER}), invited by mail in tenant acme.\n")
        );
    }
    for asked in world.asked() {
        assert_eq!(asked.body["password"], "invite");
    }
    for flags in [
        "--invite --generate",
        "--print-link --password-stdin",
        "--invite --permanent",
    ] {
        let ended = world.run(&format!("-t acme user create --email a@acme.test {flags}"));
        assert_eq!(ended.code, Some(2), "{flags}: {}", ended.err);
    }
    // A password that is to stand is given, never mailed.
    let ended = world.run("-t acme user create --email a@acme.test --permanent");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("no password given"), "{}", ended.err);
    let world = World::saying(&link("user.create", "alice@acme.test"));
    let ended = world.run("-t acme user create --email alice@acme.test --print-link");
    assert!(
        ended.out.ends_with(&format!(".\n{LINK}\n")),
        "{}",
        ended.out
    );
    assert_eq!(world.only().body["password"], "link");
}

#[test]
fn without_a_transport_an_invitation_ends_with_7() {
    let world = World::new(|_| {
        Reply::problem(
            ErrorCode::NoMailTransport,
            "cannot invite a@acme.test: no mail transport is configured; nothing was changed",
        )
    });
    let ended = world.run("-t acme user create --email a@acme.test");
    assert_eq!(ended.code, Some(7));
    assert!(
        ended
            .err
            .starts_with("authctl: error: cannot invite a@acme.test: no mail transport"),
        "{}",
        ended.err
    );
}

#[test]
fn a_tenant_comes_with_its_administrator() {
    let made = |change: Change| Change {
        id: Some("ten_01h455vb4pex5vsknk084sn02q".to_owned()),
        tenant: None,
        ..change
    };
    let world = World::saying(&made(objects::change("tenant.create", "acme")));
    let ended = world.run("tenant create acme --admin-email root@acme.test");
    assert_eq!(
        ended.out,
        "Created tenant acme (ten_01h455vb4pex5vsknk084sn02q); invitation sent to root@acme.test.\n"
    );
    assert_eq!(world.only().body["admin_email"], "root@acme.test");
    let world = World::saying(&made(link("tenant.create", "acme")));
    let ended = world.run("tenant create acme --admin-email root@acme.test --print-link");
    assert!(
        ended.out.ends_with(&format!(".\n{LINK}\n")),
        "{}",
        ended.out
    );
    assert_eq!(world.only().body["print_link"], true);
    assert_eq!(world.run("tenant create acme --print-link").code, Some(2));
    // A rehearsal mails nothing and has no link.
    let world = rehearsing(&Change {
        dry_run: true,
        ..made(objects::change("tenant.create", "acme"))
    });
    for how in ["", " --print-link"] {
        let line = format!("tenant create acme --dry-run --admin-email root@acme.test{how}");
        let ended = world.run(&line);
        assert_eq!(ended.err, "");
        assert_eq!(
            ended.out,
            "Would create tenant acme (ten_01h455vb4pex5vsknk084sn02q) for its administrator \
             root@acme.test.\n"
        );
    }
}
