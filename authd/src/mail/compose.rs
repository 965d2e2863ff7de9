//! From words to a message (RFC 5322): one sender, one recipient, a text and its HTML. Nothing that a
//! letter holds can become a header, a recipient or a second message.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use common::email::Email;
use common::time::Clock;
use lettre::address::Envelope;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use super::templates::{Templates, Words, shown};
use super::{Letter, Undelivered};

/// Who writes to the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// Name for people.
    pub name: Option<String>,
    /// Address.
    pub address: Email,
}

/// What every message has of its own.
pub struct Stationery {
    /// Sender, where the letter's tenant has none of its own.
    pub from: Correspondent,
    /// Where answers go, if not to the sender, where the letter's tenant says nothing else.
    pub reply_to: Option<Correspondent>,
    /// Templates.
    pub templates: Templates,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// A message that is ready to go.
pub(super) struct Composed {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
    pub(super) words: Words,
}

impl Stationery {
    /// Writes a letter's message.
    pub(super) fn compose(&self, letter: &Letter) -> Result<Composed, Undelivered> {
        let words = self.templates.write(letter)?;
        let look = &letter.look;
        let sender = look.from.as_ref().unwrap_or(&self.from);
        let from = mailbox(sender)?;
        let to = address(&letter.to)?;
        let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()]);
        let envelope = envelope.map_err(|error| defect(&error))?;
        let now = u64::try_from(self.clock.now().millis()).unwrap_or(0);
        let mut builder = Message::builder()
            .envelope(envelope.clone())
            .message_id(Some(message_id(&letter.message_id, sender)))
            .date(UNIX_EPOCH + Duration::from_millis(now))
            .from(from)
            // Never with a name: it is somebody's own choice, and nobody needs it here.
            .to(Mailbox::new(None, to))
            .subject(words.subject.clone())
            .header(Generated)
            .header(NoAnswer);
        if let Some(reply_to) = look.reply_to.as_ref().or(self.reply_to.as_ref()) {
            builder = builder.reply_to(mailbox(reply_to)?);
        }
        let both = MultiPart::alternative_plain_html(words.text.clone(), words.html.clone());
        let message = builder.multipart(both).map_err(|error| defect(&error))?;
        Ok(Composed {
            envelope,
            bytes: message.formatted(),
            words,
        })
    }
}

/// The same at every try, in the sender's domain.
fn message_id(id: &str, sender: &Correspondent) -> String {
    let id = plain(id);
    let domain = sender.address.as_str().rsplit('@').next();
    format!("<{id}@{}>", domain.unwrap_or("localhost"))
}

/// An id without characters that mean something in a header or a path.
pub(super) fn plain(id: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_".contains(*c);
    id.chars().filter(is_plain).collect()
}

/// Made by a machine, so that no machine answers (RFC 3834, 5).
#[derive(Clone)]
struct Generated;

impl Header for Generated {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The same for servers that do not know RFC 3834.
#[derive(Clone)]
struct NoAnswer;

impl Header for NoAnswer {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Auto-Response-Suppress")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "All".to_owned())
    }
}

fn mailbox(correspondent: &Correspondent) -> Result<Mailbox, Undelivered> {
    let address = address(&correspondent.address)?;
    let name = correspondent.name.as_deref().map(shown);
    Ok(Mailbox::new(name, address))
}

/// An address as the protocol takes it; what is checked already is checked again by who writes it
/// on the wire.
fn address(email: &Email) -> Result<Address, Undelivered> {
    email.as_str().parse().map_err(|_| Undelivered {
        is_permanent: true,
        reason: "the address has no form that mail can take".to_owned(),
    })
}

fn defect(error: &dyn std::error::Error) -> Undelivered {
    Undelivered {
        is_permanent: true,
        reason: format!("the message could not be written: {error}"),
    }
}
