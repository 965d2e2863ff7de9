//! What a development daemon shows on the screen: that it is one, and the next three commands.
//! They are pasted as they stand, so paths are quoted for a shell and the socket is named wherever
//! authctl would find another one first.

use std::path::{Path, PathBuf};

use common::paths::{self, SYSTEM_RUN_DIR};
use common::text::visible;

use super::Dev;
use crate::config::{Config, DatabaseUrl};
use crate::print::Printer;

/// A password that passes the policy, for the commands on the screen.
const EXAMPLE_PASSWORD: &str = "correct horse battery staple";

/// Shows the banner.
pub(super) fn banner(config: &Config, dev: &Dev) {
    let authctl = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(|folder| folder.join("authctl")))
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("authctl"));
    let socket = &config.admin.socket;
    let mut command = quoted(&authctl.to_string_lossy());
    if dev.ephemeral.is_some() || !is_found_alone(socket) {
        command.push_str(" --socket ");
        command.push_str(&quoted(&socket.to_string_lossy()));
    }
    let DatabaseUrl::Sqlite(database) = &config.database.url;
    let mut out = Printer::stdout();
    out.line(screen(&command, &config.api.public_url, database, socket));
    // A screen that is gone needs no banner.
    drop(out.finish());
}

fn screen(authctl: &str, url: &str, database: &Path, socket: &Path) -> String {
    format!(
        "
  *** DEVELOPMENT MODE: loopback only, no TLS, keys beside the data. Not for real accounts. ***

  API       {url}
  Data      {data}
  Sockets   {admin}

  Next: make a tenant, make a user, sign in.

    {authctl} tenant create acme
    echo '{EXAMPLE_PASSWORD}' | {authctl} -t acme user create --email alice@acme.test --password-stdin --permanent
    curl -s {url}/v1/auth/login -H 'content-type: application/json' -d '{{\"tenant\":\"acme\",\"email\":\"alice@acme.test\",\"password\":\"{EXAMPLE_PASSWORD}\"}}'

  Stop with Ctrl-C.
",
        data = visible(&database.to_string_lossy()),
        admin = visible(&socket.to_string_lossy()),
    )
}

/// Whether authctl, told nothing, opens this socket: it looks at an installed daemon's ones first.
fn is_found_alone(socket: &Path) -> bool {
    let installed = ["admin.sock", "monitor.sock", "helpdesk.sock"]
        .iter()
        .any(|name| Path::new(SYSTEM_RUN_DIR).join(name).exists());
    let own = paths::dev().map(|dev| dev.run.join("admin.sock"));
    let told = std::env::var_os("AUTHCTL_SOCKET").is_some();
    !installed && !told && own.as_deref() == Some(socket)
}

/// A word as a shell takes it back, whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_act_on_them() {
        assert_eq!(quoted("/usr/bin/authctl-1.0"), "/usr/bin/authctl-1.0");
        assert_eq!(quoted("/my tools/authctl"), "'/my tools/authctl'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("$(reboot)"), "'$(reboot)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_socket_that_authctl_would_not_look_at_is_named() {
        assert!(!is_found_alone(Path::new("/elsewhere/admin.sock")));
    }
}
