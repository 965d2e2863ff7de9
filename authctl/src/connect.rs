//! Finds the daemon's socket and opens it; where that fails, says exactly why and what to do.
//! The file system decides who may enter; nothing here tries to get around it.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use common::call::Socket;
use nix::unistd::{Gid, Group, Uid, User};
use tokio::net::UnixStream;

use crate::error::Error;
use crate::exit::Exit;

/// Socket of another product of the same name, a PAM login daemon.
pub(crate) const FOREIGN: &str = "/run/authd.sock";

/// What is behind a socket, by its file name; of any other name, what carries everything.
pub(crate) fn door(path: &Path) -> Socket {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("monitor.sock") => Socket::Monitor,
        Some("helpdesk.sock") => Socket::Helpdesk,
        _ => Socket::Admin,
    }
}

/// What those who come through a door are called.
pub(crate) const fn role(door: Socket) -> &'static str {
    match door {
        Socket::Admin => "administrator",
        Socket::Monitor => "operator",
        Socket::Helpdesk => "helpdesk",
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The connection.
    pub(crate) stream: UnixStream,
    /// Where it leads.
    pub(crate) path: PathBuf,
    /// What may be asked there.
    pub(crate) door: Socket,
    /// User that listens there; none where the kernel does not tell.
    pub(crate) peer: Option<u32>,
}

/// Opens the named socket, or the first that may be opened.
///
/// # Errors
/// Not running, denied or busy, with the next step. `command` is named in it.
pub(crate) async fn open(named: Option<&Path>, command: &str) -> Result<Opened, Error> {
    if let Some(path) = named {
        if !common::paths::fits_socket(path) {
            return Err(Error::usage(format!(
                "the socket path {} is longer than {} bytes",
                path.display(),
                common::paths::SOCKET_PATH_LIMIT
            )));
        }
        return attempt(path)
            .await
            .map_err(|error| explain(path, &error, command, true));
    }
    let mut worst: Option<(PathBuf, io::Error)> = None;
    for path in common::paths::socket_candidates() {
        match attempt(&path).await {
            Ok(opened) => return Ok(opened),
            Err(error) => {
                let telling = worst
                    .as_ref()
                    .is_none_or(|(_, before)| weight(&error) > weight(before));
                if telling {
                    worst = Some((path, error));
                }
            }
        }
    }
    Err(match worst {
        Some((path, error)) => explain(&path, &error, command, false),
        None => unreachable_daemon("there is no socket to try".to_owned()),
    })
}

/// How much an error tells about why no socket of several could be opened.
fn weight(error: &io::Error) -> u8 {
    match error.kind() {
        io::ErrorKind::NotFound => 0,
        io::ErrorKind::ConnectionRefused => 1,
        _ => 2,
    }
}

async fn attempt(path: &Path) -> io::Result<Opened> {
    let stream = UnixStream::connect(path).await?;
    let peer = stream.peer_cred().ok().map(|credentials| credentials.uid());
    Ok(Opened {
        stream,
        path: path.to_path_buf(),
        door: door(path),
        peer,
    })
}

/// Whether a secret may go to a listener of this user: root's, authd's or one's own.
pub(crate) fn trusted(peer: Option<u32>) -> bool {
    peer.is_some_and(|peer| is_trusted(peer, Uid::effective().as_raw(), || user_id("authd")))
}

fn is_trusted(peer: u32, own: u32, authd: impl Fn() -> Option<u32>) -> bool {
    peer == 0 || peer == own || authd() == Some(peer)
}

fn user_id(name: &str) -> Option<u32> {
    User::from_name(name)
        .ok()
        .flatten()
        .map(|user| user.uid.as_raw())
}

/// Name of a user for people.
pub(crate) fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("{} (uid {uid})", user.name),
        _ => format!("uid {uid}"),
    }
}

fn unreachable_daemon(message: String) -> Error {
    Error::new(Exit::NotRunning, "daemon_unreachable", message)
}

fn explain(path: &Path, error: &io::Error, command: &str, named: bool) -> Error {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            missing(path, named, Path::new(FOREIGN).exists(), service_state())
        }
        io::ErrorKind::ConnectionRefused => stale(path),
        io::ErrorKind::PermissionDenied => denied(&Facts::of(path), command),
        io::ErrorKind::WouldBlock => Error::new(
            Exit::Busy,
            "busy",
            format!("cannot reach authd: too many callers wait on {shown}"),
        )
        .hint("Try again in a moment."),
        _ => unreachable_daemon(format!("cannot reach authd: {shown}: {error}")),
    }
}

/// Word of systemd about the service, where systemd runs.
pub(crate) fn service_state() -> Option<String> {
    if !Path::new("/run/systemd/system").is_dir() {
        return None;
    }
    let output = std::process::Command::new("systemctl")
        .args(["is-active", "authd.service"])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    let word = String::from_utf8(output.stdout).ok()?;
    Some(word.trim().to_owned()).filter(|word| !word.is_empty())
}

fn missing(path: &Path, named: bool, foreign: bool, state: Option<String>) -> Error {
    let error = unreachable_daemon(format!(
        "cannot reach authd: {} does not exist",
        path.display()
    ));
    if foreign && !named {
        return error.hint(format!(
            "{FOREIGN} belongs to another product of this name, a PAM login daemon. See: man 8 authd"
        ));
    }
    match state {
        Some(state) if !named => error.hint(format!(
            "The service is not running (systemd: {state}). Start it: sudo systemctl start authd"
        )),
        _ if named => error.hint("Check --socket and AUTHCTL_SOCKET, or start the daemon there."),
        _ => error.hint("The daemon is not running. For a trial, start it: authd run --dev"),
    }
}

fn stale(path: &Path) -> Error {
    let refused = format!("connection refused on {}", path.display());
    let is_socket = std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if !is_socket {
        return unreachable_daemon(refused)
            .hint("That is no socket. Check --socket and AUTHCTL_SOCKET.");
    }
    unreachable_daemon(refused)
        .hint("The socket is left over from a daemon that died. See: journalctl -u authd -n 20")
}

/// How far the caller is from a socket's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Membership {
    /// Not a member.
    Stranger,
    /// The account is, this process is not.
    AccountOnly,
    /// This process is.
    Process,
}

/// What the file system says about a socket that may not be opened.
#[derive(Debug)]
struct Facts {
    path: PathBuf,
    owner: Option<(String, String, u32)>,
    caller: String,
    uid: u32,
    membership: Membership,
}

impl Facts {
    fn of(path: &Path) -> Self {
        let uid = Uid::effective();
        let user = User::from_uid(uid).ok().flatten();
        let meta = std::fs::metadata(path).ok();
        let group = meta
            .as_ref()
            .and_then(|meta| Group::from_gid(Gid::from_raw(meta.gid())).ok().flatten());
        let owner = meta.as_ref().map(|meta| {
            let owner = User::from_uid(Uid::from_raw(meta.uid())).ok().flatten();
            (
                owner.map_or_else(|| meta.uid().to_string(), |user| user.name),
                group
                    .as_ref()
                    .map_or_else(|| meta.gid().to_string(), |group| group.name.clone()),
                meta.mode() & 0o7777,
            )
        });
        Self {
            path: path.to_path_buf(),
            owner,
            membership: membership(group.as_ref(), user.as_ref()),
            caller: user.map_or_else(|| uid.to_string(), |user| user.name),
            uid: uid.as_raw(),
        }
    }
}

fn membership(group: Option<&Group>, user: Option<&User>) -> Membership {
    let Some(group) = group else {
        return Membership::Stranger;
    };
    let process = Gid::effective() == group.gid
        || nix::unistd::getgroups().is_ok_and(|groups| groups.contains(&group.gid));
    if process {
        return Membership::Process;
    }
    let account = user.is_some_and(|user| user.gid == group.gid || group.mem.contains(&user.name));
    if account {
        Membership::AccountOnly
    } else {
        Membership::Stranger
    }
}

fn denied(facts: &Facts, command: &str) -> Error {
    let path = facts.path.display();
    let caller = format!("you are {} (uid {})", facts.caller, facts.uid);
    let sudo = format!("sudo authctl {command}");
    let Some((owner, group, mode)) = &facts.owner else {
        return Error::new(
            Exit::Denied,
            "socket_permission_denied",
            format!("permission denied on {path}; {caller}"),
        )
        .hint(format!("Run: {sudo}"));
    };
    let error = Error::new(
        Exit::Denied,
        "socket_permission_denied",
        format!("permission denied on {path} ({owner}:{group} {mode:04o}); {caller}"),
    );
    let group_may_enter = mode & 0o020 != 0 && group != "root";
    match facts.membership {
        Membership::AccountOnly if group_may_enter => error.hint(format!("Run: newgrp {group}")),
        Membership::Stranger if group_may_enter => error.hint(format!(
            "Join the group and log in again: sudo usermod -aG {group} {}   — or run: {sudo}",
            facts.caller
        )),
        _ => error.hint(format!("Run: {sudo}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(membership: Membership) -> Facts {
        Facts {
            path: PathBuf::from("/run/authd/admin.sock"),
            owner: Some(("root".to_owned(), "authd-admin".to_owned(), 0o660)),
            caller: "alice".to_owned(),
            uid: 1000,
            membership,
        }
    }

    #[test]
    fn a59_permission_denied_names_the_group_and_the_way_in() {
        let error = denied(&facts(Membership::Stranger), "user list");
        assert_eq!(error.exit, Exit::Denied);
        assert_eq!(
            error.render(false, false),
            "authctl: error: permission denied on /run/authd/admin.sock (root:authd-admin 0660); \
             you are alice (uid 1000)\n  Join the group and log in again: sudo usermod -aG \
             authd-admin alice   — or run: sudo authctl user list\n"
        );
        let text = denied(&facts(Membership::AccountOnly), "user list").render(false, false);
        assert!(text.contains("\n  Run: newgrp authd-admin\n"), "{text}");
        let text = denied(&facts(Membership::Process), "user list").render(false, false);
        assert!(text.contains("\n  Run: sudo authctl user list\n"), "{text}");
    }

    #[test]
    fn a_missing_socket_names_the_state_of_the_service() {
        let path = Path::new("/run/authd/admin.sock");
        let text = missing(path, false, false, Some("inactive".to_owned())).render(false, false);
        assert_eq!(
            text,
            "authctl: error: cannot reach authd: /run/authd/admin.sock does not exist\n  \
             The service is not running (systemd: inactive). Start it: sudo systemctl start authd\n"
        );
        let text = missing(path, false, true, None).render(false, false);
        assert!(
            text.contains("/run/authd.sock belongs to another product"),
            "{text}"
        );
    }

    #[test]
    fn a95_only_root_authd_and_oneself_are_trusted_with_secrets() {
        let authd = || Some(812);
        assert!(is_trusted(0, 1000, authd));
        assert!(is_trusted(1000, 1000, authd));
        assert!(is_trusted(812, 1000, authd));
        assert!(!is_trusted(1001, 1000, authd));
        assert!(!is_trusted(812, 1000, || None));
        assert!(!trusted(None));
    }

    #[test]
    fn the_file_name_tells_the_door() {
        assert_eq!(door(Path::new("/x/monitor.sock")), Socket::Monitor);
        assert_eq!(door(Path::new("/x/helpdesk.sock")), Socket::Helpdesk);
        assert_eq!(door(Path::new("/x/other")), Socket::Admin);
    }
}
