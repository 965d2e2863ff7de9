//! `[mail]`: by which way mails leave, from whom, and how often.

use std::path::PathBuf;
use std::time::Duration;

use domain::mailbox::Mailbox;
use domain::setting::Setting;

use super::fault::Fault;
use super::key::{Change, Class, Form, Key, Kind, hours, minutes, seconds};
use super::value::Values;

const TRANSPORTS: &[&str] = &["none", "smtp", "file", "log"];
const TLS: &[&str] = &["starttls", "implicit", "none"];

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key::of(
        Setting::MailAccent,
        None,
        "Colour of the mails' buttons and edge.",
    ),
    Key::of(
        Setting::MailFrom,
        None,
        "Sender of every mail; needed unless the transport is none.",
    ),
    Key {
        name: "mail.host",
        kind: Kind::Text(Form::Host),
        default: None,
        change: Change::Reload,
        class: Class::Installation,
        doc: "The SMTP server; its certificate must bear this name.",
    },
    Key::of(
        Setting::MailLanguage,
        Some("\"en\""),
        "Language of mails to people whose own is unknown, or has no templates.",
    ),
    Key {
        name: "mail.password_credential",
        kind: Kind::Text(Form::Credential),
        default: Some("\"authd.smtp-password\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Name of the credential that holds the SMTP password; read if mail.username is set.",
    },
    Key {
        name: "mail.per_address_hourly",
        kind: Kind::Integer { min: 1, max: 1000 },
        default: Some("3"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Mails that anybody may cause for one address in an hour; over it none is sent.",
    },
    Key {
        name: "mail.port",
        kind: Kind::Integer {
            min: 1,
            max: 65_535,
        },
        default: Some("587"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Port of the SMTP server; 465 is usual for implicit TLS.",
    },
    Key {
        name: "mail.rate",
        kind: Kind::Integer {
            min: 0,
            max: 100_000,
        },
        default: Some("120"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Most mails a minute; 0 = no limit.",
    },
    Key::of(
        Setting::MailReplyTo,
        None,
        "Where answers go; to the sender if unset.",
    ),
    Key {
        name: "mail.retry_base",
        kind: Kind::Duration {
            min: seconds(1),
            max: hours(1),
        },
        default: Some("\"30s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Wait before the second try; each further wait is twice as long.",
    },
    Key {
        name: "mail.retry_max",
        kind: Kind::Integer { min: 0, max: 32 },
        default: Some("8"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Tries after the first before a mail is given up.",
    },
    Key::of(
        Setting::MailSupport,
        None,
        "Line at the end of every mail that says where help is.",
    ),
    Key {
        name: "mail.template_dir",
        kind: Kind::Text(Form::Path),
        default: Some("\"/etc/authd/templates\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Folder of templates that replace the built-in ones; a folder a tenant below it.",
    },
    Key {
        name: "mail.timeout",
        kind: Kind::Duration {
            min: seconds(1),
            max: minutes(5),
        },
        default: Some("\"20s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Longest time for handing over one mail.",
    },
    Key {
        name: "mail.tls",
        kind: Kind::Choice(TLS),
        default: Some("\"starttls\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "How the way to the SMTP server is encrypted; without it nothing is sent, unless none.",
    },
    Key {
        name: "mail.transport",
        kind: Kind::Choice(TRANSPORTS),
        default: Some("\"none\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "The way that mails leave by; file and log are for --dev alone.",
    },
    Key {
        name: "mail.username",
        kind: Kind::Text(Form::UserName),
        default: None,
        change: Change::Reload,
        class: Class::Installation,
        doc: "User at the SMTP server; it is not asked for one if unset.",
    },
];

/// By which way mails leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// None leave.
    None,
    /// By an SMTP server.
    Smtp,
    /// Each into a file of its own, beside the database; with `--dev` alone.
    File,
    /// Into the log, with what is secret in them; with `--dev` alone.
    Log,
}

/// How the way to the SMTP server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// By STARTTLS, which the server must offer.
    Starttls,
    /// From the first byte on.
    Implicit,
    /// Not.
    None,
}

/// Settings of mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Colour of buttons and edge, `#rrggbb`.
    pub accent: Option<String>,
    /// Sender of every mail.
    pub from: Option<Mailbox>,
    /// The SMTP server.
    pub host: Option<String>,
    /// Language of mails to people whose own is unknown.
    pub language: String,
    /// Name of the credential that holds the SMTP password.
    pub password_credential: String,
    /// Mails for one address in an hour.
    pub per_address_hourly: u32,
    /// Port of the SMTP server.
    pub port: u16,
    /// Most mails a minute; 0 = no limit.
    pub rate: u32,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
    /// Wait before the second try.
    pub retry_base: Duration,
    /// Tries after the first.
    pub retry_max: u32,
    /// Line that says where help is.
    pub support: Option<String>,
    /// Folder of templates that replace the built-in ones.
    pub template_dir: PathBuf,
    /// Longest time for handing over one mail.
    pub timeout: Duration,
    /// How the way to the SMTP server is encrypted.
    pub tls: MailTls,
    /// By which way mails leave.
    pub transport: Transport,
    /// User at the SMTP server.
    pub username: Option<String>,
}

impl Mail {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        let mailbox = |key: &str| -> Result<Option<Mailbox>, Fault> {
            let text = values.optional(key)?;
            let read = |text: String| text.parse().map_err(|e| values.refused(key, &e));
            text.map(read).transpose()
        };
        Ok(Self {
            accent: values.optional("mail.accent")?,
            from: mailbox("mail.from")?,
            host: values.optional("mail.host")?,
            language: values.text("mail.language")?,
            password_credential: values.text("mail.password_credential")?,
            per_address_hourly: values.number("mail.per_address_hourly")?,
            port: values.number("mail.port")?,
            rate: values.number("mail.rate")?,
            reply_to: mailbox("mail.reply_to")?,
            retry_base: values.duration("mail.retry_base")?,
            retry_max: values.number("mail.retry_max")?,
            support: values.optional("mail.support")?,
            template_dir: PathBuf::from(values.text("mail.template_dir")?),
            timeout: values.duration("mail.timeout")?,
            tls: match values.text("mail.tls")?.as_str() {
                "implicit" => MailTls::Implicit,
                "none" => MailTls::None,
                _ => MailTls::Starttls,
            },
            transport: match values.text("mail.transport")?.as_str() {
                "smtp" => Transport::Smtp,
                "file" => Transport::File,
                "log" => Transport::Log,
                _ => Transport::None,
            },
            username: values.optional("mail.username")?,
        })
    }
}
