//! Letters and the post that takes them: what a mail says and how it goes out. Never the database,
//! a rule, or when a mail is due: `app` decides that and hands over a `Letter`.

mod built_in;
mod check;
mod colour;
mod compose;
mod lines;
mod local;
mod moment;
mod smtp;
mod templates;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use common::email::Email;
use common::secret::Secret;
use common::time::Time;
use domain::mail::Template;

pub use check::check_templates;
pub use compose::{Correspondent, Stationery};
pub use local::{Folder, Log};
pub use smtp::{Authorities, Encryption, Server, Smtp};
pub use templates::{Broken, Templates, Words};

/// One mail to one address, with everything that its template may show.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What the `Message-ID` is made of: the same at every try.
    pub message_id: String,
    /// Which mail.
    pub template: Template,
    /// Whom it goes to.
    pub to: Email,
    /// Language that the recipient asked for (BCP 47), if any.
    pub locale: Option<String>,
    /// How its tenant's mails look.
    pub look: Look,
    /// What the template fills in.
    pub facts: Facts,
}

/// How the mails of a tenant look, and whom they come from. What is absent is as for all tenants.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Sender.
    pub from: Option<Correspondent>,
    /// Where answers go.
    pub reply_to: Option<Correspondent>,
    /// Language (BCP 47) for who asked for none.
    pub language: Option<String>,
    /// Colour, `#rrggbb`.
    pub accent: Option<String>,
    /// A line that says where help is.
    pub support: Option<String>,
}

/// What a template fills in. What a mail has no use for is absent.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Slug of the tenant.
    pub tenant: String,
    /// The tenant's name as people know it.
    pub tenant_name: String,
    /// IANA name of the zone in which the mail tells times.
    pub time_zone: String,
    /// The recipient's name, as the user record has it.
    pub name: Option<String>,
    /// A link that carries a token in its fragment.
    pub link: Option<Secret<String>>,
    /// A generated password.
    pub password: Option<Secret<String>>,
    /// When the link, the password or the subscription ends.
    pub expires_at: Option<Time>,
    /// When what the mail tells of happened.
    pub at: Time,
    /// Address that it came from, as it is kept.
    pub ip: Option<String>,
    /// The device that it came from, in its client's words.
    pub device: Option<String>,
}

/// The post took the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The server's answer, without control characters; for the operator.
    pub answer: String,
}

/// The post did not take the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Whether another try can help.
    pub is_permanent: bool,
    /// Why, in one line for the operator; never a word of the letter.
    pub reason: String,
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// What `Post::deliver` gives.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<Receipt, Undelivered>> + Send + 'a>>;

/// What `Post::reach` gives.
pub type Reach<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// Takes letters: an SMTP server, a folder, the log.
pub trait Post: Send + Sync {
    /// Renders the letter and hands it over; ends within `mail.timeout`.
    fn deliver(&self, letter: Letter) -> Delivery<'_>;

    /// Whether a letter could be handed over now: connects, encrypts and signs in, and sends none.
    fn reach(&self) -> Reach<'_> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Where letters go, for `authctl mail status`: `smtp relay.example.net:587 starttls`.
    fn description(&self) -> String;
}
