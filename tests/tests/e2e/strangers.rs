//! Another user of the machine at the admin sockets: the kernel keeps him out, at every moment of a
//! start and a stop (A59), and authctl tells him why.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use harness::{Exit, Home, eventually};

/// Whether this test may become somebody else.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A home whose folder strangers may enter, as they may enter `/run`; authctl lies in it for them.
fn public_home() -> Home {
    let home = Home::new();
    fs::set_permissions(home.path(""), Permissions::from_mode(0o755)).expect("its mode");
    fs::copy(harness::binary("authctl"), home.path("authctl")).expect("a copy");
    home
}

/// The home's authctl, run by nobody in particular.
fn stranger(home: &Home, socket: &Path) -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(home.path("authctl"))
        .env_clear()
        .current_dir("/")
        .args(["--timeout", "5s", "--socket"])
        .arg(socket)
        .arg("ping");
    command
}

#[test]
fn without_permission_it_ends_with_4_and_says_who_may() {
    let home = public_home();
    let daemon = home.start();
    let socket = home.path("run/admin.sock");
    let exit = if is_root() {
        Exit::of(stranger(&home, &socket), "", Duration::from_secs(20))
    } else {
        // Whoever is not root is kept out of his own socket as well.
        fs::set_permissions(&socket, Permissions::from_mode(0o000)).expect("its mode");
        daemon.authctl().run(&["ping"])
    };
    assert_eq!(exit.code, Some(4), "{exit:?}");
    assert_eq!(exit.stdout, "", "{exit:?}");
    assert!(exit.stderr.starts_with("authctl: error: "), "{exit:?}");
    assert!(exit.stderr.contains("admin.sock"), "{exit:?}");
    assert!(exit.stderr.lines().count() <= 5, "{exit:?}");
}

/// Looks at every socket below the folder, in the closed folders of a moment as well, until told to
/// stop; hands back how often it saw one in its place.
fn watch(folder: &Path, is_over: &AtomicBool) -> u32 {
    let mut seen = 0;
    while !is_over.load(Ordering::Relaxed) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(found) = fs::symlink_metadata(entry.path()) else {
                continue;
            };
            let mode = found.mode() & 0o777;
            if found.file_type().is_socket() {
                seen += 1;
                assert_eq!(mode & !0o660, 0, "{} has {mode:o}", entry.path().display());
            } else {
                assert!(found.is_dir(), "{}", entry.path().display());
                assert_eq!(mode, 0o700, "{}", entry.path().display());
            }
        }
    }
    seen
}

/// Knocks at a socket again and again as a stranger; hands back how often he was let in.
fn knock(home: &Home, is_over: &AtomicBool, knocks: &AtomicU32) -> u32 {
    let mut admitted = 0;
    while !is_over.load(Ordering::Relaxed) {
        let mut command = stranger(home, &home.path("run/admin.sock"));
        let status = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("setpriv is missing; install it: apt-get install util-linux");
        // 3: nobody listens; 4: kept out.
        admitted += u32::from(!matches!(status.code(), Some(3 | 4)));
        knocks.fetch_add(1, Ordering::Relaxed);
    }
    admitted
}

#[test]
fn a59_no_stranger_gets_in_while_the_daemon_starts_and_stops() {
    const ROUNDS: u32 = 8;
    let home = public_home();
    let folder = home.path("run");
    let is_over = AtomicBool::new(false);
    let knocks = AtomicU32::new(0);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&folder, &is_over));
        let knocker = is_root().then(|| scope.spawn(|| knock(&home, &is_over, &knocks)));
        for _ in 0..ROUNDS {
            let daemon = home.start();
            let before = knocks.load(Ordering::Relaxed);
            if is_root() {
                eventually(
                    "he knocked at the open house",
                    Duration::from_secs(10),
                    || (knocks.load(Ordering::Relaxed) > before + 1).then_some(()),
                );
            }
            daemon.authctl().ok(&["ping"]);
            assert_eq!(daemon.stop().code, Some(0));
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(watcher.join().expect("no socket was wider") >= ROUNDS);
        if let Some(knocker) = knocker {
            assert_eq!(knocker.join().expect("he knocks"), 0, "a stranger got in");
        }
    });
}
