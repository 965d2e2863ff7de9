//! The folder of one daemon: configuration, database, sockets; kept over restarts, gone with the test.
//! Nothing outside of it is touched.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::clock::WallClock;
use crate::daemon::Daemon;
use crate::process::Exit;
use crate::program::free_address;

/// Binds sockets and passes them to a program at the first connection; of Debian's package systemd.
const SOCKET_ACTIVATE: &str = "/usr/bin/systemd-socket-activate";

/// The installation of one daemon.
pub struct Home {
    folder: TempDir,
    settings: BTreeMap<String, String>,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    clock: Option<Arc<WallClock>>,
    wrapper: Vec<String>,
}

impl Home {
    /// An empty one, with a configuration that keeps everything below its folder and switches the
    /// budget of failures an address off: in tests all clients share one.
    ///
    /// # Panics
    /// If the folders cannot be made.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("authd-")
            .tempdir()
            .expect("a folder for the test");
        for (name, mode) in [("data", 0o700), ("run", 0o755), ("authd.toml.d", 0o755)] {
            let path = folder.path().join(name);
            fs::create_dir(&path).expect("a folder for the daemon");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        }
        let home = Self {
            folder,
            settings: BTreeMap::new(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            clock: None,
            wrapper: Vec::new(),
        };
        home.setting("api.public_url", "\"http://127.0.0.1:8440\"")
            .path_setting("admin.socket", "run/admin.sock", "")
            .path_setting("admin.monitor_socket", "run/monitor.sock", "")
            .setting("admin.socket_group", "\"\"")
            .setting("admin.monitor_socket_group", "\"\"")
            .setting("admin.helpdesk_socket_group", "\"\"")
            .path_setting("database.url", "data/authd.db", "sqlite:")
            .path_setting("backup.dir", "data/backups", "")
            .path_setting("mail.template_dir", "templates", "")
            .setting("login_budget.failures_per_ip", "0")
            .setting("log.target", "\"json\"")
            .setting("metrics.listen", "\"\"")
    }

    fn path_setting(self, key: &str, path: &str, prefix: &str) -> Self {
        let value = format!("\"{prefix}{}\"", self.path(path).display());
        self.setting(key, &value)
    }

    /// Sets a configuration key to a TOML value.
    #[must_use]
    pub fn setting(mut self, key: &str, toml: &str) -> Self {
        self.settings.insert(key.to_owned(), toml.to_owned());
        self
    }

    /// As [`Home::setting`], between two starts.
    pub fn change(&mut self, key: &str, toml: &str) {
        self.settings.insert(key.to_owned(), toml.to_owned());
    }

    /// Takes a setting back, between two starts.
    pub fn forget(&mut self, key: &str) {
        self.settings.remove(key);
    }

    /// With `helpdesk.sock`.
    #[must_use]
    pub fn with_helpdesk(self) -> Self {
        self.path_setting("admin.helpdesk_socket", "run/helpdesk.sock", "")
    }

    /// Adds `--set KEY=VALUE` to the command line.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.arguments.push("--set".to_owned());
        self.arguments.push(format!("{key}={value}"));
        self
    }

    /// Adds a variable to the daemon's otherwise empty environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts the daemon through another program that becomes it, such as `prlimit`.
    #[must_use]
    pub fn through(mut self, wrapper: &[&str]) -> Self {
        self.go_through(wrapper);
        self
    }

    /// As [`Home::through`], between two starts.
    pub fn go_through(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(ToString::to_string).collect();
    }

    /// Gives the daemon a wall clock that the test moves.
    ///
    /// # Panics
    /// If libfaketime is not installed.
    #[must_use]
    pub fn with_clock(mut self) -> Self {
        self.clock = Some(Arc::new(WallClock::new(self.folder.path())));
        self
    }

    /// The clock of [`Home::with_clock`].
    ///
    /// # Panics
    /// If there is none.
    pub fn clock(&self) -> &WallClock {
        self.clock.as_deref().expect("made with_clock")
    }

    /// A path below the folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.path("data/authd.db")
    }

    /// The state folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Starts the daemon and waits until it says that it is ready.
    ///
    /// # Panics
    /// If it ends or is not ready in time; the message holds what it wrote.
    pub fn start(&self) -> Daemon {
        // Between choosing a port and binding it somebody else may take it.
        for _ in 0..5 {
            match self.try_start() {
                Ok(daemon) => return daemon,
                Err(exit) if exit.stderr.contains("in use") => {}
                Err(exit) => panic!("authd ended with {:?}:\n{}", exit.code, exit.stderr),
            }
        }
        panic!("no free port in five tries");
    }

    /// Starts the daemon; an early end is the error.
    ///
    /// # Errors
    /// The exit status and what the daemon wrote, if it ended before it was ready.
    ///
    /// # Panics
    /// If it is neither ready nor at its end in time.
    pub fn try_start(&self) -> Result<Daemon, Exit> {
        self.try_start_on(free_address().port())
    }

    /// As [`Home::try_start`], on a port of the caller's choice.
    ///
    /// # Errors
    /// As [`Home::try_start`].
    ///
    /// # Panics
    /// As [`Home::try_start`].
    pub fn try_start_on(&self, port: u16) -> Result<Daemon, Exit> {
        let config = self.write_config(port);
        let mut command = self.command("authd");
        command.arg("--config").arg(&config);
        command.args(&self.arguments).arg("run");
        if let Some(clock) = &self.clock {
            clock.apply(&mut command);
        }
        Daemon::spawn(
            command,
            self.folder.path(),
            port,
            self.clock.as_ref().map(Arc::clone),
            None,
        )
    }

    /// Starts the daemon with listening sockets passed to it, the way systemd does: addresses or paths
    /// with the names of their descriptors. The port is that of the API. An early end is the error.
    ///
    /// # Errors
    /// As [`Home::try_start`].
    ///
    /// # Panics
    /// As [`Home::try_start`]; also if `systemd-socket-activate` is not installed.
    pub fn try_start_passed(&self, sockets: &[(&str, &str)]) -> Result<Daemon, Exit> {
        let port = free_address().port();
        let config = self.write_config(port);
        let mut command = Command::new(SOCKET_ACTIVATE);
        self.surround(&mut command);
        let mut names = Vec::new();
        let mut knock = None;
        for (name, address) in sockets {
            let address = address.replace("PORT", &port.to_string());
            command.arg("--listen").arg(&address);
            names.push(*name);
            knock.get_or_insert(address);
        }
        command.arg(format!("--fdname={}", names.join(":")));
        // It starts its program with a few variables of its own environment alone.
        for name in self.environment.keys().map(String::as_str) {
            command.arg(format!("--setenv={name}"));
        }
        command.arg("--setenv=NOTIFY_SOCKET");
        command.args(&self.wrapper);
        command.arg(crate::binary("authd")).arg("--config");
        command.arg(&config).args(&self.arguments).arg("run");
        Daemon::spawn(command, self.folder.path(), port, None, knock.as_deref())
    }

    /// Runs another subcommand of `authd` to its end, with the same configuration.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn authd(&self, arguments: &[&str]) -> Exit {
        let config = self.write_config(free_address().port());
        let mut command = self.command("authd");
        command.arg("--config").arg(&config);
        command.args(&self.arguments).args(arguments);
        Exit::of(command, "", Duration::from_secs(30))
    }

    /// The files of the state folder with their content, to see that nothing was touched.
    ///
    /// # Panics
    /// If one cannot be read.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.data()).expect("the state folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let content = fs::read(&path).expect("a file");
                files.insert(path, content);
            }
        }
        files
    }

    /// A program of ours with an empty environment, whose home is the folder.
    pub fn command(&self, name: &str) -> Command {
        let program = crate::binary(name);
        let mut command = match self.wrapper.split_first() {
            Some((wrapper, arguments)) => {
                let mut command = Command::new(wrapper);
                command.args(arguments).arg(program);
                command
            }
            None => Command::new(program),
        };
        self.surround(&mut command);
        command
    }

    /// The folder, and an environment with nothing of the caller's.
    fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("RUST_BACKTRACE", "1")
            .envs(&self.environment)
            .current_dir(self.folder.path());
    }

    /// Writes the configuration file for a port and says where it is.
    fn write_config(&self, port: u16) -> PathBuf {
        let mut text = format!("api.listen = [\"127.0.0.1:{port}\"]\n");
        for (key, value) in &self.settings {
            writeln!(text, "{key} = {value}").expect("a string takes text");
        }
        let path = self.path("authd.toml");
        fs::write(&path, text).expect("the configuration is written");
        path
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}
