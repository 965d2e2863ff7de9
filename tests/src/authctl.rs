//! Runs the real `authctl` in an empty environment and hands back what a script would see.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::Exit;

/// `authctl` at one socket.
#[derive(Debug, Clone)]
pub struct Authctl {
    socket: PathBuf,
}

impl Authctl {
    /// At a socket of the caller's choice.
    pub fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_path_buf(),
        }
    }

    /// The command with `--socket`, without arguments and with an environment that holds nothing.
    pub fn command(&self) -> Command {
        let mut command = Command::new(crate::binary("authctl"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", "/nonexistent")
            .env("RUST_BACKTRACE", "1")
            .arg("--socket")
            .arg(&self.socket);
        command
    }

    /// Runs it without input.
    ///
    /// # Panics
    /// If the program cannot be run, or panicked.
    pub fn run(&self, arguments: &[&str]) -> Exit {
        self.run_with_input(arguments, "")
    }

    /// Runs it with text on standard input.
    ///
    /// # Panics
    /// If the program cannot be run, or panicked.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Exit {
        let mut command = self.command();
        command.args(["--timeout", "20s"]).args(arguments);
        let output = Exit::of(command, input, Duration::from_secs(30));
        assert_ne!(output.code, Some(101), "authctl panicked: {output:?}");
        output
    }

    /// Runs it and expects success; hands back standard output.
    ///
    /// # Panics
    /// If it ends with anything but 0.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.code, Some(0), "authctl {arguments:?}: {output:?}");
        output.stdout
    }

    /// Runs it with `--json`, expects success, and reads the JSON.
    ///
    /// # Panics
    /// If it ends with anything but 0, or prints no JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend_from_slice(arguments);
        let text = self.ok(&all);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("authctl {arguments:?} printed {text:?}: {error}"))
    }

    /// The items of a list.
    ///
    /// # Panics
    /// If the command fails or prints no list.
    pub fn items(&self, arguments: &[&str]) -> Vec<Value> {
        let list = self.json(arguments);
        list.get("items")
            .and_then(Value::as_array)
            .unwrap_or_else(|| panic!("no items in {list}"))
            .clone()
    }

    /// Makes a tenant.
    ///
    /// # Panics
    /// If that fails.
    pub fn create_tenant(&self, slug: &str) {
        self.ok(&["tenant", "create", slug]);
    }

    /// Makes a user whose password stands as set; hands back the id.
    ///
    /// # Panics
    /// If that fails.
    pub fn create_user(&self, tenant: &str, email: &str, password: &str) -> String {
        self.create_user_with(tenant, email, password, &[])
    }

    /// As [`Authctl::create_user`], with further flags.
    ///
    /// # Panics
    /// If that fails.
    pub fn create_user_with(
        &self,
        tenant: &str,
        email: &str,
        password: &str,
        flags: &[&str],
    ) -> String {
        let mut arguments = vec!["--json", "-t", tenant, "user", "create", "--email", email];
        arguments.extend_from_slice(&["--password-stdin", "--permanent"]);
        arguments.extend_from_slice(flags);
        let output = self.run_with_input(&arguments, password);
        assert_eq!(output.code, Some(0), "user create: {output:?}");
        let result: Value = serde_json::from_str(&output.stdout).expect("a result as JSON");
        result
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no id in {result}"))
            .to_owned()
    }
}
