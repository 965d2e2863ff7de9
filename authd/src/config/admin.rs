//! `[admin]`: the sockets of authctl.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Fault;
use super::form;
use super::key::{Change, Class, Form, Key, Kind, minutes, seconds};
use super::value::Values;

/// The keys, sorted by name.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "admin.allow_uids",
        kind: Kind::List {
            item: Form::Account,
            max: 256,
        },
        default: Some("[]"),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Uids or names of users who alone may connect; empty = the group decides.",
    },
    Key {
        name: "admin.helpdesk_socket",
        kind: Kind::Text(Form::OptionalPath),
        default: Some("\"\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Path of the socket that helps users back in, such as /run/authd/helpdesk.sock; empty = none.",
    },
    Key {
        name: "admin.helpdesk_socket_group",
        kind: Kind::Text(Form::Group),
        default: Some("\"authd-helpdesk\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Group that may connect to the helpdesk socket; empty = authd's own.",
    },
    Key {
        name: "admin.monitor_socket",
        kind: Kind::Text(Form::Path),
        default: Some("\"/run/authd/monitor.sock\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Path of the socket that shows status and counts, without personal data.",
    },
    Key {
        name: "admin.monitor_socket_group",
        kind: Kind::Text(Form::Group),
        default: Some("\"authd-operator\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Group that may connect to the monitor socket; empty = authd's own.",
    },
    Key {
        name: "admin.request_timeout",
        kind: Kind::Duration {
            min: seconds(1),
            max: minutes(30),
        },
        default: Some("\"60s\""),
        change: Change::Reload,
        class: Class::Installation,
        doc: "Longest time for the answer to a call; streams and jobs have none.",
    },
    Key {
        name: "admin.socket",
        kind: Kind::Text(Form::Path),
        default: Some("\"/run/authd/admin.sock\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Path of the socket that may do everything.",
    },
    Key {
        name: "admin.socket_group",
        kind: Kind::Text(Form::Group),
        default: Some("\"authd-admin\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Group that may connect to the admin socket; empty = authd's own.",
    },
    Key {
        name: "admin.socket_mode",
        kind: Kind::Text(Form::Mode),
        default: Some("\"0660\""),
        change: Change::Restart,
        class: Class::Installation,
        doc: "Permissions of the sockets, an octal text: \"0660\", or \"0600\" for the owner alone.",
    },
];

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// By number.
    Uid(u32),
    /// By name, looked up when it is needed.
    Name(String),
}

impl FromStr for Account {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text
            .parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Uid))
    }
}

/// Settings of the admin sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Who alone may connect; empty if the group decides.
    pub allow_uids: Vec<Account>,
    /// Path of the socket for the helpdesk; none if there is to be none.
    pub helpdesk_socket: Option<PathBuf>,
    /// Its group; none for the own one.
    pub helpdesk_socket_group: Option<String>,
    /// Path of the socket for operators.
    pub monitor_socket: PathBuf,
    /// Its group; none for the own one.
    pub monitor_socket_group: Option<String>,
    /// Longest time for the answer to a call.
    pub request_timeout: Duration,
    /// Path of the socket for administrators.
    pub socket: PathBuf,
    /// Its group; none for the own one.
    pub socket_group: Option<String>,
    /// Permissions of the sockets.
    pub socket_mode: u32,
}

impl Admin {
    pub(super) fn build(values: &Values) -> Result<Self, Fault> {
        Ok(Self {
            allow_uids: values.each("admin.allow_uids", str::parse::<Account>)?,
            helpdesk_socket: Some(values.text("admin.helpdesk_socket")?)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            helpdesk_socket_group: Some(values.text("admin.helpdesk_socket_group")?)
                .filter(|name| !name.is_empty()),
            monitor_socket: PathBuf::from(values.text("admin.monitor_socket")?),
            monitor_socket_group: Some(values.text("admin.monitor_socket_group")?)
                .filter(|name| !name.is_empty()),
            request_timeout: values.duration("admin.request_timeout")?,
            socket: PathBuf::from(values.text("admin.socket")?),
            socket_group: Some(values.text("admin.socket_group")?).filter(|name| !name.is_empty()),
            socket_mode: form::mode(&values.text("admin.socket_mode")?)
                .map_err(|why| values.refused("admin.socket_mode", &why))?,
        })
    }
}
