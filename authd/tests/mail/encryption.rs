//! Nothing goes out but to the right server, by an encrypted way (ASVS 12.3, RUSTSEC-2026-0141).

use std::time::Duration;

use authd::mail::Authorities;
use harness::{Authority, Conduct, Fault, MailServer, MailTls};

use crate::desk::{reset, send, way_to};

const ENCRYPTED: [MailTls; 2] = [MailTls::Starttls, MailTls::Implicit];

#[tokio::test]
async fn v12_3_1_letters_go_by_encrypted_connections() {
    for tls in ENCRYPTED {
        let server = MailServer::start(Conduct::new(tls));
        let receipt = send(way_to(&server, tls), reset()).await.unwrap();
        assert_eq!(receipt.answer, "2.0.0 Queued as 4711");
        let letters = server.letters();
        assert_eq!(letters.len(), 1);
        assert!(letters[0].is_encrypted);
    }
    let server = MailServer::start(Conduct::new(MailTls::None));
    send(way_to(&server, MailTls::None), reset()).await.unwrap();
    assert!(!server.letters()[0].is_encrypted);
}

#[tokio::test]
async fn v12_3_2_a_certificate_of_a_stranger_gets_no_letter() {
    for tls in ENCRYPTED {
        let server = MailServer::start(Conduct {
            credentials: Some(("authd".to_owned(), "hunter2".to_owned())),
            ..Conduct::new(tls)
        });
        let mut way = way_to(&server, tls);
        way.authorities = Authorities::These(Authority::new().pem().as_bytes().to_vec());
        way.credentials = Some(("authd".to_owned(), crate::desk::secret("hunter2")));
        let failed = send(way, reset()).await.unwrap_err();
        assert!(!failed.is_permanent, "{failed}");
        assert!(failed.reason.contains("certificate"), "{failed}");
        assert_eq!(server.letters().len(), 0);
        let heard = server.heard().join("\n");
        assert!(
            !heard.contains("AUTH") && !heard.contains("MAIL"),
            "{heard}"
        );
    }
}

#[tokio::test]
async fn v12_3_2_a_certificate_for_another_host_gets_no_letter() {
    for tls in ENCRYPTED {
        let server = MailServer::start(Conduct {
            name: "elsewhere.example".to_owned(),
            ..Conduct::new(tls)
        });
        let failed = send(way_to(&server, tls), reset()).await.unwrap_err();
        assert!(!failed.is_permanent, "{failed}");
        assert!(failed.reason.contains("certificate"), "{failed}");
        assert_eq!(server.letters().len(), 0);
    }
}

#[tokio::test]
async fn v12_3_1_a_stripped_starttls_gets_no_letter_and_no_password() {
    let server = MailServer::start(Conduct {
        credentials: Some(("authd".to_owned(), "hunter2".to_owned())),
        ..Conduct::new(MailTls::Starttls)
    });
    server.set_fault(Fault::NoStarttls);
    let mut way = way_to(&server, MailTls::Starttls);
    way.credentials = Some(("authd".to_owned(), crate::desk::secret("hunter2")));
    let failed = send(way.clone(), reset()).await.unwrap_err();
    assert!(!failed.is_permanent);
    assert!(failed.reason.contains("offers no STARTTLS"), "{failed}");
    let heard = server.heard().join("\n");
    assert!(
        !heard.contains("AUTH") && !heard.contains("MAIL"),
        "{heard}"
    );
    // A refusal of the command is no leave to go on without it, either.
    server.set_fault(Fault::Answer("STARTTLS", "454 4.7.0 Not now"));
    let failed = send(way.clone(), reset()).await.unwrap_err();
    assert!(
        !failed.is_permanent && failed.reason.contains("454"),
        "{failed}"
    );
    assert_eq!(server.letters().len(), 0);
    server.set_fault(Fault::None);
    send(way, reset()).await.unwrap();
    assert_eq!(server.letters()[0].user.as_deref(), Some("authd"));
}

#[tokio::test]
async fn a_server_of_the_other_kind_of_encryption_fails_in_time() {
    let server = MailServer::start(Conduct::new(MailTls::Starttls));
    let mut way = way_to(&server, MailTls::Implicit);
    way.timeout = Duration::from_secs(5);
    let failed = send(way, reset()).await.unwrap_err();
    assert!(!failed.is_permanent, "{failed}");
    let server = MailServer::start(Conduct::new(MailTls::Implicit));
    let mut way = way_to(&server, MailTls::Starttls);
    way.timeout = Duration::from_millis(300);
    let failed = send(way, reset()).await.unwrap_err();
    assert!(!failed.is_permanent, "{failed}");
    assert_eq!(server.letters().len(), 0);
}

/// The variables that the test below hands to itself.
const CHILD: (&str, &str) = ("MAIL_TEST_PORT", "SSL_CERT_FILE");

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_by_ssl_cert_file() {
    // In the process that the test starts: the machine's authorities, as the variable names them.
    if let Ok(port) = std::env::var(CHILD.0) {
        let server = MailServer::start(Conduct::new(MailTls::Implicit));
        let mut way = way_to(&server, MailTls::Implicit);
        way.authorities = Authorities::System;
        way.port = port.parse().unwrap();
        send(way.clone(), reset()).await.unwrap();
        way.port = server.port();
        let failed = send(way, reset()).await.unwrap_err();
        assert!(failed.reason.contains("certificate"), "{failed}");
        return;
    }
    let server = MailServer::start(Conduct::new(MailTls::Implicit));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    server.authority().write(&file);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "encryption::an_authority_of_ones_own_is_trusted_by_ssl_cert_file",
        ])
        .env(CHILD.0, server.port().to_string())
        .env(CHILD.1, &file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    assert_eq!(server.letters().len(), 1);
}
