//! From a server's name to a connection that may carry a letter: encrypted first, then signed in.

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::Encryption;
use super::verdict::{Stage, verdict};
use crate::mail::Undelivered;

/// How a server is reached.
pub(super) struct Route {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    /// There unless the way is not encrypted.
    pub(super) tls: Option<TlsParameters>,
    pub(super) credentials: Option<Credentials>,
}

impl Route {
    /// Opens a connection; nothing of a letter, and no password, goes out before it is as
    /// encrypted as it has to be.
    pub(super) async fn open(&self, stage: &Stage) -> Result<AsyncSmtpConnection, Undelivered> {
        let hello = ClientId::default();
        let from_the_first_byte = match self.encryption {
            Encryption::Implicit => self.tls.clone(),
            Encryption::Starttls | Encryption::None => None,
        };
        stage.set(Stage::CONNECTING);
        let server = (self.host.as_str(), self.port);
        // Its own limit is for the connection alone; the whole has one further out.
        let opened =
            AsyncSmtpConnection::connect_tokio1(server, None, &hello, from_the_first_byte, None);
        let mut connection = opened.await.map_err(|error| self.failed(&error, stage))?;
        if let (Encryption::Starttls, Some(tls)) = (self.encryption, &self.tls) {
            stage.set(Stage::ENCRYPTING);
            if !connection.can_starttls() {
                return Err(Undelivered {
                    is_permanent: false,
                    reason: format!(
                        "{}:{} offers no STARTTLS, and without it nothing is sent",
                        self.host, self.port
                    ),
                });
            }
            let upgraded = connection.starttls(tls.clone(), &hello).await;
            upgraded.map_err(|error| self.failed(&error, stage))?;
        }
        if self.encryption != Encryption::None && !connection.is_encrypted() {
            return Err(Undelivered {
                is_permanent: false,
                reason: "the connection is not encrypted".to_owned(),
            });
        }
        if let Some(credentials) = &self.credentials {
            stage.set(Stage::SIGNING_IN);
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let answer = connection.auth(&mechanisms, credentials).await;
            answer.map_err(|error| self.failed(&error, stage))?;
        }
        Ok(connection)
    }

    fn failed(&self, error: &lettre::transport::smtp::Error, stage: &Stage) -> Undelivered {
        let undelivered = verdict(error, stage);
        Undelivered {
            reason: format!("{}:{}: {}", self.host, self.port, undelivered.reason),
            ..undelivered
        }
    }
}
