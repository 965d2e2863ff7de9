//! `[mail]` and `[links]`: a way has its ends, what is secret goes by a closed one, and links lead
//! to pages.

use std::time::Duration;

use super::*;

const SMTP: [&str; 3] = [
    "mail.transport=smtp",
    "mail.host=smtp.example.com",
    "mail.from=Example <no-reply@example.com>",
];

fn keys(faults: &[Fault]) -> Vec<&str> {
    let keys = faults.iter().filter_map(|fault| fault.key.as_deref());
    keys.collect()
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [SMTP.as_slice(), more].concat()
}

#[test]
fn r41_a_way_out_needs_a_server_and_a_sender() {
    let mail = load_settings(&SMTP).unwrap().config.mail;
    let from = mail.from.unwrap();
    assert_eq!(from.name.as_deref(), Some("Example"));
    assert_eq!(from.address.as_str(), "no-reply@example.com");
    assert_eq!(mail.reply_to, None);
    let faults = load_settings(&["mail.transport=smtp"]).unwrap_err();
    assert_eq!(keys(&faults.0), ["mail.host", "mail.from"]);
    let shown = faults.to_string();
    assert!(shown.contains("Set it: mail.host = "), "{shown}");
    load_settings(&["mail.transport=none"]).unwrap();
}

#[test]
fn r41_registration_needs_a_way_for_its_mails() {
    let faults = load_settings(&["registration.enabled=true"]).unwrap_err();
    assert_eq!(keys(&faults.0), ["registration.enabled"], "{faults}");
    let open = load_settings(&with(&["registration.enabled=true"])).unwrap();
    let registration = open.config.registration;
    assert!(registration.enabled && registration.allowed_domains.is_empty());
    assert_eq!(registration.max_pending, 100);
    assert_eq!(registration.verify_ttl, Duration::from_hours(48));
}

#[test]
fn rule_27_mails_in_files_and_in_the_log_are_for_development_alone() {
    for transport in ["mail.transport=file", "mail.transport=log"] {
        let settings = [transport, "mail.from=a@b.example"];
        let faults = load_settings(&settings).unwrap_err();
        assert_eq!(keys(&faults.0), ["mail.transport"], "{faults}");
        let folder = folder(&[]);
        let source = Source {
            dir: Some(folder.path().to_path_buf()),
            dev: Some(DevDefaults::below(folder.path())),
            ..with_settings(&settings)
        };
        load(&source).unwrap();
    }
}

#[test]
fn a_development_daemon_logs_its_mails_unless_told_otherwise() {
    let folder = folder(&[]);
    let mut source = Source {
        dir: Some(folder.path().to_path_buf()),
        dev: Some(DevDefaults::below(folder.path())),
        ..Source::default()
    };
    let mail = load(&source).unwrap().config.mail;
    assert_eq!(mail.transport, Transport::Log);
    assert_eq!(mail.from.unwrap().address.as_str(), "authd@localhost");
    assert!(mail.template_dir.starts_with(folder.path()));
    source.set = vec!["mail.transport=none".to_owned()];
    assert_eq!(
        load(&source).unwrap().config.mail.transport,
        Transport::None
    );
}

#[test]
fn v12_3_1_a_password_never_crosses_a_network_unencrypted() {
    let open = with(&["mail.tls=none", "mail.port=25"]);
    let loaded = load_settings(&open).unwrap();
    assert_eq!(keys(&loaded.warnings), ["mail.tls"]);
    let with_user = [open.as_slice(), &["mail.username=authd"]].concat();
    let faults = load_settings(&with_user).unwrap_err();
    assert_eq!(keys(&faults.0), ["mail.tls"], "{faults}");
    let on_this_machine = [with_user.as_slice(), &["mail.host=127.0.0.1"]].concat();
    assert_eq!(load_settings(&on_this_machine).unwrap().warnings, []);
}

#[test]
fn a_port_of_another_kind_of_encryption_is_told() {
    for (settings, expected) in [
        (vec!["mail.tls=implicit"], vec!["mail.tls"]),
        (vec!["mail.port=465"], vec!["mail.tls"]),
        (vec!["mail.tls=implicit", "mail.port=465"], vec![]),
        (vec!["mail.port=2525"], vec![]),
    ] {
        let loaded = load_settings(&with(&settings)).unwrap();
        assert_eq!(keys(&loaded.warnings), expected, "{settings:?}");
    }
}

#[test]
fn a85_v1_2_2_a_link_leads_to_a_page_and_to_nothing_else() {
    let own = load_settings(&["api.public_url=https://a.example:8443"]).unwrap();
    assert_eq!(
        own.config.links.reset_url,
        "https://a.example:8443/reset-password"
    );
    assert_eq!(
        own.config.links.verify_url,
        "https://a.example:8443/verify-email"
    );
    assert_eq!(
        own.config.links.confirm_url,
        "https://a.example:8443/confirm-email"
    );
    let set = load_settings(&["links.reset_url=https://app.example/new?x=1"]).unwrap();
    assert_eq!(set.config.links.reset_url, "https://app.example/new?x=1");
    assert!(set.config.links.verify_url.ends_with("/verify-email"));
    for url in [
        "javascript:alert(1)",
        "https://app.example/#here",
        "http://app.example/",
        "https://evil@app.example/",
    ] {
        for key in ["links.confirm_url", "links.reset_url", "links.verify_url"] {
            let setting = format!("{key}={url}");
            let faults = load_settings(&[&setting]).unwrap_err();
            assert_eq!(keys(&faults.0), [key], "{url}");
        }
    }
    for url in [
        "javascript:alert(1)",
        "javascript://a.example/%0aalert(1)",
        "data:text/html,x",
        "http://a.example",
        "http://localhost.a.example",
        "https://user@a.example",
        "https://a.example:80@evil.example",
        "https://a.example:99999",
        "https://a.example:",
        "https://a.example:+443",
        "https://a.example\\.evil.example",
        "https://a.example/path",
        "https://a.example?x",
        "https://a.example#x",
        "https://",
        "https://A.example",
        "HTTPS://a.example",
        "https://a.example\r\nx: y",
    ] {
        for key in ["api.public_url", "links.reset_url"] {
            // A page may have a path; an origin may not.
            let is_page =
                key == "links.reset_url" && ["/path", "?x"].iter().any(|end| url.ends_with(end));
            let setting = format!("{key}={url}");
            match load_settings(&[&setting]) {
                Ok(_) => assert!(is_page, "{setting}"),
                Err(faults) => assert!(keys(&faults.0).contains(&key), "{setting}: {faults}"),
            }
        }
    }
}
