//! What the tests write with: letters, stationery, and a post that knows its server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authd::mail::Post;
use authd::mail::{
    Authorities, Correspondent, Encryption, Facts, Letter, Look, Receipt, Server, Smtp, Stationery,
    Templates, Undelivered,
};
use common::secret::Secret;
use common::time::{ManualClock, Time};
use domain::mail::Template;
use harness::{MailServer, MailTls};

/// 2026-11-24 09:07:00 UTC.
pub(crate) const NOW: Time = Time::from_millis(1_795_511_220_000);
/// Every character that a token can have, and some that only a link of somebody else's has.
pub(crate) const LINK: &str = "https://app.example.com/reset?lang=en&x=%2F#Az09-_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub(crate) fn letter(template: Template) -> Letter {
    Letter {
        message_id: "msg_01jd0000000000000000000000".to_owned(),
        template,
        to: "bob@acme.test".parse().unwrap(),
        locale: None,
        look: Look::default(),
        facts: Facts {
            tenant: "acme".to_owned(),
            tenant_name: "Acme Hotels".to_owned(),
            time_zone: "Africa/Nairobi".to_owned(),
            name: Some("Bob Otieno".to_owned()),
            link: None,
            password: None,
            expires_at: Some(NOW.plus(Duration::from_hours(1))),
            at: NOW,
            ip: Some("203.0.113.7".to_owned()),
            device: Some("Pixel 9".to_owned()),
        },
    }
}

/// A letter with a link.
pub(crate) fn reset() -> Letter {
    let mut letter = letter(Template::PasswordReset);
    letter.facts.link = Some(secret(LINK));
    letter
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub(crate) fn stationery(templates: Option<&Path>) -> Stationery {
    Stationery {
        from: Correspondent {
            name: Some("Acme Sign-in".to_owned()),
            address: "no-reply@acme.test".parse().unwrap(),
        },
        reply_to: None,
        templates: Templates::new(templates.map(Path::to_path_buf)),
        clock: Arc::new(ManualClock::at(NOW)),
    }
}

/// How to reach a server that is as it says.
pub(crate) fn way_to(server: &MailServer, tls: MailTls) -> Server {
    Server {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        encryption: match tls {
            MailTls::Starttls => Encryption::Starttls,
            MailTls::Implicit => Encryption::Implicit,
            MailTls::None => Encryption::None,
        },
        authorities: Authorities::These(server.authority().pem().as_bytes().to_vec()),
        credentials: None,
        timeout: Duration::from_secs(20),
    }
}

pub(crate) fn post(way: Server) -> Smtp {
    Smtp::new(stationery(None), way).unwrap()
}

/// Delivers one letter by a new connection.
pub(crate) async fn send(way: Server, letter: Letter) -> Result<Receipt, Undelivered> {
    post(way).deliver(letter).await
}
