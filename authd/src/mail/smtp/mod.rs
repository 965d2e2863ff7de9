//! The way by an SMTP server (RFC 5321): encrypted as the configuration says or not at all, with
//! connections that are used again. Which refusals are final is in `verdict.rs`.
//!
//! The connections are kept here and not by lettre's pool: that takes back a connection whose
//! delivery was cut by a timeout, in the midst of a message, and hands it to the next letter.

mod bounded;
mod connect;
mod verdict;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::secret::Secret;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::client::{Certificate, CertificateStore};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;

use self::connect::Route;
use self::verdict::{Stage, verdict};
use super::compose::{Composed, Stationery};
use super::{Delivery, Letter, Post, Reach, Receipt, Undelivered};

/// Connections that are kept for the next letter.
const MOST_IDLE: usize = 4;
/// How long they are kept; below the idle limits of common servers (RFC 5321, 4.5.3.2: 5 minutes).
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// Longest time that is waited for a server only to see whether it is there.
const LONGEST_REACH: Duration = Duration::from_secs(5);

/// How the way to the server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// By STARTTLS (RFC 3207), which the server must offer.
    Starttls,
    /// From the first byte on (RFC 8314).
    Implicit,
    /// Not.
    None,
}

/// Whose word on a server's certificate counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// The machine's, or those of the file that `SSL_CERT_FILE` names.
    System,
    /// These alone, in PEM.
    These(Vec<u8>),
}

/// An SMTP server, and how to speak to it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Name or address; its certificate must bear it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the way there is encrypted.
    pub encryption: Encryption,
    /// Whose word on its certificate counts.
    pub authorities: Authorities,
    /// User and password, if it asks for them.
    pub credentials: Option<(String, Secret<String>)>,
    /// Longest time for one letter, from the look-up of the name to the server's last word.
    pub timeout: Duration,
}

/// Hands letters to an SMTP server.
pub struct Smtp {
    stationery: Stationery,
    route: Route,
    timeout: Duration,
    description: String,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Smtp {
    /// Makes ready; nothing is connected before the first letter.
    ///
    /// # Errors
    /// If the authorities cannot be read.
    pub fn new(
        stationery: Stationery,
        server: Server,
    ) -> Result<Self, lettre::transport::smtp::Error> {
        let way = match server.encryption {
            Encryption::Starttls => "starttls",
            Encryption::Implicit => "implicit tls",
            Encryption::None => "unencrypted",
        };
        let description = format!("smtp {}:{} {way}", server.host, server.port);
        let tls = match server.encryption {
            Encryption::None => None,
            Encryption::Starttls | Encryption::Implicit => {
                Some(tls(&server.host, &server.authorities)?)
            }
        };
        let credentials = server
            .credentials
            .map(|(user, password)| Credentials::new(user, password.expose().clone()));
        Ok(Self {
            stationery,
            route: Route {
                host: server.host,
                port: server.port,
                encryption: server.encryption,
                tls,
                credentials,
            },
            timeout: server.timeout,
            description,
            idle: Mutex::default(),
        })
    }

    async fn send(&self, letter: &Letter, stage: &Stage) -> Result<Receipt, Undelivered> {
        let composed = self.stationery.compose(letter)?;
        let mut connection = match self.take().await {
            Some(connection) => connection,
            None => self.route.open(stage).await?,
        };
        // Whatever goes wrong, or is cut, from here on ends the connection: it goes back only
        // behind the server's last word.
        let answer = hand_over(&mut connection, &composed, stage).await?;
        self.keep(connection);
        Ok(Receipt {
            answer: verdict::line(&answer.message().collect::<Vec<_>>().join(" ")),
        })
    }

    /// A kept connection that still answers.
    async fn take(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut idle = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.pop()?
            };
            if idle.since.elapsed() < LONGEST_IDLE && idle.connection.test_connected().await {
                return Some(idle.connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < LONGEST_IDLE);
        if idle.len() < MOST_IDLE && !connection.has_broken() {
            idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }
}

impl Post for Smtp {
    fn deliver(&self, letter: Letter) -> Delivery<'_> {
        Box::pin(async move {
            let stage = Stage::default();
            let outcome = tokio::time::timeout(self.timeout, self.send(&letter, &stage)).await;
            let outcome = outcome.unwrap_or_else(|_| {
                Err(Undelivered {
                    is_permanent: false,
                    reason: format!(
                        "{}:{} was too slow: not done within {} s, while {stage}",
                        self.route.host,
                        self.route.port,
                        self.timeout.as_secs_f32()
                    ),
                })
            });
            outcome.map_err(|undelivered| verdict::without_the_letter(undelivered, &letter))
        })
    }

    fn reach(&self) -> Reach<'_> {
        Box::pin(async {
            let stage = Stage::default();
            let limit = self.timeout.min(LONGEST_REACH);
            let tried = tokio::time::timeout(limit, self.route.open(&stage)).await;
            let mut connection = tried.unwrap_or_else(|_| {
                Err(Undelivered {
                    is_permanent: false,
                    reason: format!(
                        "{}:{} did not answer within {} s, while {stage}",
                        self.route.host,
                        self.route.port,
                        limit.as_secs_f32()
                    ),
                })
            })?;
            connection.abort().await;
            Ok(())
        })
    }

    fn description(&self) -> String {
        self.description.clone()
    }
}

/// The conversation about one message. lettre's own `send` does not say which command failed.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    composed: &Composed,
    stage: &Stage,
) -> Result<Response, Undelivered> {
    let mut parameters = Vec::new();
    let envelope = &composed.envelope;
    let mut addresses = envelope.to().iter().chain(envelope.from());
    if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if !connection
            .server_info()
            .supports_feature(Extension::SmtpUtfEight)
        {
            return Err(Undelivered {
                is_permanent: true,
                reason: "the server does not take addresses beyond ASCII (SMTPUTF8)".to_owned(),
            });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !composed.bytes.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    stage.set(Stage::SENDER);
    let sender = Mail::new(composed.envelope.from().cloned(), parameters);
    let answer = connection.command(sender).await;
    expect(answer, 250, stage)?;
    stage.set(Stage::RECIPIENT);
    for recipient in composed.envelope.to() {
        let answer = connection
            .command(Rcpt::new(recipient.clone(), vec![]))
            .await;
        // 251: the server forwards it (RFC 5321, 3.4).
        if !matches!(&answer, Ok(answer) if answer.has_code(251)) {
            expect(answer, 250, stage)?;
        }
    }
    stage.set(Stage::MESSAGE);
    expect(connection.command(Data).await, 354, stage)?;
    expect(connection.message(&composed.bytes).await, 250, stage)
}

/// The one answer that lets the conversation go on: any other means that both ends have lost their
/// place, and a message that was not taken must not pass for one that was.
fn expect(
    answer: Result<Response, lettre::transport::smtp::Error>,
    code: u16,
    stage: &Stage,
) -> Result<Response, Undelivered> {
    let answer = answer.map_err(|error| verdict(&error, stage))?;
    if answer.has_code(code) {
        return Ok(answer);
    }
    Err(Undelivered {
        is_permanent: false,
        reason: format!(
            "unexpected answer {} instead of {code}, while {stage}",
            answer.code()
        ),
    })
}

fn tls(
    host: &str,
    authorities: &Authorities,
) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let builder = TlsParametersBuilder::new(host.to_owned());
    match authorities {
        Authorities::System => builder.build(),
        Authorities::These(pem) => builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(pem)?)
            .build(),
    }
}
