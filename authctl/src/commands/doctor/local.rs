//! What can be looked at from outside of the daemon, whether it runs or not: sockets, the unit, the clock,
//! the room, another product of the same name. Programs that are asked may be missing: then it says so.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::VERSION;
use common::paths::SYSTEM_RUN_DIR;
use common::view::{CheckedView, DoctorView, Finding, Section};
use nix::unistd::{Gid, Group, Uid, User};

use crate::connect::{FOREIGN, door, service_state};
use crate::error::Error;
use common::call::Socket;

/// Exposure in tenths up to which the unit is as it was shipped (systemd-analyze(1), security).
const EXPOSURE: u32 = 14;
/// Room below which an installation without other settings is told (`database.min_free`).
const MIN_FREE: u64 = 200 << 20;
/// Where an installed daemon keeps its data.
const STATE: &str = "/var/lib/authd";

/// Whether a daemon answers, and whether it is of the same version.
pub(super) fn daemon(asked: Result<&DoctorView, &Error>) -> CheckedView {
    match asked {
        Ok(view) if view.version == VERSION => CheckedView::new(
            Section::Daemon,
            Finding::Ok,
            format!("authd {} answers", view.version),
        ),
        Ok(view) => CheckedView::new(
            Section::Daemon,
            Finding::Warn,
            format!("authd {} runs, authctl is {VERSION}", view.version),
        )
        .hint("sudo systemctl restart authd, or upgrade the older one"),
        Err(error) => {
            let check = CheckedView::new(Section::Daemon, Finding::Fail, error.message());
            match error.first_hint() {
                Some(hint) => check.hint(hint),
                None => check,
            }
        }
    }
}

/// Whether the PAM daemon of the same name is here: its files lie where ours would.
pub(super) fn foreign() -> CheckedView {
    let found = [FOREIGN, "/etc/authd/authd.yaml"];
    let found = found.into_iter().find(|path| Path::new(path).exists());
    match found {
        Some(path) => CheckedView::new(
            Section::Foreign,
            Finding::Warn,
            format!("{path} belongs to another product of this name, a PAM login daemon"),
        )
        .hint("see authd(8), BUGS"),
        None => CheckedView::new(
            Section::Foreign,
            Finding::Ok,
            "no other product of this name",
        ),
    }
}

/// The sockets that there are, each with its owner, group and mode.
pub(super) fn sockets(named: Option<&Path>) -> Vec<CheckedView> {
    let paths = match named {
        Some(path) => vec![path.to_path_buf()],
        None => common::paths::socket_candidates(),
    };
    let there = paths.iter().filter(|path| path.exists());
    let checks: Vec<CheckedView> = there.map(|path| socket(path)).collect();
    if checks.is_empty() {
        let place = named.map_or_else(|| PathBuf::from(SYSTEM_RUN_DIR), Path::to_path_buf);
        let detail = format!("{}: no socket there", place.display());
        return vec![
            CheckedView::new(Section::Sockets, Finding::Fail, detail)
                .hint("sudo systemctl start authd"),
        ];
    }
    checks
}

/// What the file system says of a socket.
struct Rights {
    is_socket: bool,
    mode: u32,
    owner: u32,
    group: String,
    /// Whether others may put a file of theirs into its place.
    is_open: bool,
}

fn socket(path: &Path) -> CheckedView {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        let detail = format!("{} cannot be looked at", path.display());
        return CheckedView::new(Section::Sockets, Finding::Warn, detail)
            .hint("the folder must be 0755: sudo chmod 0755 /run/authd");
    };
    let folder = path
        .parent()
        .and_then(|folder| std::fs::metadata(folder).ok());
    let group = Group::from_gid(Gid::from_raw(found.gid())).ok().flatten();
    let rights = Rights {
        is_socket: found.file_type().is_socket(),
        mode: found.mode() & 0o7777,
        owner: found.uid(),
        group: group.map_or_else(|| found.gid().to_string(), |group| group.name),
        is_open: folder.is_some_and(|folder| folder.mode() & 0o1002 == 0o002),
    };
    let owner = User::from_uid(Uid::from_raw(rights.owner)).ok().flatten();
    let owner = owner.map_or_else(|| rights.owner.to_string(), |user| user.name);
    let detail = format!(
        "{} {owner}:{} {:04o}",
        path.display(),
        rights.group,
        rights.mode
    );
    let own = Uid::effective().as_raw();
    let authd = User::from_name("authd").ok().flatten();
    let is_trusted = rights.owner == 0
        || rights.owner == own
        || authd.is_some_and(|user| user.uid.as_raw() == rights.owner);
    judged(path, &rights, is_trusted, detail)
}

fn judged(path: &Path, rights: &Rights, is_trusted: bool, detail: String) -> CheckedView {
    let fail = |why: &str, hint: String| {
        let detail = format!("{detail}: {why}");
        CheckedView::new(Section::Sockets, Finding::Fail, detail).hint(hint)
    };
    let shown = path.display();
    if !rights.is_socket {
        return fail("that is no socket", format!("ls -l {shown}"));
    }
    if !is_trusted {
        return fail(
            "its owner is neither root, authd nor you",
            format!("sudo rm {shown}, then: sudo systemctl restart authd"),
        );
    }
    if rights.mode & 0o007 != 0 {
        return fail("everybody may enter", format!("sudo chmod 0660 {shown}"));
    }
    if rights.is_open {
        return fail(
            "everybody may replace it",
            "sudo chmod o-w on its folder".to_owned(),
        );
    }
    let installed = path.starts_with(SYSTEM_RUN_DIR);
    let wanted = match door(path) {
        Socket::Admin => "authd-admin",
        Socket::Monitor => "authd-operator",
        Socket::Helpdesk => "authd-helpdesk",
    };
    if installed && rights.group != wanted {
        return CheckedView::new(
            Section::Sockets,
            Finding::Warn,
            format!("{detail}: the group is not {wanted}"),
        )
        .hint(format!("sudo chgrp {wanted} {shown}"));
    }
    CheckedView::new(Section::Sockets, Finding::Ok, detail)
}

/// How exposed the unit is, and whether its hash threads could step back.
pub(super) fn unit(view: Option<&DoctorView>) -> CheckedView {
    let threads = match view {
        Some(view) if view.hash_priority_lowered => "; hash threads at nice 19",
        Some(_) => {
            return CheckedView::new(
                Section::Unit,
                Finding::Warn,
                "the hash threads could not lower their priority; checks wait behind logins",
            )
            .hint("SystemCallFilter=setpriority in the unit; see authd-hardening(7)");
        }
        None => "",
    };
    let report = output(
        "systemd-analyze",
        &["--no-pager", "security", "authd.service"],
    );
    exposed(report.as_deref().and_then(exposure), threads)
}

fn exposed(exposure: Option<u32>, threads: &str) -> CheckedView {
    let Some(tenths) = exposure else {
        let detail = format!("no systemd with authd.service here{threads}");
        return CheckedView::new(Section::Unit, Finding::Skipped, detail);
    };
    let detail = format!("exposure {}.{}{threads}", tenths / 10, tenths % 10);
    if tenths <= EXPOSURE {
        return CheckedView::new(Section::Unit, Finding::Ok, detail);
    }
    CheckedView::new(
        Section::Unit,
        Finding::Warn,
        format!("{detail}; as shipped it is 1.4"),
    )
    .hint("systemctl cat authd.service; see authd-hardening(7)")
}

/// The figure of `→ Overall exposure level for authd.service: 1.4 OK`, in tenths.
fn exposure(report: &str) -> Option<u32> {
    let line = report
        .lines()
        .find(|line| line.contains("Overall exposure level"))?;
    let (_, figure) = line.rsplit_once(": ")?;
    let (whole, tenth) = figure.split_whitespace().next()?.split_once('.')?;
    let (whole, tenth): (u32, u32) = (whole.parse().ok()?, tenth.parse().ok()?);
    whole.checked_mul(10)?.checked_add(tenth)
}

/// The room for an installed daemon that does not answer.
pub(super) fn space() -> CheckedView {
    let Ok(stat) = rustix::fs::statvfs(STATE) else {
        let detail = format!("{STATE} is not there");
        return CheckedView::new(Section::Space, Finding::Skipped, detail);
    };
    room(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn room(free: u64) -> CheckedView {
    let detail = format!(
        "{STATE} {} MiB free of {} MiB wanted",
        free >> 20,
        MIN_FREE >> 20
    );
    if free >= MIN_FREE {
        return CheckedView::new(Section::Space, Finding::Ok, detail);
    }
    CheckedView::new(Section::Space, Finding::Fail, detail)
        .hint("sudo authd db rescue, then grow the volume")
}

/// Whether somebody sets the clock; behind what the daemon found.
pub(super) fn clock(found: CheckedView) -> CheckedView {
    let said = output("timedatectl", &["show", "-p", "NTPSynchronized", "--value"]);
    match said.as_deref().map(str::trim) {
        Some("yes") => CheckedView::new(Section::Clock, Finding::Ok, "synchronised by the system"),
        Some("no") => CheckedView::new(
            Section::Clock,
            Finding::Warn,
            "the system says that nothing synchronises it",
        )
        .hint("timedatectl status"),
        _ => found,
    }
}

/// What a program of the system says; none where systemd does not run, or the program fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    service_state()?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights() -> Rights {
        Rights {
            is_socket: true,
            mode: 0o660,
            owner: 0,
            group: "authd-admin".to_owned(),
            is_open: false,
        }
    }

    fn judge(path: &str, rights: &Rights, is_trusted: bool) -> (Finding, Option<String>) {
        let check = judged(Path::new(path), rights, is_trusted, "x".to_owned());
        (check.result, check.hint)
    }

    #[test]
    fn a59_a_socket_that_others_may_use_or_replace_fails_with_the_way_out() {
        let path = "/run/authd/admin.sock";
        assert_eq!(judge(path, &rights(), true), (Finding::Ok, None));
        let open = Rights {
            mode: 0o666,
            ..rights()
        };
        assert_eq!(
            judge(path, &open, true),
            (
                Finding::Fail,
                Some("sudo chmod 0660 /run/authd/admin.sock".to_owned())
            )
        );
        let replaceable = Rights {
            is_open: true,
            ..rights()
        };
        assert_eq!(judge(path, &replaceable, true).0, Finding::Fail);
        let file = Rights {
            is_socket: false,
            ..rights()
        };
        assert_eq!(judge(path, &file, true).0, Finding::Fail);
        assert_eq!(judge(path, &rights(), false).0, Finding::Fail);
    }

    #[test]
    fn an_installed_socket_has_the_group_of_its_name() {
        for (name, group) in [
            ("admin.sock", "authd-admin"),
            ("monitor.sock", "authd-operator"),
            ("helpdesk.sock", "authd-helpdesk"),
        ] {
            let own = Rights {
                group: group.to_owned(),
                ..rights()
            };
            let path = format!("/run/authd/{name}");
            assert_eq!(judge(&path, &own, true).0, Finding::Ok, "{name}");
            let other = Rights {
                group: "users".to_owned(),
                ..rights()
            };
            let (result, hint) = judge(&path, &other, true);
            assert_eq!(result, Finding::Warn, "{name}");
            assert_eq!(hint, Some(format!("sudo chgrp {group} {path}")));
            // One of a developer's own has whatever group that has.
            assert_eq!(judge("/home/x/admin.sock", &other, true).0, Finding::Ok);
        }
    }

    #[test]
    fn the_exposure_is_read_from_the_last_line_and_judged() {
        let report = "  NAME  DESCRIPTION  EXPOSURE\n\n→ Overall exposure level for authd.service: 1.4 OK :-)\n";
        assert_eq!(exposure(report), Some(14));
        assert_eq!(exposure("Unit authd.service not found."), None);
        assert_eq!(exposed(Some(14), "").result, Finding::Ok);
        assert_eq!(exposed(Some(96), "").result, Finding::Warn);
        assert_eq!(exposed(None, "").result, Finding::Skipped);
    }

    #[test]
    fn r4_little_room_fails_with_the_way_out() {
        assert_eq!(room(MIN_FREE).result, Finding::Ok);
        let short = room(41 << 20);
        assert_eq!(short.result, Finding::Fail);
        assert_eq!(short.detail, "/var/lib/authd 41 MiB free of 200 MiB wanted");
        assert!(short.hint.unwrap().starts_with("sudo authd db rescue"));
    }
}
