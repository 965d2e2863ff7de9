//! The scene on which most stories play: a daemon, the tenant `acme`, and Alice.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{Api, Daemon, Home, Login, PASSWORD, WRONG_PASSWORD, eventually};

/// Alice's address.
pub(crate) const ALICE: &str = "alice@acme.test";

/// Starts the daemon of a home, with the tenant and Alice.
pub(crate) fn open(home: &Home) -> Daemon {
    let daemon = home.start();
    setup(&daemon);
    daemon
}

/// Makes the tenant and Alice.
pub(crate) fn setup(daemon: &Daemon) {
    let authctl = daemon.authctl();
    authctl.create_tenant("acme");
    authctl.create_user("acme", ALICE, PASSWORD);
}

/// Alice with her password.
pub(crate) fn alice() -> Login {
    Login::new("acme", ALICE, PASSWORD)
}

/// Somebody who knows a name of `acme` and no password.
pub(crate) fn guess(email: &str) -> Login {
    Login::new("acme", email, WRONG_PASSWORD)
}

/// Guesses until five guesses were refused.
pub(crate) fn lock(daemon: &Daemon, email: &str) {
    for _ in 0..5 {
        let refused = daemon.api().login(&guess(email));
        assert_eq!(refused.outcome(), "401 invalid_credentials");
    }
}

/// A daemon as README starts one, in a home of its own; it never outlives its value.
pub(crate) struct DevDaemon {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    screen: PathBuf,
}

impl DevDaemon {
    /// Starts it with further `--set` values and waits until it listens.
    pub(crate) fn start(home: &Home, set: &[&str], stderr: Stdio) -> Self {
        Self::of(home.command("authd"), home, set, &[], stderr)
    }

    /// The same with another program and further flags.
    pub(crate) fn of(
        mut command: Command,
        home: &Home,
        set: &[&str],
        flags: &[&str],
        stderr: Stdio,
    ) -> Self {
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        command.args(["--set", &format!("api.listen={address}")]);
        for value in set {
            command.args(["--set", value]);
        }
        command
            .args(["run", "--dev"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(File::create(home.path("screen")).expect("a file"))
            .stderr(stderr);
        let child = command.spawn().expect("authd starts");
        let screen = home.path("screen");
        let mut daemon = Self {
            child,
            address,
            screen,
        };
        eventually("authd run --dev listens", Duration::from_secs(30), || {
            let ended = daemon.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "it ended: {ended:?}");
            TcpStream::connect(address).ok()
        });
        daemon
    }

    /// What it has shown on the screen, once that is whole.
    pub(crate) fn screen(&self) -> String {
        eventually("the banner ends", Duration::from_secs(10), || {
            let text = fs::read_to_string(&self.screen).expect("the screen");
            text.contains("Ctrl-C").then_some(text)
        })
    }

    /// Ends it as Ctrl-C does, and waits for its end.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
        let status = eventually("authd ends", Duration::from_secs(20), || {
            self.child.try_wait().expect("a child can be waited for")
        });
        assert_eq!(status.code(), Some(0));
    }

    /// Its HTTP API.
    pub(crate) fn api(&self) -> Api {
        Api::at(self.address)
    }
}

impl Drop for DevDaemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
