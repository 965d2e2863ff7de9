//! Mails in a tenant's name: its own sender, address for answers, layout and colour.

use std::fs;

use authd::mail::{Correspondent, Letter, Look, Post, Smtp, Templates, check_templates};
use domain::mail::Template;
use domain::mailbox::Mailbox;
use harness::{Conduct, MailServer, MailTls, Received};

use crate::desk::{letter, reset, stationery, way_to};

fn correspondent(text: &str) -> Correspondent {
    let Mailbox { name, address } = text.parse().unwrap();
    Correspondent { name, address }
}

async fn received(letter: Letter) -> Received {
    let server = MailServer::start(Conduct::new(MailTls::None));
    let mut stationery = stationery(None);
    stationery.reply_to = Some(correspondent("Desk <desk@host.test>"));
    let post = Smtp::new(stationery, way_to(&server, MailTls::None)).unwrap();
    post.deliver(letter).await.unwrap();
    server.letters().remove(0)
}

#[tokio::test]
async fn a_tenants_own_sender_stands_in_header_envelope_and_message_id() {
    let mut letter = reset();
    letter.look = Look {
        from: Some(correspondent("Ünal & Söhne <no-reply@globex.test>")),
        reply_to: Some(correspondent("help@globex.test")),
        ..Look::default()
    };
    let of_globex = received(letter).await;
    let header = |name: &str| of_globex.header(name).unwrap();
    assert_eq!(header("From"), "Ünal & Söhne <no-reply@globex.test>");
    assert_eq!(header("Reply-To"), "help@globex.test");
    assert_eq!(of_globex.from, "no-reply@globex.test");
    assert_eq!(of_globex.to, ["bob@acme.test"]);
    assert!(header("Message-ID").ends_with("@globex.test>"));
    // Of others nothing changes.
    let of_all = received(reset()).await;
    assert_eq!(
        of_all.header("From").unwrap(),
        "\"Acme Sign-in\" <no-reply@acme.test>"
    );
    assert_eq!(of_all.header("Reply-To").unwrap(), "Desk <desk@host.test>");
    assert_eq!(of_all.from, "no-reply@acme.test");
}

/// Whatever stands in the texts of a tenant, the mail has the headers and recipients of any other.
#[tokio::test]
async fn v1_2_1_v1_3_11_nothing_of_a_tenants_look_becomes_a_header_or_a_recipient() {
    let hostile = "x\r\nBcc: eve@evil.test\r\n\r\n.\r\nRCPT TO:<eve@evil.test>\r\n";
    let mut plain = reset();
    plain.look.from = Some(correspondent("Acme <no-reply@globex.test>"));
    let mut letter = plain.clone();
    // Past the parser, which refuses such a name.
    letter.look.from.as_mut().unwrap().name = Some(hostile.to_owned());
    letter.look.support = Some(hostile.to_owned());
    letter.look.accent = Some("#fff</style><script>".to_owned());
    letter.look.language = Some(hostile.to_owned());
    let plain = received(plain).await.header_names();
    let received = received(letter).await;
    assert_eq!(received.header_names(), plain);
    assert_eq!(received.to, ["bob@acme.test"]);
    assert!(!received.html().contains("<script>"));
}

#[test]
fn one_layout_of_a_tenant_or_of_all_serves_every_language() {
    let folder = tempfile::tempdir().unwrap();
    let layout = "<p lang={{ language }}>{{ of }}{% block content %}{% endblock %}</p>";
    fs::create_dir(folder.path().join("acme")).unwrap();
    let write = |path: &str, of: &str| {
        let text = layout.replace("{{ of }}", of);
        fs::write(folder.path().join(path), text).unwrap();
    };
    write("layout.html", "all");
    write("acme/layout.html", "acme");
    let templates = Templates::new(Some(folder.path().to_path_buf()));
    for (tenant, expected) in [("acme", "acme"), ("globex", "all")] {
        for language in ["en", "sw"] {
            let mut letter = letter(Template::PasswordChanged);
            letter.facts.tenant = tenant.to_owned();
            letter.locale = Some(language.to_owned());
            let html = templates.write(&letter).unwrap().html;
            assert!(
                html.starts_with(&format!("<p lang={language}>{expected}")),
                "{html}"
            );
        }
    }
    assert_eq!(check_templates(folder.path()), []);
    fs::write(folder.path().join("acme/layout.html"), "{% block %}").unwrap();
    let broken = check_templates(folder.path());
    assert!(!broken.is_empty());
    for broken in broken {
        assert_eq!(broken.path, folder.path().join("acme/layout.html"));
    }
    // The mail goes out in the layout of all.
    let html = templates
        .write(&letter(Template::PasswordChanged))
        .unwrap()
        .html;
    assert!(html.contains(">all"), "{html}");
}

#[test]
fn a_broken_template_of_a_language_is_replaced_by_the_built_in_one_of_that_language() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("acme/sw")).unwrap();
    fs::write(
        folder.path().join("acme/sw/password_reset.txt"),
        "{{ lnik }}",
    )
    .unwrap();
    let mut letter = reset();
    letter.locale = Some("sw-KE".to_owned());
    let templates = Templates::new(Some(folder.path().to_path_buf()));
    let words = templates.write(&letter).unwrap();
    assert_eq!(words, Templates::new(None).write(&letter).unwrap());
    assert!(words.text.starts_with("Hujambo"));
}

#[test]
fn files_of_no_mail_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("en");
    fs::create_dir(&place).unwrap();
    for name in [
        "pasword_reset.txt",
        "welcome.subject.txt",
        "footer.html",
        "README.txt",
    ] {
        fs::write(place.join(name), "text").unwrap();
    }
    let told: Vec<String> = check_templates(folder.path())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("did you mean password_reset.txt?"),
        "{told:?}"
    );
    assert!(
        told[1].contains("welcome.subject.txt: no mail has this name"),
        "{told:?}"
    );
}

/// A template sees its own mail's secrets and nothing else: no file, no environment, no other mail.
#[test]
fn a_template_reaches_no_secret_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("in/en");
    fs::create_dir_all(&place).unwrap();
    fs::write(folder.path().join("secret.txt"), "canary").unwrap();
    fs::write(folder.path().join("in/secret.txt"), "canary").unwrap();
    for way in [
        "{% include '../secret.txt' %}",
        "{% include 'secret.txt' %}",
        "{% include '/etc/hostname' %}",
        "{{ env.HOME }}",
        "{{ self.templates }}",
    ] {
        fs::write(place.join("test.txt"), way).unwrap();
        let templates = Templates::new(Some(folder.path().join("in")));
        let words = templates.write(&letter(Template::Test)).unwrap();
        assert!(
            words.text.starts_with("This is a test mail"),
            "{way}: {}",
            words.text
        );
    }
    fs::write(
        place.join("test.txt"),
        "{{ link }}{{ password }}{{ debug() }}",
    )
    .unwrap();
    let templates = Templates::new(Some(folder.path().join("in")));
    let words = templates.write(&letter(Template::Test)).unwrap();
    assert!(words.text.starts_with("NoneNone"), "{}", words.text);
}
