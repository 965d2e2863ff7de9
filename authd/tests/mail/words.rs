//! What a mail says: headers, the link, times, and texts that are not ours.

use authd::mail::{Post, Templates};
use common::time::Time;
use domain::mail::Template;
use harness::{Conduct, MailServer, MailTls, Received};

use crate::desk::{LINK, letter, post, reset, secret, way_to};

async fn received(letters: Vec<authd::mail::Letter>) -> (Vec<Received>, Vec<String>) {
    let server = MailServer::start(Conduct::new(MailTls::None));
    let post = post(way_to(&server, MailTls::None));
    for letter in letters {
        post.deliver(letter).await.unwrap();
    }
    (server.letters(), server.heard())
}

async fn one(letter: authd::mail::Letter) -> Received {
    let (mut letters, _) = received(vec![letter]).await;
    assert_eq!(letters.len(), 1);
    letters.remove(0)
}

#[tokio::test]
async fn every_mail_has_its_headers_a_text_and_html() {
    for template in Template::ALL {
        let mut letter = letter(template);
        letter.facts.link = Some(secret(LINK));
        let received = one(letter).await;
        let header = |name: &str| received.header(name).unwrap();
        assert_eq!(header("From"), "\"Acme Sign-in\" <no-reply@acme.test>");
        assert_eq!(header("To"), "bob@acme.test");
        assert_eq!(header("Date"), "Tue, 24 Nov 2026 09:07:00 +0000");
        assert_eq!(header("Auto-Submitted"), "auto-generated");
        assert_eq!(header("MIME-Version"), "1.0");
        assert!(header("Subject").contains("Acme Hotels"), "{template:?}");
        assert!(header("Content-Type").starts_with("multipart/alternative;"));
        assert_eq!(received.from, "no-reply@acme.test");
        assert_eq!(received.to, ["bob@acme.test"]);
        let (text, html) = (received.text(), received.html());
        for part in [&text, &html] {
            // A line may end within a name.
            let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains("Acme Hotels"), "{part}");
            assert!(!part.contains("{{") && !part.contains("{%"), "{part}");
            assert!(!part.contains("None"), "{part}");
        }
        assert!(html.starts_with("<!doctype html>"), "{html}");
        assert!(html.contains("color-scheme") && html.contains("lang=\"en\""));
        // Nothing is loaded from anywhere: no picture, no style, no count of who reads.
        for tag in ["<img", "<link", "<script", "url(", "@import", " src="] {
            assert!(!html.contains(tag), "{template:?} has {tag}");
        }
    }
}

#[tokio::test]
async fn v1_2_2_a_link_comes_back_exactly_from_text_and_html() {
    let received = one(reset()).await;
    assert_eq!(received.links(), [LINK]);
    let html = received.html_links();
    assert!(
        !html.is_empty() && html.iter().all(|link| link == LINK),
        "{html:?}"
    );
    assert_eq!(received.token(), LINK.split_once('#').unwrap().1);
}

#[tokio::test]
async fn a_generated_password_comes_back_exactly() {
    let mut invitation = letter(Template::Invitation);
    let password = "Kx7&<\"'mQ-";
    invitation.facts.password = Some(secret(password));
    let received = one(invitation).await;
    assert!(
        received
            .text()
            .contains(&format!("  password:  {password}\n"))
    );
    assert!(received.html().contains("Kx7&amp;&lt;&quot;&#x27;mQ-"));
    assert!(received.text().contains("bob@acme.test"));
}

#[tokio::test]
async fn v1_3_7_v1_1_2_a_name_is_shown_as_it_is_and_escaped_in_html_alone() {
    let mut reset = reset();
    reset.facts.name = Some("{{7*7}} ${7*7} <b>&\"".to_owned());
    reset.facts.tenant_name = "Ünal {% raw %} & Söhne".to_owned();
    let received = one(reset).await;
    assert!(received.text().contains("Hello {{7*7}} ${7*7} <b>&\","));
    assert!(!received.html().contains("<b>"));
    assert!(
        received
            .html()
            .contains("{{7*7}} ${7*7} &lt;b&gt;&amp;&quot;")
    );
    let subject = received.header("Subject").unwrap();
    assert_eq!(subject, "Choose a new password for Ünal {% raw %} & Söhne");
}

#[tokio::test]
async fn v1_3_11_v1_2_1_a47_nothing_in_a_letter_becomes_a_header_or_a_recipient() {
    let hostile = "x\r\nBcc: eve@evil.test\r\n\r\n.\r\nMAIL FROM:<e@evil.test>\r\nRCPT TO:<eve@evil.test>\r\nDATA\r\n";
    let mut reset = reset();
    reset.facts.name = Some(format!("<a@b>,<c@d> \"{hostile}"));
    reset.facts.tenant_name = hostile.to_owned();
    reset.facts.device = Some(hostile.to_owned());
    reset.facts.ip = Some(hostile.to_owned());
    reset.message_id = format!("msg_1{hostile}");
    let plain = reset_headers().await;
    let (letters, heard) = received(vec![reset]).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to, ["bob@acme.test"]);
    assert_eq!(letters[0].header_names(), plain);
    let count = |verb: &str| heard.iter().filter(|line| line.starts_with(verb)).count();
    assert_eq!((count("RCPT"), count("MAIL"), count("DATA")), (1, 1, 1));
    assert!(!letters[0].header("Message-ID").unwrap().contains(' '));
}

async fn reset_headers() -> Vec<String> {
    one(reset()).await.header_names()
}

#[tokio::test]
async fn rustsec_2021_0069_lines_that_begin_with_a_dot_stay_in_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("en");
    std::fs::create_dir(&place).unwrap();
    let body = "first\n.\n..\n.hidden\n\r\n.\r\nQUIT\r\nlast\n";
    std::fs::write(place.join("test.txt"), body).unwrap();
    let server = MailServer::start(Conduct::new(MailTls::None));
    let stationery = crate::desk::stationery(Some(folder.path()));
    let post = authd::mail::Smtp::new(stationery, way_to(&server, MailTls::None)).unwrap();
    post.deliver(letter(Template::Test)).await.unwrap();
    post.deliver(letter(Template::Test)).await.unwrap();
    let letters = server.letters();
    assert_eq!(letters.len(), 2);
    for letter in letters {
        let text = letter.text();
        for line in [".", "..", ".hidden", "QUIT", "last"] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}

#[tokio::test]
async fn times_are_those_of_the_tenants_zone_and_name_it() {
    let write = |zone: &str| {
        let mut reset = reset();
        reset.facts.time_zone = zone.to_owned();
        reset.facts.expires_at = Some(Time::from_millis(1_795_511_220_000));
        Templates::new(None).write(&reset).unwrap().text
    };
    for (zone, expected) in [
        (
            "Africa/Nairobi",
            "24 November 2026, 12:07 (Africa/Nairobi, UTC+03:00)",
        ),
        (
            "America/St_Johns",
            "24 November 2026, 05:37 (America/St_Johns, UTC-03:30)",
        ),
        ("UTC", "24 November 2026, 09:07 (UTC)"),
        (
            "Europe/London",
            "24 November 2026, 09:07 (Europe/London, UTC)",
        ),
        ("Mars/Phobos", "24 November 2026, 09:07 (UTC)"),
    ] {
        // A line may end within a time.
        let text = write(zone).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(expected), "{zone}\n{text}");
    }
}

#[tokio::test]
async fn an_address_beyond_ascii_is_one_recipient() {
    let mut reset = reset();
    reset.to = "jörg@bücher.example".parse().unwrap();
    let received = one(reset).await;
    assert_eq!(received.to.len(), 1);
    assert!(received.to[0].starts_with("jörg@"), "{:?}", received.to);
    assert_eq!(received.links(), [LINK]);
}
