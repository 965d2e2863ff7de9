//! From a server's name to a connection that may carry a letter: encrypted first, then signed in.

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::Encryption;
use super::bounded::Bounded;
use super::verdict::{Stage, line, verdict};
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
        stage.set(Stage::CONNECTING);
        let mut connection = self.greet(&hello, stage).await?;
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

    /// Connects and hears the greeting. The time for it is part of the limit further out.
    async fn greet(
        &self,
        hello: &ClientId,
        stage: &Stage,
    ) -> Result<AsyncSmtpConnection, Undelivered> {
        let opened = if self.encryption == Encryption::Implicit {
            // Nobody but the server that the certificate names gets a word in here.
            let server = (self.host.as_str(), self.port);
            AsyncSmtpConnection::connect_tokio1(server, None, hello, self.tls.clone(), None).await
        } else {
            let stream = Bounded::connect(&self.host, self.port).await;
            let stream = stream.map_err(|error| Undelivered {
                is_permanent: false,
                reason: format!(
                    "{}:{}: {}, while {stage}",
                    self.host,
                    self.port,
                    line(&error.to_string())
                ),
            })?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello).await
        };
        opened.map_err(|error| self.failed(&error, stage))
    }

    fn failed(&self, error: &lettre::transport::smtp::Error, stage: &Stage) -> Undelivered {
        let undelivered = verdict(error, stage);
        Undelivered {
            reason: format!("{}:{}: {}", self.host, self.port, undelivered.reason),
            ..undelivered
        }
    }
}
