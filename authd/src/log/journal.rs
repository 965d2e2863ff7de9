//! The journal's native protocol: one datagram an entry, one `FIELD=value` a line.
//!
//! Not through tracing-journald: it sends from the thread that logs, so that a journal that does not
//! read would stop requests (R25). Here the thread of the queue sends, and only it can be stopped.
//! What the journal does not take goes to stderr in the form of lines, which systemd gives it, too.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use common::text::visible;
use serde_json::Value;

use super::line::{Event, human, priority};
use super::queue::Sink;

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Fields of events with a field of the journal, in the order in which they are written.
const FIELDS: &[(&str, &str)] = &[
    ("event", "AUTHD_EVENT"),
    ("tenant", "AUTHD_TENANT"),
    ("user_id", "AUTHD_USER_ID"),
    ("actor_uid", "AUTHD_ACTOR_UID"),
    ("ip", "AUTHD_IP"),
    ("request_id", "REQUEST_ID"),
];

/// Ids of the kinds of events, which never change: `journalctl MESSAGE_ID=…` and the catalog in
/// `packaging/authd.catalog` go by them.
pub(super) const MESSAGE_IDS: &[(&str, &str)] = &[
    ("login.failed", "05ee282102d64608b6be8fb6d3d6c674"),
    ("lockout.started", "37756b87c7ef4833806661ac9d20f1b2"),
    ("config.reloaded", "018cb0fe8e904eebbf2568877e501824"),
    ("config.refused", "fcad4e3d30774ef2924465505c3a2510"),
    ("log.level", "3b550d1950434fd485fee08c38a8b7a4"),
    ("daemon.drain", "7cb41709861d4ea2aeccd23479f22e8b"),
    ("daemon.maintenance", "584eb1e11bcc44b0a799c1aaf6b2c0c0"),
    ("daemon.ready", "f2d3ab52a2f242a78e56d80c95168d1b"),
    ("daemon.fault", "2e5dc1bc824e4699b9f1547908492a2d"),
    ("daemon.stopped", "f0087f0cebe34864af46fa958aaf1fe9"),
    ("audit.head", "335fecf1925a44acb760f889f91dc66f"),
];

/// An entry. No value of it can begin another field: none holds the end of a line.
pub(super) fn entry(event: &Event) -> String {
    let mut entry = String::from("MESSAGE=");
    human(&mut entry, event);
    let priority = priority(event.level);
    add(&mut entry, "PRIORITY", &priority.to_string());
    add(&mut entry, "SYSLOG_IDENTIFIER", "authd");
    let kind = event.fields.get("event").and_then(Value::as_str);
    if let Some((_, id)) = MESSAGE_IDS.iter().find(|(name, _)| Some(*name) == kind) {
        add(&mut entry, "MESSAGE_ID", id);
    }
    for (field, name) in FIELDS {
        match event.fields.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => add(&mut entry, name, text),
            Some(other) => add(&mut entry, name, &other.to_string()),
        }
    }
    entry.push('\n');
    entry
}

fn add(entry: &mut String, name: &str, value: &str) {
    // Writing to a String does not fail.
    let _ = write!(entry, "\n{name}={}", visible(value));
}

/// The journal, with stderr beside it.
pub(super) struct Journal<W> {
    socket: UnixDatagram,
    path: PathBuf,
    beside: W,
}

impl<W: Write + Send> Journal<W> {
    /// Sends to the socket at `path`, if somebody listens there.
    ///
    /// # Errors
    /// If nobody does.
    pub(super) fn open(path: &Path, beside: W) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // Only to see that it is there: journald may be started anew, so none stays connected.
        UnixDatagram::unbound()?.connect(path)?;
        Ok(Self {
            socket,
            path: path.to_path_buf(),
            beside,
        })
    }
}

impl<W: Write + Send> Sink for Journal<W> {
    fn put(&mut self, entries: &[String]) {
        for entry in entries {
            if self.socket.send_to(entry.as_bytes(), &self.path).is_err() {
                // Nobody is left to tell: a closed stderr must not end the daemon.
                drop(self.beside.write_all(as_line(entry).as_bytes()));
            }
        }
        drop(self.beside.flush());
    }
}

/// An entry as the line that systemd reads from stderr.
fn as_line(entry: &str) -> String {
    let value = |name: &str| {
        let mut lines = entry.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
    };
    format!("<{}>{}\n", value("PRIORITY="), value("MESSAGE="))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use common::time::Time;
    use tracing::Level;

    use super::super::line::Fields;
    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn event(message: &str, fields: &[(&'static str, &str)]) -> Event {
        Event {
            time: Time::default(),
            level: Level::WARN,
            target: "authd::app".to_owned(),
            message: message.to_owned(),
            fields: fields
                .iter()
                .map(|(name, value)| (*name, Value::from(*value)))
                .collect::<Fields>(),
        }
    }

    #[test]
    fn an_entry_has_its_fields_and_the_id_of_its_kind() {
        let entry = entry(&event(
            "login failed",
            &[
                ("event", "login.failed"),
                ("ip", "203.0.113.7"),
                ("request_id", "req_1"),
                ("tenant", "acme"),
            ],
        ));
        assert_eq!(
            entry,
            "MESSAGE=login failed event=login.failed ip=203.0.113.7 request_id=req_1 tenant=acme\n\
             PRIORITY=4\nSYSLOG_IDENTIFIER=authd\nMESSAGE_ID=05ee282102d64608b6be8fb6d3d6c674\n\
             AUTHD_EVENT=login.failed\nAUTHD_TENANT=acme\nAUTHD_IP=203.0.113.7\nREQUEST_ID=req_1\n"
        );
    }

    #[test]
    fn v16_4_1_no_value_begins_a_field_of_its_own() {
        let hostile = "a\nAUTHD_ACTOR_UID=0\r\u{1b}[31m\u{2028}";
        let entry = entry(&event(hostile, &[("tenant", hostile), ("other", hostile)]));
        let names: Vec<&str> = entry
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        assert_eq!(
            names,
            ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "AUTHD_TENANT"]
        );
    }

    #[test]
    fn entries_go_to_the_socket_and_to_stderr_while_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert!(Journal::open(&path, io::sink()).is_err());
        let stand_in = UnixDatagram::bind(&path).unwrap();
        let memory = Memory::default();
        let mut journal = Journal::open(&path, memory.clone()).unwrap();
        let entries = [entry(&event("one", &[])), entry(&event("two", &[]))];
        journal.put(&entries);
        let mut buffer = [0; 1024];
        for entry in &entries {
            let length = stand_in.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], entry.as_bytes());
        }
        drop(stand_in);
        journal.put(&entries[..1]);
        assert_eq!(*memory.0.lock().unwrap(), b"<4>one\n");
        // Started anew, as journald is at an upgrade.
        std::fs::remove_file(&path).unwrap();
        let again = UnixDatagram::bind(&path).unwrap();
        journal.put(&entries[1..]);
        let length = again.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], entries[1].as_bytes());
    }

    #[test]
    fn every_kind_has_an_id_of_its_own_and_its_place_in_the_catalog() {
        let catalog = include_str!("../../../packaging/authd.catalog");
        let explained: BTreeSet<&str> = catalog
            .lines()
            .filter_map(|line| line.strip_prefix("-- "))
            .collect();
        let ids: BTreeSet<&str> = MESSAGE_IDS.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids.len(), MESSAGE_IDS.len());
        assert_eq!(explained, ids);
    }
}
